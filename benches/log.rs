//! Benchmarks of one partition's log on the real disk, without a broker: appending (with a sync for each
//! batch), reading, recovery after a kill, and the codecs. `cargo bench`; the broker's own are
//! `highwater bench`.
//!
//! The directory is made under `HIGHWATER_BENCH_DIR`, by default the target's temporary directory. Figures of
//! one run are to be compared with one another, not with those of another run or machine.

#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions, reason = "a benchmark, not a service")]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use highwater::codec::frame::FrameHeader;
use highwater::codec::record_set::{RecordLimits, validate};
use highwater::codec::segment_header::LogIdentity;
use highwater::disk::{Disk, RealDisk};
use highwater::log::{Log, OnUnknownEnd, ReadCursor, Residency};
use highwater::types::{LogConfig, NewBatch, Offset, PartitionId, TimestampType, TopicId};
use tempfile::TempDir;

const IDENTITY: LogIdentity = LogIdentity { topic: TopicId([1; 16]), partition: PartitionId(0) };
const RECORD_BYTES: usize = 1024;

fn directory() -> TempDir {
    let parent = std::env::var_os("HIGHWATER_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn new_log(dir: &TempDir) -> Log {
    Log::create(&disk(), dir.path(), IDENTITY, 0).unwrap();
    open(dir)
}

fn open(dir: &TempDir) -> Log {
    Log::open(disk(), dir.path(), IDENTITY, LogConfig::default(), OnUnknownEnd::Refuse).unwrap().log
}

/// An encoded record set of `count` records of 1 KiB.
fn record_set(count: usize) -> Bytes {
    let value_len = RECORD_BYTES - 6;
    let mut set = Vec::new();
    for index in 0..count {
        set.push(0x0a);
        varint(&mut set, value_len + 3);
        set.push(0x12);
        varint(&mut set, value_len);
        set.extend((0..value_len).map(|at| (at * 31 + index) as u8));
    }
    set.into()
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn batch(count: usize) -> NewBatch {
    NewBatch {
        payload: vec![record_set(count)],
        record_count: count as u32,
        max_timestamp_ms: None,
        has_untimed_records: true,
        timestamp_type: TimestampType::CreateTime,
    }
}

fn fill(log: &mut Log, bytes: usize) {
    let batch = batch(512);
    for _ in 0..bytes / batch.payload_len() {
        log.append(std::slice::from_ref(&batch), 1).unwrap();
        log.sync().unwrap();
        while let Some(job) = log.background_job() {
            job();
        }
    }
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for records in [1, 64, 1000] {
        let dir = directory();
        let mut log = new_log(&dir);
        let batch = batch(records);
        group.throughput(Throughput::Bytes(batch.payload_len() as u64));
        group.bench_function(format!("{records} x 1 KiB, synced"), |b| {
            b.iter(|| {
                log.append(std::slice::from_ref(&batch), 1).unwrap();
                log.sync().unwrap();
                while let Some(job) = log.background_job() {
                    job();
                }
            });
        });
    }
    group.finish();
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let dir = directory();
    let mut log = new_log(&dir);
    let bytes = 128 << 20;
    fill(&mut log, bytes);
    let reader = log.reader();
    group.throughput(Throughput::Bytes(bytes as u64));
    for chunk in [64 << 10, 1 << 20] {
        group.bench_function(format!("128 MiB from the page cache, {} KiB chunks", chunk >> 10), |b| {
            b.iter(|| {
                let mut cursor = ReadCursor::at(Offset(0));
                while !black_box(reader.read(&mut cursor, chunk, Residency::MayBlock).unwrap()).is_empty() {}
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    let end = log.next_offset().0;
    let mut at = 0;
    group.bench_function("one batch at a random offset", |b| {
        b.iter(|| {
            at = (at + 7_919 * 512) % end;
            black_box(reader.read(&mut ReadCursor::at(Offset(at)), 1, Residency::MayBlock).unwrap())
        });
    });
    group.finish();
}

fn recovery(c: &mut Criterion) {
    let mut group = c.benchmark_group("recovery");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let dir = directory();
    fill(&mut new_log(&dir), 1 << 30);
    group.bench_function("open 1 GiB that was never closed", |b| {
        b.iter_batched(|| (), |()| black_box(open(&dir)), BatchSize::PerIteration);
    });
    group.finish();
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("codec");
    group.sample_size(50).measurement_time(Duration::from_secs(2));
    let set = record_set(1000);
    group.throughput(Throughput::Bytes(set.len() as u64));
    let limits = RecordLimits { record_bytes_max: 1 << 20, records_max: 1 << 20, payload_bytes_max: 1 << 26 };
    group.bench_function("validate 1000 x 1 KiB", |b| {
        b.iter(|| validate(black_box(std::slice::from_ref(&set)), limits).unwrap())
    });
    group.bench_function("CRC of the same", |b| b.iter(|| crc32fast::hash(black_box(&set))));

    let mut log_bytes = Vec::new();
    let dir = directory();
    let mut log = new_log(&dir);
    fill(&mut log, 1 << 20);
    highwater::log::inspect(&*disk(), dir.path(), Some(IDENTITY), &mut |_, header, _| {
        log_bytes = header.encode().0.to_vec();
    })
    .unwrap();
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode a frame header", |b| {
        b.iter(|| FrameHeader::decode(black_box(&log_bytes)).unwrap())
    });
    group.finish();
}

criterion_group!(benches, append, read, recovery, codec);
criterion_main!(benches);
