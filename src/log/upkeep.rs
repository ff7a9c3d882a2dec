//! What is due by time and size, carried out: rolling by age, retention, deleting records. The decisions are
//! `retention`'s.

use std::sync::Arc;

use super::error::AppendError;
use super::retention::{SegmentFigures, expiry, is_expired, is_older};
use super::segment::Segment;
use super::shared::Shared;
use super::writer::{Log, WriterState};
use crate::disk::{DiskError, remove_files};
use crate::types::planted::{Bug, planted};
use crate::types::{FilePosition, LogConfig, Offset};

/// When the end of a segment was first seen to have an append time in the future.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstSeen {
    end: FilePosition,
    at_ms: i64,
}

impl Log {
    /// Rolls a head that is old enough, and deletes what retention says.
    ///
    /// # Errors
    /// See [`AppendError`]. Retention that fails is tried again at the next call.
    pub fn upkeep(&mut self, now_ms: i64) -> Result<(), AppendError> {
        if !self.is_writable() {
            return Ok(());
        }
        if self.is_head_due(now_ms) {
            self.seal()?;
            self.open_head(now_ms)?;
        }
        let figures = self.figures(now_ms);
        let Some(expiry) = expiry(&figures, &self.config, now_ms, self.last_by_age_ms) else { return Ok(()) };
        if expiry.is_by_age {
            self.last_by_age_ms = Some(now_ms);
        }
        self.advance_log_start(expiry.log_start)
    }

    /// Makes records before `before` unreadable, durably; returns the log start.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn delete_records(&mut self, before: Offset) -> Result<Offset, AppendError> {
        self.check_writable()?;
        let before = before.min(self.shared.durable());
        if before <= self.shared.log_start() {
            return Ok(self.shared.log_start());
        }
        // All of the head is to go: only a sealed segment's file can.
        let is_head_wholly_below = match &self.state {
            WriterState::Open(head) => !head.is_empty() && head.written().next_offset <= before,
            _ => false,
        };
        if is_head_wholly_below {
            let now_ms = self.last_append_ms;
            self.seal()?;
            self.open_head(now_ms)?;
        }
        self.advance_log_start(before)?;
        Ok(self.shared.log_start())
    }

    /// Changes what retention and rolling go by; takes effect at the next call.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    fn is_head_due(&mut self, now_ms: i64) -> bool {
        let (created_ms, times) = match &self.state {
            WriterState::Open(head) if !head.is_empty() => (head.segment.created_ms, head.segment.times()),
            _ => return false,
        };
        let first_ms = times.map_or(created_ms, |times| times.first_append_ms);
        let figures = self.figures(now_ms);
        // A head that retention is waiting for must be sealed to be deleted.
        let is_waited_for = figures.last().is_some_and(|head| is_expired(head, &self.config, now_ms));
        is_older(first_ms, self.config.segment_ms, now_ms) || is_waited_for
    }

    fn figures(&mut self, now_ms: i64) -> Vec<SegmentFigures> {
        let segments = self.shared.segments.load_full();
        self.first_seen.retain(|base, _| segments.iter().any(|segment| segment.base == *base));
        segments
            .iter()
            .map(|segment| SegmentFigures {
                end_offset: segment.end_offset(),
                len: segment.readable_upto().0,
                age_from_ms: self.age_from(segment, now_ms),
            })
            .collect()
    }

    /// The append time of a segment's newest frame. One that lies in the future counts from when it was first
    /// seen; a segment that has grown since is seen anew.
    fn age_from(&mut self, segment: &Segment, now_ms: i64) -> i64 {
        let last_append_ms = segment.times().map_or(segment.created_ms, |times| times.last_append_ms);
        if last_append_ms <= now_ms {
            self.first_seen.remove(&segment.base);
            return last_append_ms;
        }
        let end = segment.readable_upto();
        let seen = self.first_seen.entry(segment.base).or_insert(FirstSeen { end, at_ms: now_ms });
        if seen.end != end {
            *seen = FirstSeen { end, at_ms: now_ms };
        }
        seen.at_ms = seen.at_ms.min(now_ms);
        seen.at_ms
    }

    fn advance_log_start(&mut self, log_start: Offset) -> Result<(), AppendError> {
        // Where a file is missing, the log start may lie behind the end of the segment before the gap.
        let log_start = log_start.max(self.shared.log_start());
        let segments = self.shared.segments.load_full();
        let Some(head) = segments.last() else { return Ok(()) };
        let (doomed, kept): (Vec<_>, Vec<_>) = segments
            .iter()
            .cloned()
            .partition(|segment| segment.base < head.base && segment.end_offset() <= log_start);
        if planted(Bug::UnlinkBeforeLogStart) {
            let _ = unlink(&self.shared, &doomed);
        }
        // Recovery finishes what a crash interrupts: it deletes what lies wholly below the log start.
        if let Err(error) = self.checkpoints.lock().set_log_start(log_start) {
            return Err(if error.is_disk_full() {
                AppendError::DiskFull(error)
            } else {
                AppendError::OutcomeUnknown(error)
            });
        }
        self.shared.set_log_start(log_start);
        self.shared.segments.store(Arc::new(kept));
        if !doomed.is_empty() {
            let shared = Arc::clone(&self.shared);
            self.jobs.push(move || {
                if let Err(error) = unlink(&shared, &doomed) {
                    tracing::warn!(%error, "deleted segments stay until the next start");
                }
            });
        }
        Ok(())
    }
}

/// Removes the files of segments, the derived ones first.
fn unlink(shared: &Shared, doomed: &[Arc<Segment>]) -> Result<(), DiskError> {
    let paths =
        doomed.iter().flat_map(|segment| [segment.index_path(&shared.directory), segment.path.clone()]);
    remove_files(&*shared.disk, &shared.directory, paths)
}
