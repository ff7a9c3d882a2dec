//! The newest batches of a partition, in memory, for readers at the tail: they get what was just committed
//! without a system call. It is a shortcut and nothing else: what is not here is read from the store.
//!
//! Invariants: the batches follow each other without a hole, they are durable, and together they are no longer
//! than the bound.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::types::{NewBatch, Offset, StoredBatch};

/// See the module.
#[derive(Debug)]
pub(super) struct Tail {
    bytes_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    batches: VecDeque<StoredBatch>,
    bytes: usize,
}

impl Tail {
    /// A tail that holds payloads of at most `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Tail {
        Tail { bytes_max, held: Mutex::default() }
    }

    /// Adds batches that have just become durable, dense from `base_offset` on.
    pub(super) fn push(&self, batches: &[NewBatch], base_offset: Offset, append_time_ms: i64) {
        let mut held = self.held.lock();
        let mut next = base_offset;
        for batch in batches {
            let batch_end = next.plus(batch.record_count.into());
            held.make_room(batch.payload_len(), next, self.bytes_max);
            if batch.payload_len() <= self.bytes_max {
                held.bytes = held.bytes.saturating_add(batch.payload_len());
                held.batches.push_back(batch.stored_at(next, append_time_ms));
            }
            next = batch_end;
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        *self.held.lock() = Held::default();
    }

    /// The batches from the one that holds `next` on, as many as fit in `bytes_max` but at least one. None
    /// where that one is not here.
    pub(super) fn read(&self, next: Offset, bytes_max: usize) -> Option<Vec<StoredBatch>> {
        let held = self.held.lock();
        if next < held.batches.front()?.base_offset() {
            return None;
        }
        let first = held.batches.partition_point(|batch| batch.offsets.end <= next);
        let mut left = bytes_max;
        let mut batches = Vec::new();
        for batch in held.batches.range(first..) {
            match left.checked_sub(batch.payload.len()) {
                Some(rest) => left = rest,
                None if batches.is_empty() => left = 0,
                None => break,
            }
            batches.push(batch.clone());
        }
        (!batches.is_empty()).then_some(batches)
    }
}

impl Held {
    /// Drops what is too old for `len` more bytes to fit, and everything where they would leave a hole.
    fn make_room(&mut self, len: usize, next: Offset, bytes_max: usize) {
        if self.batches.back().is_some_and(|last| last.offsets.end != next) {
            *self = Held::default();
        }
        while self.bytes.saturating_add(len) > bytes_max
            && let Some(oldest) = self.batches.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.payload.len());
        }
    }
}
