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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::TimestampType;

    fn store(retention_bytes: Option<u64>, retention_ms: Option<u64>) -> (MemoryStore, Arc<dyn StoreReader>) {
        let store = MemoryStore::new(LogConfig { retention_bytes, retention_ms, ..LogConfig::default() });
        let reader = store.reader();
        (store, reader)
    }

    /// A batch of two records and ten bytes.
    fn batch() -> NewBatch {
        NewBatch {
            payload: vec!["12345".into(), "67890".into()],
            record_count: 2,
            max_timestamp_ms: None,
            has_untimed_records: true,
            timestamp_type: TimestampType::CreateTime,
        }
    }

    fn read(reader: &Arc<dyn StoreReader>, next: u64, bytes_max: usize) -> Result<Vec<u64>, ReadError> {
        let mut cursor = ReadCursor::at(Offset(next));
        let batches = reader.read(&mut cursor, bytes_max, Residency::CachedOnly)?;
        let end = batches.last().map_or(Offset(next), |last| last.offsets.end);
        assert_eq!(cursor.next, end);
        Ok(batches.iter().map(|batch| batch.base_offset().0).collect())
    }

    #[test]
    fn nothing_is_readable_before_the_sync() {
        let (mut store, reader) = store(None, None);
        store.append(&[batch()], 5).unwrap();
        assert_eq!((store.next_offset(), reader.durable_offset()), (Offset(2), Offset(0)));
        assert!(read(&reader, 0, 100).unwrap().is_empty());
        assert_eq!(store.sync().unwrap(), Offset(2));
        assert_eq!(read(&reader, 0, 100).unwrap(), [0]);
        assert_eq!(read(&reader, 1, 100).unwrap(), [0]);
        assert!(matches!(read(&reader, 3, 100), Err(ReadError::OutOfRange { .. })));
    }

    #[test]
    fn reads_give_whole_batches_and_at_least_one() {
        let (mut store, reader) = store(None, None);
        store.append(&[batch(), batch(), batch()], 5).unwrap();
        store.sync().unwrap();
        assert_eq!(read(&reader, 0, 0).unwrap(), [0]);
        assert_eq!(read(&reader, 0, 29).unwrap(), [0, 2]);
        assert_eq!(read(&reader, 2, 100).unwrap(), [2, 4]);
    }

    #[test]
    fn append_times_never_go_back() {
        let (mut store, reader) = store(None, None);
        assert_eq!(store.append(&[batch()], 50).unwrap(), 50);
        assert_eq!(store.append(&[batch()], 20).unwrap(), 50);
        store.sync().unwrap();
        assert_eq!(reader.seek_time(50).unwrap().next, Offset(0));
        assert_eq!(reader.seek_time(51).unwrap().next, Offset(4));
        assert_eq!(reader.info().newest_timestamp_ms, Some(50));
    }

    #[test]
    fn the_oldest_batches_go_when_there_are_too_many_bytes() {
        let (mut store, reader) = store(Some(25), None);
        store.append(&[batch(), batch(), batch()], 5).unwrap();
        store.sync().unwrap();
        assert_eq!((reader.log_start_offset(), reader.info().size_bytes), (Offset(2), 20));
        assert!(matches!(read(&reader, 1, 100), Err(ReadError::OutOfRange { .. })));
    }

    #[test]
    fn old_batches_go_by_their_append_time() {
        let (mut store, reader) = store(None, Some(100));
        store.append(&[batch()], 1000).unwrap();
        store.append(&[batch()], 1050).unwrap();
        store.sync().unwrap();
        store.upkeep(1101).unwrap();
        assert_eq!(reader.log_start_offset(), Offset(2));
        store.upkeep(5000).unwrap();
        assert_eq!((reader.log_start_offset(), reader.durable_offset()), (Offset(4), Offset(4)));
        store.append(&[batch()], 5000).unwrap();
        store.sync().unwrap();
        assert_eq!(read(&reader, 4, 100).unwrap(), [4]);
    }

    #[test]
    fn deleting_in_the_middle_of_a_batch_keeps_the_batch_but_moves_the_start() {
        let (mut store, reader) = store(None, None);
        store.append(&[batch(), batch()], 5).unwrap();
        store.sync().unwrap();
        assert_eq!(store.delete_records(Offset(3)).unwrap(), Offset(3));
        assert_eq!(read(&reader, 3, 100).unwrap(), [2]);
        assert!(matches!(read(&reader, 2, 100), Err(ReadError::OutOfRange { .. })));
        assert_eq!(reader.seek_time(0).unwrap().next, Offset(3));
    }

    #[test]
    fn a_closed_store_takes_no_appends_but_can_be_read() {
        let (mut store, reader) = store(None, None);
        store.append(&[batch()], 5).unwrap();
        store.close().unwrap();
        assert!(matches!(store.append(&[batch()], 6), Err(AppendError::Latched)));
        assert_eq!(read(&reader, 0, 100).unwrap(), [0]);
        assert!(!reader.info().writable);
    }
}
