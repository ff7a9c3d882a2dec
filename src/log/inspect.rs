//! Looking at a partition's files without changing any of them: what `highwater log verify` and `log dump` do.
//! The same scan and the same decisions as recovery's, over every byte instead of what a checkpoint leaves.

use std::path::{Path, PathBuf};

use super::authority::AuthorityError;
use super::checkpoints::Checkpoints;
use super::error::DamagedRange;
use super::layout::{index_path, parse_segment_name, segment_path};
use super::recovery::plan::{damage_in_sealed, plan_head};
use super::recovery::sealed::read_footer;
use super::scan::{Scan, Tail, scan_with};
use super::segment::Segment;
use super::segment_index::SegmentIndex;
use super::shared::name_damage;
use crate::codec::checkpoint::Checkpoint;
use crate::codec::envelope::EnvelopeError;
use crate::codec::frame::FrameHeader;
use crate::codec::index::{INDEX_BYTES_MAX, IndexView};
use crate::codec::segment_header::{FRAMES_START, FoundHeader, LogIdentity, SegmentHeader};
use crate::disk::{Access, Disk, DiskError, DiskFile, DiskResultExt, read_exact_at, read_file};
use crate::types::num::to_usize;
use crate::types::{FilePosition, Offset, OffsetRange};

/// What is shown of each sound frame: the segment's base offset, the header, the payload.
pub type FrameObserver<'a> = &'a mut dyn FnMut(Offset, &FrameHeader, &[u8]);

/// What a partition's files hold.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The segments, in order.
    pub segments: Vec<SegmentInspection>,
    /// The checkpoint, where one can be read.
    pub checkpoint: Option<Checkpoint>,
    /// The partition that the files say they belong to.
    pub identity: Option<LogIdentity>,
    /// Records that cannot be read.
    pub damaged: Vec<DamagedRange>,
    /// Damage that costs no record: to a copy, to something that is rebuilt, to a name.
    pub findings: Vec<Finding>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInspection {
    /// The file.
    pub path: PathBuf,
    /// The offsets that it covers.
    pub offsets: OffsetRange,
    /// How many frames it holds, empty ones included.
    pub frame_count: u64,
    /// The file's length in bytes.
    pub file_len: u64,
    /// Whether it ends with a footer.
    pub is_sealed: bool,
    /// Bytes behind the last frame that the next start will cut off: never acknowledged.
    pub torn_bytes: u64,
}

/// Something that is wrong with a file, and costs no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

impl Inspection {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.findings.is_empty()
    }

    fn find(&mut self, path: &Path, what: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), what: what.into() });
    }

    fn miss(&mut self, first: Offset, end: Offset, what: &'static str) {
        let offsets = OffsetRange { first, end };
        self.damaged.push(DamagedRange { offsets, segment: first, position: FRAMES_START, what });
    }
}

/// Reads every file of the partition in `directory`, changing nothing. The broker must not be running: what it
/// is writing would look torn. Without `identity`, the partition is whose its first sound header says.
///
/// # Errors
/// What the disk said. Damage is not an error, it is what is being looked for.
pub fn inspect(
    disk: &dyn Disk,
    directory: &Path,
    identity: Option<LogIdentity>,
    observe: FrameObserver<'_>,
) -> Result<Inspection, DiskError> {
    let entries = disk.list_dir(directory).during("list", directory)?;
    let mut bases: Vec<Offset> = entries.iter().filter_map(|entry| parse_segment_name(&entry.name)).collect();
    bases.sort_unstable();
    let identity = identity.or_else(|| bases.iter().find_map(|base| peek_identity(disk, directory, *base)));
    let mut found = Inspection { identity, ..Inspection::default() };
    inspect_checkpoint(disk, directory, &mut found)?;
    let mut expected = found.checkpoint.map(|checkpoint| checkpoint.log_start_offset);
    for (index, base) in bases.iter().enumerate() {
        let next = bases.get(index + 1).copied();
        if let Some(expected) = expected.filter(|expected| expected < base) {
            found.miss(expected, *base, "the file that held them is missing");
        }
        let end = inspect_segment(disk, directory, *base, next, &mut found, observe)?;
        expected = Some(end);
    }
    let proved = found.checkpoint.map_or(Offset::ZERO, |checkpoint| checkpoint.proof.end_offset);
    let end = expected.unwrap_or_default();
    if end < proved {
        found.miss(end, proved, "the end of the log is missing");
    }
    Ok(found)
}

fn inspect_checkpoint(disk: &dyn Disk, directory: &Path, found: &mut Inspection) -> Result<(), DiskError> {
    let Some(identity) = found.identity else { return Ok(()) };
    match Checkpoints::peek(disk, directory, identity) {
        Ok(checkpoint) => found.checkpoint = Some(checkpoint),
        Err(AuthorityError::Io(error)) => return Err(error),
        Err(error) => found.find(&directory.join(super::layout::CHECKPOINT), error.to_string()),
    }
    for path in Checkpoints::damaged_generations(disk, directory, identity) {
        found.find(&path, "this generation of the checkpoint is damaged");
    }
    Ok(())
}

fn peek_identity(disk: &dyn Disk, directory: &Path, base: Offset) -> Option<LogIdentity> {
    let file = disk.open(&segment_path(directory, base), Access::Read).ok()?;
    let mut bytes = vec![0; to_usize(FRAMES_START.0)];
    read_exact_at(&*file, &mut bytes, FilePosition::ZERO).ok()?;
    SegmentHeader::decode(&bytes).ok().map(|found| found.header.identity)
}

/// Returns the end offset of the segment.
fn inspect_segment(
    disk: &dyn Disk,
    directory: &Path,
    base: Offset,
    next: Option<Offset>,
    found: &mut Inspection,
    observe: FrameObserver<'_>,
) -> Result<Offset, DiskError> {
    let path = segment_path(directory, base);
    let file = disk.open(&path, Access::Read).during("open", &path)?;
    let header = match read_header(&*file, &path, base, found)? {
        Ok(header) => header,
        Err(what) => {
            found.find(&path, what.clone());
            let end = next.unwrap_or_else(|| base.plus(1));
            found.miss(base, end, "in a segment whose header cannot be read");
            return Ok(end);
        }
    };
    let segment = Segment::open(directory, &header.header, header.crc, SegmentIndex::unloaded());
    let scan = scan_with(&*file, segment.nonce, segment.start(), u64::MAX, &mut |header, payload| {
        observe(base, header, payload);
    })
    .during("read", &path)?;
    let footer = match scan.tail {
        Tail::Footer(footer) => Some(footer),
        Tail::Zeros | Tail::Torn { .. } => read_footer(&*file, &path, segment.nonce)?,
    };
    if footer.is_none() && next.is_some() {
        found.find(&path, "a segment that another one follows has no footer");
    }
    let end = next.or(footer.map(|footer| footer.end_offset)).unwrap_or(scan.end.next_offset);
    let (damage, torn_bytes) = judge(&scan, &segment, end, footer.is_some() || next.is_some(), found);
    found.damaged.extend(damage);
    if footer.is_some() {
        check_index(disk, directory, &segment, scan.end.position, found);
    }
    found.segments.push(SegmentInspection {
        path,
        offsets: OffsetRange { first: base, end },
        frame_count: scan.end.frame_count,
        file_len: scan.file_len,
        is_sealed: footer.is_some(),
        torn_bytes,
    });
    Ok(end)
}

/// The damage in a segment, and the length of its torn tail.
fn judge(
    scan: &Scan,
    segment: &Segment,
    end: Offset,
    is_sealed: bool,
    found: &Inspection,
) -> (Vec<DamagedRange>, u64) {
    let mut chain = scan.end;
    chain.next_offset = end;
    if is_sealed {
        let damage = damage_in_sealed(scan, &chain);
        return (damage.iter().map(|damage| name_damage(segment, damage)).collect(), 0);
    }
    // What the checkpoint proves counts as it does for recovery, though the scan has begun before it.
    let proved = found
        .checkpoint
        .map(|checkpoint| checkpoint.proof)
        .filter(|proof| proof.segment == segment.base)
        .map_or(FRAMES_START, |proof| proof.position);
    let mut start = segment.start();
    start.position = proved;
    let plan = plan_head(scan, start);
    let damage = plan.damage.iter().map(|damage| name_damage(segment, damage)).collect();
    (damage, plan.torn.map_or(0, |torn| torn.to.since(torn.from)))
}

fn read_header(
    file: &dyn DiskFile,
    path: &Path,
    base: Offset,
    found: &mut Inspection,
) -> Result<Result<FoundHeader, String>, DiskError> {
    let len = file.len().during("stat", path)?.min(FRAMES_START.0);
    let mut bytes = vec![0; to_usize(len)];
    read_exact_at(file, &mut bytes, FilePosition::ZERO).during("read", path)?;
    let header = match SegmentHeader::decode(&bytes) {
        Ok(header) => header,
        Err(error @ (EnvelopeError::Damaged(_) | EnvelopeError::NewerVersion { .. })) => {
            return Ok(Err(format!("segment header: {error}")));
        }
    };
    if header.is_copy_damaged {
        found.find(path, "one of the two copies of the segment header is damaged");
    }
    let identity = *found.identity.get_or_insert(header.header.identity);
    if header.header.identity != identity {
        return Ok(Err("a file of another partition".to_owned()));
    }
    if header.header.base_offset != base {
        return Ok(Err("a file under the name of another".to_owned()));
    }
    Ok(Ok(header))
}

/// A missing index is no finding: it is rebuilt when it is needed, and the head has none.
fn check_index(
    disk: &dyn Disk,
    directory: &Path,
    segment: &Segment,
    end: FilePosition,
    found: &mut Inspection,
) {
    let path = index_path(directory, segment.base);
    match read_file(disk, &path, INDEX_BYTES_MAX) {
        Ok(bytes) => match IndexView::parse(&bytes, segment.nonce) {
            Ok(view) if view.covers_upto < end => found.find(&path, "index: incomplete; it will be rebuilt"),
            Ok(_) => {}
            Err(error) => found.find(&path, format!("index: {error}; it will be rebuilt")),
        },
        Err(error) if error.is_not_found() => {}
        Err(error) => found.find(&path, error.to_string()),
    }
}
