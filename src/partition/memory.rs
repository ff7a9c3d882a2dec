//! A store that keeps its batches in memory: for topics whose records need not survive the broker, and for
//! tests. "Durable" means here what the trait says, short of a restart.
//!
//! Retention works on single batches, by size at each sync and by age at each upkeep.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{BackgroundJob, PartitionStore, Residency, StoreInfo, StoreReader};
use crate::log::{AppendError, ReadCursor, ReadError};
use crate::types::num::to_u64;
use crate::types::{LogConfig, NewBatch, Offset, OffsetRange, StoredBatch};

/// The writer of a store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    config: LogConfig,
    /// Appended, but not synced.
    pending: Vec<StoredBatch>,
    next: Offset,
    append_time_ms: i64,
    is_closed: bool,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared(RwLock<Synced>);

#[derive(Debug, Default)]
struct Synced {
    batches: VecDeque<StoredBatch>,
    bytes: u64,
    log_start: Offset,
    durable: Offset,
    newest_timestamp_ms: Option<i64>,
    is_closed: bool,
}

impl MemoryStore {
    /// An empty store. Of `config`, only retention matters.
    #[must_use]
    pub fn new(config: LogConfig) -> MemoryStore {
        MemoryStore {
            config,
            pending: Vec::new(),
            next: Offset::ZERO,
            append_time_ms: i64::MIN,
            is_closed: false,
            shared: Arc::default(),
        }
    }
}

impl PartitionStore for MemoryStore {
    fn next_offset(&self) -> Offset {
        self.next
    }

    fn append(&mut self, batches: &[NewBatch], now_ms: i64) -> Result<i64, AppendError> {
        if self.is_closed {
            return Err(AppendError::Latched);
        }
        self.append_time_ms = self.append_time_ms.max(now_ms);
        for batch in batches {
            let stored = batch.stored_at(self.next, self.append_time_ms);
            self.next = stored.offsets.end;
            self.pending.push(stored);
        }
        Ok(self.append_time_ms)
    }

    fn sync(&mut self) -> Result<Offset, AppendError> {
        let mut synced = self.shared.0.write();
        for batch in self.pending.drain(..) {
            synced.bytes = synced.bytes.saturating_add(to_u64(batch.payload.len()));
            synced.newest_timestamp_ms = synced.newest_timestamp_ms.max(Some(batch.max_timestamp_ms));
            synced.batches.push_back(batch);
        }
        synced.durable = self.next;
        synced.retain_by_size(&self.config);
        Ok(self.next)
    }

    fn vouch(&mut self) -> Result<(), AppendError> {
        Ok(())
    }

    fn delete_records(&mut self, before: Offset) -> Result<Offset, AppendError> {
        let mut synced = self.shared.0.write();
        let before = before.min(synced.durable);
        synced.delete_before(before);
        Ok(synced.log_start)
    }

    fn upkeep(&mut self, now_ms: i64) -> Result<(), AppendError> {
        self.shared.0.write().retain_by_age(&self.config, now_ms);
        Ok(())
    }

    fn background_job(&mut self) -> Option<BackgroundJob> {
        None
    }

    fn close(&mut self) -> Result<(), AppendError> {
        self.sync()?;
        self.is_closed = true;
        self.shared.0.write().is_closed = true;
        Ok(())
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::<Shared>::clone(&self.shared)
    }
}

impl Synced {
    fn delete_before(&mut self, before: Offset) {
        self.log_start = self.log_start.max(before);
        while self.batches.front().is_some_and(|oldest| oldest.offsets.end <= self.log_start) {
            self.drop_oldest();
        }
    }

    /// The newest batch stays, whatever its size.
    fn retain_by_size(&mut self, config: &LogConfig) {
        let Some(bytes_max) = config.retention_bytes else { return };
        while self.bytes > bytes_max && self.batches.len() > 1 {
            self.drop_oldest();
        }
    }

    fn retain_by_age(&mut self, config: &LogConfig, now_ms: i64) {
        let Some(retention_ms) = config.retention_ms else { return };
        let retention_ms = i64::try_from(retention_ms).unwrap_or(i64::MAX);
        let is_old = |batch: &StoredBatch| now_ms.saturating_sub(batch.append_time_ms) > retention_ms;
        while self.batches.front().is_some_and(is_old) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.batches.pop_front() {
            self.bytes = self.bytes.saturating_sub(to_u64(oldest.payload.len()));
            self.log_start = self.log_start.max(oldest.offsets.end);
        }
    }
}

impl StoreReader for Shared {
    fn log_start_offset(&self) -> Offset {
        self.0.read().log_start
    }

    fn durable_offset(&self) -> Offset {
        self.0.read().durable
    }

    fn read(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        _residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        let synced = self.0.read();
        if cursor.next < synced.log_start || cursor.next > synced.durable {
            let available = OffsetRange { first: synced.log_start, end: synced.durable };
            return Err(ReadError::OutOfRange { available });
        }
        let first = synced.batches.partition_point(|batch| batch.offsets.end <= cursor.next);
        let mut left = bytes_max;
        let mut batches = Vec::new();
        for batch in synced.batches.range(first..) {
            match left.checked_sub(batch.payload.len()) {
                Some(rest) => left = rest,
                None if batches.is_empty() => left = 0,
                None => break,
            }
            batches.push(batch.clone());
        }
        if let Some(last) = batches.last() {
            *cursor = ReadCursor::at(last.offsets.end);
        }
        Ok(batches)
    }

    fn seek_time(&self, timestamp_ms: i64) -> Result<ReadCursor, ReadError> {
        let synced = self.0.read();
        let found = synced.batches.iter().find(|batch| batch.max_timestamp_ms >= timestamp_ms);
        let offset = found.map_or(synced.durable, |batch| batch.base_offset().max(synced.log_start));
        Ok(ReadCursor::at(offset))
    }

    fn info(&self) -> StoreInfo {
        let synced = self.0.read();
        StoreInfo {
            size_bytes: synced.bytes,
            segment_count: 0,
            damaged_ranges: Vec::new(),
            newest_timestamp_ms: synced.newest_timestamp_ms,
            writable: !synced.is_closed,
        }
    }
}
