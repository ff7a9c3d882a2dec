//! From files to a log, after whatever happened. The rules are those of `docs/design.md`, as a table:
//!
//! | | head segment | sealed segment | next segment, still empty | index | checkpoint |
//! | --- | --- | --- | --- | --- | --- |
//! | valid | scanned from the checkpoint | trusted by its footer | is the head | mapped | used |
//! | zeros | the end | trimmed behind the proved end | is the head | rebuilt | its sibling; both: read-only |
//! | torn | cut, evidence kept | cannot be: damage | cut; in its header: end unknown | rebuilt | likewise |
//! | corrupt | named; sealed, goes on in a new one | named, served around | end unknown | rebuilt | likewise |
//! | unknown version | refused | refused | refused | rebuilt | refused |
//! | I/O error | refused | refused | refused | rebuilt in memory | refused |
//!
//! A segment header stands twice: one sound copy is as good as two. Damage before the checkpoint's place is found
//! and named by whoever reads it. An end that is unknown keeps the log read-only until somebody accepts the
//! loss; the header of the next segment makes that last.
//!
//! Evidence reaches only as far as it survives itself: where damage takes the tail of the head from behind the
//! checkpoint's place on, with all the frames that would vouch for it, it cannot be told from a torn write.
//!
//! Every step may be interrupted and repeated. What it costs is in proportion to what lies behind the last
//! checkpoint, not to the log.

mod head;
pub(super) mod plan;
pub(super) mod sealed;
#[cfg(test)]
mod table_tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use super::authority::AuthorityError;
use super::checkpoints::Checkpoints;
use super::error::DamagedRange;
use super::jobs::{Jobs, proof_at, write_index};
use super::layout::{index_path, parse_index_name, parse_segment_name, segment_path};
use super::segment::{Segment, new_header};
use super::shared::Shared;
use super::writer::{Log, WriterState};
use crate::codec::checkpoint::{Checkpoint, Proof};
use crate::codec::envelope::EnvelopeError;
use crate::codec::segment_header::{FRAMES_START, FoundHeader, LogIdentity, SegmentHeader};
use crate::disk::{
    Disk, DiskError, DiskFile, DiskResultExt, read_exact_at, remove_files, remove_temporary_files,
};
use crate::types::num::to_usize;
use crate::types::{LogConfig, Offset, OffsetRange};

/// What to do where damage hides the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknownEnd {
    /// Serve what can be read, and take no appends.
    Refuse,
    /// Go on in a new segment, at an offset that cannot have been given out before: `log repair`.
    Accept,
}

/// Why a log cannot be opened at all.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no log in the directory.
    #[error("there is no log in {}", .0.display())]
    NoLog(PathBuf),
    /// A file was written by a later version of Highwater.
    #[error("{} was written by a newer version of Highwater (format {found}, this build reads up to {known})", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// A log that has been opened, and what was met on the way.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: Log,
    /// What was met.
    pub report: OpeningReport,
}

/// What opening a log met and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningReport {
    /// The bytes of a torn tail that were cut off, and where the copy of their beginning lies.
    pub torn: Option<(u64, PathBuf)>,
    /// The bytes that were written again, since nothing proved them durable.
    pub rewritten_bytes: u64,
    /// The bytes that were looked at.
    pub scanned_bytes: u64,
    /// Segments that an interrupted retention had left behind.
    pub deleted_segments: u32,
    /// What cannot be read.
    pub damaged: Vec<DamagedRange>,
    /// Why the log takes no appends, where it takes none.
    pub end_unknown: Option<&'static str>,
}

impl Log {
    /// Creates a log in a directory that exists and is empty. Interrupted, it leaves a directory that
    /// [`Log::open`] refuses, so make it under a temporary name.
    ///
    /// # Errors
    /// What the disk said.
    pub fn create(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        identity: LogIdentity,
        now_ms: i64,
    ) -> Result<(), DiskError> {
        let header = new_header(identity, Offset::ZERO, now_ms, None);
        let segment = Segment::create(&**disk, directory, &header)?;
        let checkpoint = Checkpoint {
            open_epoch: 0,
            log_start_offset: Offset::ZERO,
            proof: proof_at(&segment, &segment.start()),
        };
        Checkpoints::create(Arc::clone(disk), directory, identity, checkpoint).map(drop)
    }

    /// Opens the log in `directory`, recovering what needs it.
    ///
    /// The entries that lead to `directory` must be durable. That they can be seen proves nothing: whoever made
    /// or renamed them may have been killed before the sync, so sync the parents when starting.
    ///
    /// # Errors
    /// See [`OpenError`]. Damage is no error: it is in the report, and served around.
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        identity: LogIdentity,
        config: LogConfig,
        on_unknown_end: OnUnknownEnd,
    ) -> Result<Opened, OpenError> {
        remove_temporary_files(&*disk, directory)?;
        let (checkpoints, log_start) = load_checkpoints(&disk, directory, identity)?;
        let mut opening = Opening {
            disk: &*disk,
            directory,
            identity,
            config: &config,
            proof: checkpoints.as_ref().map(|checkpoints| checkpoints.current().proof),
            open_epoch: checkpoints.as_ref().map_or(0, |checkpoints| checkpoints.current().open_epoch),
            log_start,
            segments: Vec::new(),
            missing: Vec::new(),
            report: OpeningReport::default(),
        };
        let bases = opening.list_segments(checkpoints.is_some())?;
        let outcome = opening.open_segments(&bases, checkpoints.is_some(), on_unknown_end)?;
        let (segments, missing, mut report) = (opening.segments, opening.missing, opening.report);

        let open_epoch = opening.open_epoch.saturating_add(1);
        let was_proved = opening.proof;
        let log_start = log_start.unwrap_or_else(|| bases.first().copied().unwrap_or_default());
        let (durable, last_append_ms) = (outcome.end.max(log_start), last_append_ms(&segments));
        let shared = Arc::new(Shared::new(
            Arc::clone(&disk),
            directory.to_owned(),
            config.index_interval_bytes,
            segments,
            OffsetRange { first: log_start, end: durable },
            !outcome.state.is_writable(),
        ));
        *shared.missing.write() = missing;
        report.damaged = shared.damaged_ranges();

        let checkpoint = Checkpoint { open_epoch, log_start_offset: log_start, proof: outcome.proof };
        let may_write = outcome.state.is_writable();
        if was_proved != Some(outcome.proof) {
            write_head_index(&shared, &outcome.state);
        }
        let checkpoints = store_checkpoint(disk, directory, identity, checkpoints, checkpoint, may_write)?;
        let state = outcome.state.start(&shared, open_epoch, &config)?;
        let checkpointed = outcome.proof.position.0;
        let mut log = Log {
            shared,
            config,
            identity,
            checkpoints: Arc::new(Mutex::new(checkpoints)),
            state,
            open_epoch,
            last_append_ms,
            checkpointed,
            jobs: Jobs::default(),
            first_seen: HashMap::new(),
            last_by_age_ms: None,
        };
        if report.end_unknown.is_some() && may_write {
            // Only the header of the next segment makes the decision last.
            log.make_next_head(last_append_ms)?;
        }
        Ok(Opened { log, report })
    }
}

/// What an opening gathers on its way.
struct Opening<'a> {
    disk: &'a dyn Disk,
    directory: &'a Path,
    identity: LogIdentity,
    config: &'a LogConfig,
    proof: Option<Proof>,
    open_epoch: u32,
    /// None where the checkpoint is lost.
    log_start: Option<Offset>,
    segments: Vec<Arc<Segment>>,
    missing: Vec<DamagedRange>,
    report: OpeningReport,
}

/// Where the segments have led.
struct Outcome {
    state: head::EndState,
    end: Offset,
    proof: Proof,
}

impl Opening<'_> {
    /// The base offsets of the segment files, after those wholly below the log start have been deleted.
    fn list_segments(&mut self, has_checkpoint: bool) -> Result<Vec<Offset>, OpenError> {
        let entries = self.disk.list_dir(self.directory).during("list", self.directory)?;
        let mut bases: Vec<Offset> =
            entries.iter().filter_map(|entry| parse_segment_name(&entry.name)).collect();
        if bases.is_empty() && !has_checkpoint {
            return Err(OpenError::NoLog(self.directory.to_owned()));
        }
        bases.sort_unstable();
        let log_start = self.log_start.unwrap_or_default();
        let doomed = bases.partition_point(|base| *base <= log_start).saturating_sub(1);
        let segments: Vec<_> = bases.drain(..doomed).map(|base| segment_path(self.directory, base)).collect();
        self.report.deleted_segments = u32::try_from(segments.len()).unwrap_or(u32::MAX);
        // Theirs, and what a reader may have rebuilt while retention removed its segment.
        let is_useless = |base: &Offset| bases.first().is_none_or(|first| base < first) && *base < log_start;
        let indexes = entries.iter().filter_map(|entry| parse_index_name(&entry.name)).filter(is_useless);
        let useless: Vec<_> = indexes.map(|base| index_path(self.directory, base)).chain(segments).collect();
        if !useless.is_empty() {
            // The log start may have been read from a checkpoint that a killed process renamed and never synced:
            // it must be durable before anything is removed on its word.
            self.disk.sync_dir(self.directory).during("sync", self.directory)?;
            remove_files(self.disk, self.directory, useless.into_iter())?;
        }
        Ok(bases)
    }

    fn open_segments(
        &mut self,
        bases: &[Offset],
        has_checkpoint: bool,
        on_unknown_end: OnUnknownEnd,
    ) -> Result<Outcome, OpenError> {
        if let (Some(first), Some(log_start)) = (bases.first(), self.log_start)
            && log_start < *first
        {
            self.miss(log_start, *first, "the file that held them is missing");
        }
        for (base, next) in bases.iter().zip(bases.iter().skip(1)) {
            self.open_sealed(*base, *next)?;
        }
        let found = match bases.last() {
            Some(last) => self.open_last(*last, has_checkpoint)?,
            None => self.without_segments(),
        };
        self.decide_end(found, bases.last().copied(), on_unknown_end)
    }

    /// Remembers offsets for which there is no file.
    fn miss(&mut self, first: Offset, end: Offset, what: &'static str) {
        let offsets = OffsetRange { first, end };
        self.missing.push(DamagedRange { offsets, segment: first, position: FRAMES_START, what });
    }

    /// The header of a segment file, and the file; an error text where it cannot be believed.
    fn read_header(
        &self,
        file: &dyn DiskFile,
        path: &Path,
        base: Offset,
    ) -> Result<Result<FoundHeader, &'static str>, OpenError> {
        let len = file.len().during("stat", path)?.min(FRAMES_START.0);
        let mut bytes = vec![0; to_usize(len)];
        read_exact_at(file, &mut bytes, crate::types::FilePosition::ZERO).during("read", path)?;
        match SegmentHeader::decode(&bytes) {
            Ok(found) if found.header.identity != self.identity => Ok(Err("a file of another partition")),
            Ok(found) if found.header.base_offset != base => Ok(Err("a file under the name of another")),
            Ok(found) => {
                if found.is_copy_damaged {
                    tracing::error!(path = %path.display(), "one copy of the header is damaged; the other is used");
                }
                Ok(Ok(found))
            }
            Err(EnvelopeError::Damaged(_)) => Ok(Err("a damaged segment header")),
            Err(EnvelopeError::NewerVersion { found, known }) => {
                Err(OpenError::NewerVersion { path: path.to_owned(), found, known })
            }
        }
    }
}

/// The checkpoint and the log start it gives; neither where every generation is damaged or missing.
fn load_checkpoints(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    identity: LogIdentity,
) -> Result<(Option<Checkpoints>, Option<Offset>), OpenError> {
    match Checkpoints::load(Arc::clone(disk), directory, identity) {
        Ok(checkpoints) => {
            let log_start = checkpoints.current().log_start_offset;
            Ok((Some(checkpoints), Some(log_start)))
        }
        Err(AuthorityError::NewerVersion { path, found, known }) => {
            Err(OpenError::NewerVersion { path, found, known })
        }
        Err(AuthorityError::Io(error)) => Err(error.into()),
        Err(error @ (AuthorityError::Damaged { .. } | AuthorityError::Missing(_))) => {
            tracing::error!(%error, "no checkpoint can be read");
            Ok((None, None))
        }
    }
}

/// Makes the new epoch durable before anything is written in it. A log that takes no writes is left as it is.
fn store_checkpoint(
    disk: Arc<dyn Disk>,
    directory: &Path,
    identity: LogIdentity,
    loaded: Option<Checkpoints>,
    next: Checkpoint,
    may_write: bool,
) -> Result<Checkpoints, OpenError> {
    match loaded {
        Some(mut checkpoints) => {
            if may_write {
                checkpoints.reopen(next)?;
            }
            Ok(checkpoints)
        }
        None if may_write => {
            Checkpoints::quarantine(&*disk, directory, identity)?;
            Ok(Checkpoints::create(disk, directory, identity, next)?)
        }
        None => Ok(Checkpoints::detached(disk, directory, identity, next)),
    }
}

/// Without it the next opening would scan what the checkpoint spares it, for the index alone.
fn write_head_index(shared: &Shared, end: &head::EndState) {
    if let head::EndState::Open { segment, end } = end
        && let Err(error) = write_index(shared, segment, end)
    {
        tracing::warn!(%error, "the index of the last segment could not be written");
    }
}

fn last_append_ms(segments: &[Arc<Segment>]) -> i64 {
    segments.iter().filter_map(|segment| segment.times()).map(|times| times.last_append_ms).max().unwrap_or(0)
}

impl head::EndState {
    fn start(self, shared: &Shared, open_epoch: u32, config: &LogConfig) -> Result<WriterState, DiskError> {
        Ok(match self {
            head::EndState::Open { segment, end } => WriterState::Open(super::head::Head::new(
                &*shared.disk,
                segment,
                open_epoch,
                end,
                end.position,
                config.write_ahead_bytes_max,
            )?),
            head::EndState::Sealed(previous) => WriterState::Sealed(previous),
            head::EndState::Unknown => WriterState::EndUnknown,
        })
    }
}
