//! The file log as a partition's store. The log does the work; this only says so in the trait's words.

use std::sync::Arc;

use super::{BackgroundJob, PartitionStore, Residency, StoreInfo, StoreReader};
use crate::log::{AppendError, Log, LogReader, ReadCursor, ReadError};
use crate::types::{NewBatch, Offset, StoredBatch};

/// The writer of a store in files.
#[derive(Debug)]
pub struct FileStore {
    log: Log,
}

impl FileStore {
    /// The store over an open log.
    #[must_use]
    pub fn new(log: Log) -> FileStore {
        FileStore { log }
    }
}

impl PartitionStore for FileStore {
    fn next_offset(&self) -> Offset {
        self.log.next_offset()
    }

    fn append(&mut self, batches: &[NewBatch], now_ms: i64) -> Result<i64, AppendError> {
        self.log.append(batches, now_ms)
    }

    fn sync(&mut self) -> Result<Offset, AppendError> {
        self.log.sync()
    }

    fn vouch(&mut self) -> Result<(), AppendError> {
        self.log.vouch()
    }

    fn delete_records(&mut self, before: Offset) -> Result<Offset, AppendError> {
        self.log.delete_records(before)
    }

    fn upkeep(&mut self, now_ms: i64) -> Result<(), AppendError> {
        self.log.upkeep(now_ms)
    }

    fn background_job(&mut self) -> Option<BackgroundJob> {
        self.log.background_job()
    }

    fn close(&mut self) -> Result<(), AppendError> {
        self.log.close()
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::new(self.log.reader())
    }
}

impl StoreReader for LogReader {
    fn log_start_offset(&self) -> Offset {
        LogReader::log_start_offset(self)
    }

    fn durable_offset(&self) -> Offset {
        LogReader::durable_offset(self)
    }

    fn read(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        LogReader::read(self, cursor, bytes_max, residency)
    }

    fn seek_time(&self, timestamp_ms: i64) -> Result<ReadCursor, ReadError> {
        LogReader::seek_time(self, timestamp_ms)
    }

    fn info(&self) -> StoreInfo {
        let info = LogReader::info(self);
        StoreInfo {
            size_bytes: info.size_bytes,
            segment_count: u32::try_from(info.segment_count).unwrap_or(u32::MAX),
            damaged_ranges: info.damaged_ranges,
            newest_timestamp_ms: info.newest_timestamp_ms,
            writable: info.is_writable,
        }
    }
}
