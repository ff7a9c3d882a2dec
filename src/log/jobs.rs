//! What a log wants done off the commit path: zeros ahead, checkpoints, index files, unlinks.
//!
//! Jobs run one at a time, and none once the log is closed: a job works by path, and after the close another log
//! may stand there.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::chain::ChainState;
use super::checkpoints::Checkpoints;
use super::segment::Segment;
use super::shared::Shared;
use super::write_ahead::{WriteAhead, WriteAheadError};
use crate::codec::checkpoint::Proof;
use crate::disk::{DiskError, replace_file};
use crate::types::FilePosition;
use crate::types::planted::{Bug, planted};

/// Work off the commit path; see `Log::background_job`.
pub type LogJob = Box<dyn FnOnce() + Send>;

/// The jobs of one log.
#[derive(Default)]
pub(super) struct Jobs {
    /// A handful at most: they are taken after each call, and each kind is asked for once at a time.
    waiting: Vec<LogJob>,
    /// Held while jobs run; true once none may.
    is_closed: Arc<Mutex<bool>>,
}

impl Jobs {
    pub(super) fn push(&mut self, job: impl FnOnce() + Send + 'static) {
        self.waiting.push(Box::new(job));
    }

    /// What waits, as one job.
    pub(super) fn take(&mut self) -> Option<LogJob> {
        let (jobs, is_closed) = (std::mem::take(&mut self.waiting), Arc::clone(&self.is_closed));
        (!jobs.is_empty()).then(|| -> LogJob {
            Box::new(move || {
                let is_closed = is_closed.lock();
                if !*is_closed {
                    jobs.into_iter().for_each(|job| job());
                }
            })
        })
    }

    /// Waits for the job that is running, and lets no other begin.
    pub(super) fn close(&self) {
        *self.is_closed.lock() = true;
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jobs({} waiting)", self.waiting.len())
    }
}

/// Writes more zeros ahead of a head at `position`.
pub(super) fn replenish(write_ahead: &WriteAhead, position: FilePosition, shared: &Shared) {
    match write_ahead.replenish(position) {
        Ok(()) => {}
        Err(WriteAheadError::Write(error)) => tracing::warn!(%error, "no zeros ahead"),
        Err(WriteAheadError::Sync(error)) => {
            tracing::error!(%error, "a sync failed: the partition takes no more appends");
            if !planted(Bug::IgnoreFailedSync) {
                shared.latch();
            }
        }
    }
}

/// Says in the checkpoint that everything before `end` is durable, once the index is written that spares the
/// next opening what lies before it.
pub(super) fn checkpoint(
    checkpoints: &Mutex<Checkpoints>,
    shared: &Shared,
    segment: &Segment,
    end: &ChainState,
) {
    let mut checkpoints = checkpoints.lock();
    let result = write_index(shared, segment, end).and_then(|()| checkpoints.prove(proof_at(segment, end)));
    if let Err(error) = result {
        tracing::warn!(%error, "no checkpoint: the next start will take longer");
    }
}

/// Leaves the index and the descriptor of a segment that has been sealed to whoever reads it.
pub(super) fn let_go(shared: &Shared, segment: &Segment, end: &ChainState) {
    match write_index(shared, segment, end) {
        Ok(()) => segment.index.unload(),
        Err(error) => tracing::warn!(%error, "the index of a sealed segment stays in memory"),
    }
    segment.close_file();
}

/// Writes the index of a segment whose frames end at `end`, if it is in memory and fits in a file.
pub(super) fn write_index(shared: &Shared, segment: &Segment, end: &ChainState) -> Result<(), DiskError> {
    match segment.index.encode(segment.nonce, end.position) {
        Some(bytes) => replace_file(&*shared.disk, &segment.index_path(&shared.directory), &bytes),
        None => Ok(()),
    }
}

pub(super) fn proof_at(segment: &Segment, end: &ChainState) -> Proof {
    Proof {
        segment: segment.base,
        position: end.position,
        end_offset: end.next_offset,
        chain_crc: end.previous_crc,
        frame_count: end.frame_count,
        times: end.times,
    }
}
