//! A group of appends on their way to one write and one sync: which offsets they will get, and which frames
//! they form. Pure: it knows neither the store nor the clock.

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::queue::QueuedAppend;
use super::{AppendFailure, AppendKind, AppendPermit, Appended, StoreFailure};
use crate::types::limits::{GATHERED_FRAME_BYTES_MAX, GATHERED_FRAME_RECORDS_MAX};
use crate::types::{NewBatch, Offset, TimestampType};

/// A group is written when its frames reach this length, in bytes: more would only make the first of them wait
/// longer, since the disk is busy enough.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// ... or this number, which bounds a vectored write.
const GROUP_FRAMES_MAX: usize = 1024;

/// ... or this number of appends, which bounds the answers.
const GROUP_APPENDS_MAX: usize = 64 * 1024;

/// See the module. Used again for the next group, so that its memory is.
#[derive(Debug, Default)]
pub(super) struct Group {
    base: Offset,
    next: Offset,
    bytes: usize,
    batches: Vec<NewBatch>,
    gathering: Gathering,
    answers: Vec<Answer>,
    /// All the appends' permits in one: they are given back together.
    permit: Option<AppendPermit>,
}

#[derive(Debug)]
struct Answer {
    reply: oneshot::Sender<Result<Appended, AppendFailure>>,
    planned: Planned,
}

#[derive(Clone, Copy, Debug)]
enum Planned {
    At { base_offset: Offset, record_count: u32 },
    Mismatch { expected: Offset, actual: Offset },
}

impl Group {
    /// Begins a group whose first record will get the offset `next`.
    pub(super) fn begin(&mut self, next: Offset) {
        debug_assert!(self.answers.is_empty() && self.batches.is_empty(), "the last group was answered");
        self.base = next;
        self.next = next;
        self.bytes = 0;
    }

    /// Whether the group must be written before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES_MAX
            || self.batches.len() >= GROUP_FRAMES_MAX
            || self.answers.len() >= GROUP_APPENDS_MAX
    }

    /// Gives an append its place behind the others, or finds that its expected offset is not met.
    pub(super) fn add(&mut self, queued: QueuedAppend) {
        let QueuedAppend { append, reply, permit } = queued;
        match &mut self.permit {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        if let Some(expected) = append.expected_offset.filter(|&expected| expected != self.next) {
            let planned = Planned::Mismatch { expected, actual: self.next };
            return self.answers.push(Answer { reply, planned });
        }
        let record_count = append.kind.record_count();
        let planned = Planned::At { base_offset: self.next, record_count };
        self.answers.push(Answer { reply, planned });
        self.next = self.next.plus(record_count.into());
        self.bytes = self.bytes.saturating_add(append.kind.payload_len());
        match append.kind {
            AppendKind::Simple { record, timestamp_ms, timestamp_type } => {
                if !self.gathering.has_room_for(record.len(), timestamp_type) {
                    self.batches.extend(self.gathering.flush());
                }
                self.gathering.add(record, timestamp_ms, timestamp_type);
            }
            AppendKind::Batch(batch) => {
                self.batches.extend(self.gathering.flush());
                self.batches.push(batch);
            }
        }
    }

    /// Ends the adding.
    pub(super) fn seal(&mut self) {
        self.batches.extend(self.gathering.flush());
    }

    /// The offset of the group's first record.
    pub(super) fn base_offset(&self) -> Offset {
        self.base
    }

    /// The frames to write, in order; dense from the base offset on.
    pub(super) fn batches(&self) -> &[NewBatch] {
        &self.batches
    }

    /// Answers all appends, in offset order; the records are durable.
    pub(super) fn succeed(&mut self, durable_offset: Offset, append_time_ms: i64) {
        self.answer(|planned| match planned {
            Planned::At { base_offset, record_count } => {
                Ok(Appended { base_offset, record_count, durable_offset, append_time_ms })
            }
            Planned::Mismatch { expected, actual } => Err(AppendFailure::OffsetMismatch { expected, actual }),
        });
    }

    /// Answers all appends: the storage failed. The mismatches were measured against offsets that were not
    /// assigned after all, so that they are told of the failure too; but they know that they were not made.
    pub(super) fn fail(&mut self, how: StoreFailure) {
        self.answer(|planned| match (planned, how) {
            (Planned::Mismatch { .. }, StoreFailure::OutcomeUnknown) => Err(StoreFailure::Failed.into()),
            _ => Err(how.into()),
        });
    }

    fn answer(&mut self, outcome: impl Fn(Planned) -> Result<Appended, AppendFailure>) {
        for answer in self.answers.drain(..) {
            // Where nobody waits for it any more, the append counts nevertheless.
            let _ = answer.reply.send(outcome(answer.planned));
        }
        self.batches.clear();
        self.permit = None;
    }
}

/// Single records that will share a frame.
#[derive(Debug, Default)]
struct Gathering {
    records: Vec<Bytes>,
    bytes: usize,
    max_timestamp_ms: Option<i64>,
    has_untimed_records: bool,
    timestamp_type: TimestampType,
}

impl Gathering {
    fn has_room_for(&self, len: usize, timestamp_type: TimestampType) -> bool {
        self.records.is_empty()
            || (timestamp_type == self.timestamp_type
                && self.records.len() < GATHERED_FRAME_RECORDS_MAX
                && self.bytes.saturating_add(len) <= GATHERED_FRAME_BYTES_MAX)
    }

    fn add(&mut self, record: Bytes, timestamp_ms: Option<i64>, timestamp_type: TimestampType) {
        self.bytes = self.bytes.saturating_add(record.len());
        self.records.push(record);
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        self.has_untimed_records |= timestamp_ms.is_none();
        self.timestamp_type = timestamp_type;
    }

    fn flush(&mut self) -> Option<NewBatch> {
        let record_count = u32::try_from(self.records.len()).ok().filter(|&count| count > 0)?;
        // A single record needs no copy. Of many, each has a buffer of its own: one copy is cheaper than
        // hundreds of buffers in the write, and lets the tail share the frame.
        let payload = match self.records.pop() {
            Some(record) if record_count == 1 => record,
            last => {
                let mut joined = BytesMut::with_capacity(self.bytes);
                self.records.drain(..).chain(last).for_each(|record| joined.extend_from_slice(&record));
                joined.freeze()
            }
        };
        let batch = NewBatch {
            payload: vec![payload],
            record_count,
            max_timestamp_ms: self.max_timestamp_ms,
            has_untimed_records: self.has_untimed_records,
            timestamp_type: self.timestamp_type,
        };
        self.bytes = 0;
        self.max_timestamp_ms = None;
        self.has_untimed_records = false;
        Some(batch)
    }
}
