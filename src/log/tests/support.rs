//! What the log's tests share: a directory on a simulated disk, small settings, batches that say who they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::segment_header::LogIdentity;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::log::{Log, LogReader, OnUnknownEnd, OpenError, Opened, ReadCursor, ReadError, Residency};
use crate::types::{LogConfig, NewBatch, Offset, PartitionId, StoredBatch, TimestampType, TopicId};

pub(in crate::log) const IDENTITY: LogIdentity =
    LogIdentity { topic: TopicId([5; 16]), partition: PartitionId(2) };

pub(in crate::log) fn directory() -> PathBuf {
    PathBuf::from("/data/topics/t/2")
}

/// Settings under which a few dozen records roll, index, checkpoint and write ahead.
pub(in crate::log) fn small_config() -> LogConfig {
    LogConfig {
        retention_ms: None,
        retention_bytes: None,
        segment_bytes: 4096,
        segment_ms: u64::MAX,
        index_interval_bytes: 512,
        write_ahead_bytes_max: 1024,
        checkpoint_interval_bytes: 2048,
    }
}

/// A disk with a new log on it, all of it durable.
pub(in crate::log) fn disk_with_log() -> SimulatedDisk {
    let disk = SimulatedDisk::with_directory(&directory());
    Log::create(&disk, Arc::new(disk.clone()), &directory(), IDENTITY, 0).unwrap();
    disk
}

pub(in crate::log) fn open_with(disk: &SimulatedDisk, config: LogConfig) -> Result<Opened, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Log::open(disk, &directory(), IDENTITY, config, OnUnknownEnd::Refuse)
}

pub(in crate::log) fn open(disk: &SimulatedDisk) -> Log {
    open_with(disk, small_config()).unwrap().log
}

/// A batch of `count` records whose payload is a function of `seed`, so that what is read can be told.
pub(in crate::log) fn batch(seed: u64, count: u32, len: usize) -> NewBatch {
    NewBatch {
        payload: vec![payload(seed, len)],
        record_count: count,
        max_timestamp_ms: None,
        has_untimed_records: true,
        timestamp_type: TimestampType::CreateTime,
    }
}

/// Begins with the seed; no two words are alike, so that no piece of it can stand in for another.
pub(in crate::log) fn payload(seed: u64, len: usize) -> Bytes {
    let words = (0u64..).map(|word| seed.wrapping_add(word.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    words.flat_map(u64::to_le_bytes).take(len.max(8)).collect::<Vec<u8>>().into()
}

/// Appends one batch and syncs it.
pub(in crate::log) fn append(log: &mut Log, seed: u64, count: u32, len: usize) -> Offset {
    let base = log.next_offset();
    log.append(&[batch(seed, count, len)], 1_000).unwrap();
    log.sync().unwrap();
    run_jobs(log);
    base
}

pub(in crate::log) fn run_jobs(log: &mut Log) {
    while let Some(job) = log.background_job() {
        job();
    }
}

/// Everything from `from` on, up to the durable offset.
pub(in crate::log) fn read_from(reader: &LogReader, from: Offset) -> Result<Vec<StoredBatch>, ReadError> {
    read_from_cursor(reader, ReadCursor::at(from))
}

pub(in crate::log) fn read_from_cursor(
    reader: &LogReader,
    mut cursor: ReadCursor,
) -> Result<Vec<StoredBatch>, ReadError> {
    let mut all = Vec::new();
    loop {
        let batches = reader.read(&mut cursor, 700, Residency::MayBlock)?;
        if batches.is_empty() {
            return Ok(all);
        }
        all.extend(batches);
    }
}

pub(in crate::log) fn read_all(log: &Log) -> Vec<StoredBatch> {
    let reader = log.reader();
    read_from(&reader, reader.log_start_offset()).unwrap()
}

pub(in crate::log) fn segment_files(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let is_segment = |path: &Path| path.extension().is_some_and(|ending| ending == "log");
    disk.paths().into_iter().filter(|path| is_segment(path)).collect()
}
