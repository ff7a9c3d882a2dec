//! The writer of a log: the only one that changes its files. Single-threaded by `&mut`; readers go on beside it.
//!
//! Invariants, asserted where they are named:
//! - The durable offset is the end of what a successful sync has covered, and readers see nothing above it.
//! - After a failed write or sync the log is latched: it is never synced again and believed.
//! - The log start is durable before a segment below it is unlinked.
//! - A segment is synced before the next one is made.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::checkpoints::Checkpoints;
use super::error::AppendError;
use super::head::{Head, WriteError};
use super::jobs::{self, Jobs, LogJob, proof_at, write_index};
use super::reader::LogReader;
use super::segment::{Segment, new_header};
use super::shared::Shared;
use super::upkeep::FirstSeen;
use crate::codec::checkpoint::Proof;
use crate::codec::segment_header::{FRAMES_START, LogIdentity, PreviousSegment};
use crate::disk::DiskError;
use crate::types::planted::{Bug, planted};
use crate::types::{LogConfig, NewBatch, Offset};

/// One partition's log, for its writer.
#[derive(Debug)]
pub struct Log {
    pub(super) shared: Arc<Shared>,
    pub(super) config: LogConfig,
    pub(super) identity: LogIdentity,
    pub(super) checkpoints: Arc<Mutex<Checkpoints>>,
    pub(super) state: WriterState,
    pub(super) open_epoch: u32,
    pub(super) last_append_ms: i64,
    /// Where the head was when the last checkpoint was asked for.
    pub(super) checkpointed: u64,
    pub(super) jobs: Jobs,
    /// Of segments whose times lie in the future.
    pub(super) first_seen: HashMap<Offset, FirstSeen>,
    /// When segments last went for their age.
    pub(super) last_by_age_ms: Option<i64>,
}

/// Where appends go.
#[derive(Debug)]
pub(super) enum WriterState {
    /// To the end of this segment.
    Open(Head),
    /// To a segment that is still to be made, behind this one.
    Sealed(PreviousSegment),
    /// Nowhere: the log was closed.
    Closed,
    /// Nowhere: damage hides where the log ends.
    EndUnknown,
}

impl Log {
    /// A reader; all readers of a log see the same.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.shared))
    }

    /// The next offset to be assigned.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        match &self.state {
            WriterState::Open(head) => head.written().next_offset,
            WriterState::Sealed(previous) => previous.end_offset,
            WriterState::Closed | WriterState::EndUnknown => self.shared.durable(),
        }
    }

    /// Whether appends are accepted, as far as is known.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.shared.is_latched() && matches!(self.state, WriterState::Open(_) | WriterState::Sealed(_))
    }

    /// Appends batches, each as one frame; see `PartitionStore::append`, which this implements.
    ///
    /// # Errors
    /// See [`AppendError`]. Nothing was appended, unless it is [`AppendError::OutcomeUnknown`].
    pub fn append(&mut self, batches: &[NewBatch], now_ms: i64) -> Result<i64, AppendError> {
        self.check_writable()?;
        let append_time_ms = now_ms.max(self.last_append_ms);
        let mut rest = batches;
        while !rest.is_empty() {
            let is_first = rest.len() == batches.len();
            let fitting = match self.write_fitting(rest, append_time_ms, now_ms) {
                Ok(fitting) => fitting,
                // What fitted into the segment before is durable already.
                Err(AppendError::DiskFull(error) | AppendError::Failed(error)) if !is_first => {
                    return Err(AppendError::OutcomeUnknown(error));
                }
                // Zeros ahead have failed meanwhile: what was written before is not synced any more.
                Err(AppendError::Latched) if !is_first => {
                    let source = std::io::Error::other("the log has latched in the middle of a group");
                    let path = self.shared.directory.clone();
                    return Err(AppendError::OutcomeUnknown(DiskError { operation: "append", path, source }));
                }
                Err(error) => return Err(error),
            };
            rest = rest.split_at_checked(fitting).map_or(&[], |(_, rest)| rest);
        }
        self.last_append_ms = append_time_ms;
        if planted(Bug::AcknowledgeEarly) {
            self.shared.set_durable(self.next_offset());
        }
        Ok(append_time_ms)
    }

    fn write_fitting(
        &mut self,
        batches: &[NewBatch],
        append_time_ms: i64,
        now_ms: i64,
    ) -> Result<usize, AppendError> {
        let segment_bytes = self.config.segment_bytes;
        let is_full = match &self.state {
            WriterState::Open(head) => head.count_fitting(batches, segment_bytes) == 0,
            _ => false,
        };
        if is_full {
            self.seal()?;
        }
        let interval = self.config.index_interval_bytes;
        let head = self.open_head(now_ms)?;
        let fitting = head.count_fitting(batches, segment_bytes);
        let fit = batches.get(..fitting).unwrap_or(batches);
        let result = head.write(fit, append_time_ms, interval);
        result.map_err(|error| self.write_failed(error))?;
        Ok(fitting)
    }

    /// Makes everything appended durable and readable; returns the durable offset.
    ///
    /// # Errors
    /// What was appended since the last sync has an unknown outcome, and the log is latched.
    pub fn sync(&mut self) -> Result<Offset, AppendError> {
        if self.shared.is_latched() {
            return Err(AppendError::Latched);
        }
        let WriterState::Open(head) = &mut self.state else {
            return Ok(self.shared.durable());
        };
        match head.sync() {
            Ok(()) => {
                let durable = head.synced().next_offset;
                self.shared.set_durable(durable);
                self.schedule();
                Ok(durable)
            }
            Err(error) => {
                self.shared.latch();
                Err(AppendError::OutcomeUnknown(error))
            }
        }
    }

    /// Says on disk what is durable, for the next recovery; see `PartitionStore::vouch`.
    ///
    /// # Errors
    /// The log is latched; nothing that was durable is lost.
    pub fn vouch(&mut self) -> Result<(), AppendError> {
        if !self.is_writable() {
            return Ok(());
        }
        let WriterState::Open(head) = &mut self.state else { return Ok(()) };
        match head.write_vouch() {
            Ok(true) => {
                self.sync()?;
                // The frame says that the group before it was durable; only a file of its own can say that the
                // frame was, and that the segment had not ended before.
                self.schedule_checkpoint();
                Ok(())
            }
            // A vouching frame is worth having, not worth failing for.
            Ok(false) | Err(WriteError::NoRoom(_)) => Ok(()),
            Err(error) => Err(self.write_failed(error)),
        }
    }

    /// Work to be done off the commit path, if any.
    pub fn background_job(&mut self) -> Option<LogJob> {
        self.jobs.take()
    }

    /// Makes everything durable, gives back the zeros ahead, and leaves a checkpoint at the very end, which
    /// spares the next opening its checks. The log takes no appends afterwards.
    ///
    /// # Errors
    /// What was appended since the last sync has an unknown outcome. Without a checkpoint the next opening
    /// only takes longer.
    pub fn close(&mut self) -> Result<(), AppendError> {
        let synced = if self.is_writable() { self.sync().map(drop) } else { Ok(()) };
        if let Some(job) = self.background_job() {
            job();
        }
        self.jobs.close();
        synced?;
        let head = match &self.state {
            WriterState::Open(head) if self.is_writable() => head,
            WriterState::Sealed(_) => {
                self.state = WriterState::Closed;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let result = head.trim().and_then(|()| {
            write_index(&self.shared, &head.segment, head.synced())?;
            self.checkpoints.lock().prove(proof_at(&head.segment, head.synced()))
        });
        self.state = WriterState::Closed;
        result.map_err(|error| {
            self.shared.latch();
            AppendError::Failed(error)
        })
    }

    pub(super) fn check_writable(&self) -> Result<(), AppendError> {
        match self.state {
            _ if self.shared.is_latched() => Err(AppendError::Latched),
            WriterState::Open(_) | WriterState::Sealed(_) => Ok(()),
            WriterState::Closed => Err(AppendError::Latched),
            WriterState::EndUnknown => Err(AppendError::EndUnknown),
        }
    }

    /// Ends the head: syncs it first, so that the next header can say so.
    pub(super) fn seal(&mut self) -> Result<(), AppendError> {
        if !planted(Bug::SealBeforeSync) {
            self.sync()?;
        }
        let WriterState::Open(head) = &self.state else { return Ok(()) };
        let previous = head.seal(false).map_err(|error| match error {
            WriteError::NoRoom(error) if error.is_disk_full() => AppendError::DiskFull(error),
            WriteError::NoRoom(error) | WriteError::Removed(error) | WriteError::Unknown(error) => {
                self.latch_failed(error)
            }
        })?;
        let (shared, segment, end) = (Arc::clone(&self.shared), Arc::clone(&head.segment), *head.synced());
        self.jobs.push(move || jobs::let_go(&shared, &segment, &end));
        self.state = WriterState::Sealed(previous);
        Ok(())
    }

    /// The head; makes a new one where the last was sealed.
    pub(super) fn open_head(&mut self, now_ms: i64) -> Result<&mut Head, AppendError> {
        self.make_next_head(now_ms).map_err(|error| {
            match error {
                error if error.is_disk_full() => AppendError::DiskFull(error),
                // Nothing of the log was touched: the next append may find a descriptor.
                error if error.is_out_of_descriptors() => AppendError::Failed(error),
                error => self.latch_failed(error),
            }
        })?;
        match &mut self.state {
            WriterState::Open(head) => Ok(head),
            WriterState::Sealed(_) | WriterState::Closed => Err(AppendError::Latched),
            WriterState::EndUnknown => Err(AppendError::EndUnknown),
        }
    }

    /// Makes a new head where the last was sealed.
    pub(super) fn make_next_head(&mut self, now_ms: i64) -> Result<(), DiskError> {
        if let WriterState::Sealed(previous) = self.state {
            let (head, proof) = self.make_head(previous, now_ms)?;
            self.state = WriterState::Open(head);
            self.checkpointed = FRAMES_START.0;
            // Says that the segment exists: without that, the loss of its file would look like the end.
            let checkpoints = Arc::clone(&self.checkpoints);
            self.jobs.push(move || {
                if let Err(error) = checkpoints.lock().prove(proof) {
                    tracing::warn!(%error, "no checkpoint: the next start will take longer");
                }
            });
        }
        Ok(())
    }

    fn make_head(&self, previous: PreviousSegment, now_ms: i64) -> Result<(Head, Proof), DiskError> {
        let header = new_header(self.identity, previous.end_offset, now_ms, Some(previous));
        let segment = Arc::new(Segment::create(&*self.shared.disk, &self.shared.directory, &header)?);
        let end = segment.start();
        let head = Head::new(
            &*self.shared.disk,
            Arc::clone(&segment),
            self.open_epoch,
            end,
            FRAMES_START,
            self.config.write_ahead_bytes_max,
        )?;
        let mut segments = Vec::clone(&self.shared.segments.load());
        segments.push(Arc::clone(&segment));
        self.shared.segments.store(Arc::new(segments));
        Ok((head, proof_at(&segment, &end)))
    }

    fn write_failed(&self, error: WriteError) -> AppendError {
        match error {
            WriteError::NoRoom(error) | WriteError::Removed(error) if error.is_disk_full() => {
                AppendError::DiskFull(error)
            }
            WriteError::NoRoom(error) | WriteError::Removed(error) => self.latch_failed(error),
            WriteError::Unknown(error) => {
                self.shared.latch();
                AppendError::OutcomeUnknown(error)
            }
        }
    }

    fn latch_failed(&self, error: DiskError) -> AppendError {
        self.shared.latch();
        AppendError::Failed(error)
    }

    /// Queues zeros to be written ahead, and a checkpoint, where they are due.
    fn schedule(&mut self) {
        let WriterState::Open(head) = &self.state else { return };
        let end = *head.synced();
        if head.write_ahead.ask_to_replenish(end.position) {
            let (write_ahead, shared) = (Arc::clone(&head.write_ahead), Arc::clone(&self.shared));
            self.jobs.push(move || jobs::replenish(&write_ahead, end.position, &shared));
        }
        if end.position.0.saturating_sub(self.checkpointed) >= self.config.checkpoint_interval_bytes {
            self.schedule_checkpoint();
        }
    }

    /// Queues a checkpoint at the durable end.
    fn schedule_checkpoint(&mut self) {
        let WriterState::Open(head) = &self.state else { return };
        let end = *head.synced();
        self.checkpointed = end.position.0;
        let (shared, segment) = (Arc::clone(&self.shared), Arc::clone(&head.segment));
        let checkpoints = Arc::clone(&self.checkpoints);
        self.jobs.push(move || jobs::checkpoint(&checkpoints, &shared, &segment, &end));
    }
}
