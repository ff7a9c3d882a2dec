//! Version 1 on disk, as committed under `tests/golden/v1`: every later version opens these files.
//!
//! `cargo test --lib make_golden_files -- --ignored` makes such a directory anew, with other nonces, for a new
//! version of the format; those of a version that has been released are never made again.

use std::path::{Path, PathBuf};

use super::support::*;
use crate::codec::footer::{FOOTER_LEN, Footer};
use crate::codec::frame::FrameHeader;
use crate::codec::index::{self, IndexView};
use crate::codec::segment_header::{FRAMES_START, SegmentHeader};
use crate::disk::simulated::SimulatedDisk;
use crate::disk::{Disk, EntryKind, RealDisk, read_file, replace_file};
use crate::log::{Log, ReadCursor, ReadError, Residency};
use crate::types::num::to_usize;
use crate::types::{FilePosition, LogConfig, NewBatch, Offset, OffsetRange, TimestampType};

const FIRST_MS: i64 = 1_700_000_000_000;
const LOG_START: Offset = Offset(3);
const END: Offset = Offset(31);

fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 3_000, write_ahead_bytes_max: 0, ..small_config() }
}

/// The batches that the directory holds, the deleted ones included: of one, two and three records in turn.
fn golden_batches() -> Vec<NewBatch> {
    (0..16u32)
        .map(|seed| NewBatch {
            max_timestamp_ms: seed.is_multiple_of(2).then_some(FIRST_MS - 5 + i64::from(seed)),
            has_untimed_records: !seed.is_multiple_of(2),
            timestamp_type: if seed == 7 { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
            ..batch(u64::from(seed), 1 + seed % 3, 40 + 10 * seed as usize)
        })
        .collect()
}

/// The committed files, on a simulated disk.
fn golden_disk() -> SimulatedDisk {
    let disk = SimulatedDisk::with_directory(&directory());
    for (name, bytes) in golden_files() {
        disk.put_raw(&directory().join(name), &bytes);
    }
    disk
}

fn golden_files() -> Vec<(String, Vec<u8>)> {
    let entries = RealDisk.list_dir(&golden_directory()).unwrap();
    let names = entries.into_iter().filter(|entry| entry.kind == EntryKind::File).map(|entry| entry.name);
    let mut files: Vec<_> = names
        .map(|name| (name.clone(), read_file(&RealDisk, &golden_directory().join(name), 1 << 20).unwrap()))
        .collect();
    files.sort();
    files
}

/// Reads the log and compares it with what was written; the offsets that are refused.
fn compare(log: &Log) -> Vec<u64> {
    let (mut refused, mut base) = (Vec::new(), Offset(0));
    for (index, expected) in (0..).zip(golden_batches()) {
        let offsets = OffsetRange { first: base, end: base.plus(u64::from(expected.record_count)) };
        base = offsets.end;
        if offsets.end <= LOG_START {
            continue;
        }
        match log.reader().read(&mut ReadCursor::at(offsets.first.max(LOG_START)), 1, Residency::MayBlock) {
            Ok(batches) => {
                let append_time_ms = FIRST_MS + 1_000 * index;
                assert_eq!(batches[0].offsets, offsets);
                assert_eq!(batches[0].payload, expected.payload[0]);
                assert_eq!(batches[0].append_time_ms, append_time_ms);
                assert_eq!(batches[0].timestamp_type, expected.timestamp_type);
                assert_eq!(batches[0].max_timestamp_ms, expected.max_timestamp_ms.unwrap_or(append_time_ms));
            }
            Err(ReadError::Corrupt(_) | ReadError::OutOfRange { .. }) => refused.push(offsets.first.0),
            Err(error) => panic!("{offsets}: {error:?}"),
        }
    }
    refused
}

#[test]
fn todays_code_opens_version_1_reads_it_and_goes_on() {
    let disk = golden_disk();
    let opened = open_with(&disk, config()).unwrap();
    assert_eq!((&opened.report.torn, opened.report.damaged.len()), (&None, 0));
    let mut log = opened.log;
    assert_eq!((log.reader().log_start_offset(), log.next_offset()), (LOG_START, END));
    assert!(compare(&log).is_empty());
    assert_eq!(append(&mut log, 1, 1, 500), END);
    drop(log);
    assert!(compare(&open_with(&disk.after_power_cut(0), config()).unwrap().log).is_empty());
}

#[test]
fn the_committed_files_are_what_was_committed() {
    // Backwards: the CRC of whatever ends with its own CRC is always the same.
    let backwards = |bytes: &[u8]| crc32fast::hash(&bytes.iter().rev().copied().collect::<Vec<_>>());
    let found: Vec<_> = golden_files().iter().map(|(name, bytes)| (name.clone(), backwards(bytes))).collect();
    let expected = [
        ("00000000000000000000.index", 0x8560_26d2),
        ("00000000000000000000.log", 0xebab_d1bd),
        ("00000000000000000018.index", 0xe7e9_f125),
        ("00000000000000000018.log", 0x24b2_64dc),
        ("00000000000000000030.log", 0x1946_585c),
        ("checkpoint.0", 0xf14e_783b),
        ("checkpoint.1", 0x5d5e_c277),
    ];
    assert_eq!(found, expected.map(|(name, crc)| (name.to_owned(), crc)));
}

#[test]
fn todays_code_would_write_the_same_bytes() {
    for (name, bytes) in golden_files() {
        if !name.ends_with(".log") {
            continue;
        }
        let header = SegmentHeader::decode(&bytes[..to_usize(FRAMES_START.0)]).unwrap().header;
        assert_eq!(header.encode().0, bytes[..to_usize(FRAMES_START.0)]);
        let mut at = to_usize(FRAMES_START.0);
        while let Ok((frame, _)) = FrameHeader::decode(&bytes[at..]) {
            assert_eq!(frame.encode().0, bytes[at..at + 128]);
            at += to_usize(frame.frame_len());
        }
        if let Ok(footer) = Footer::decode(&bytes[at..], FilePosition(at as u64), header.nonce) {
            assert_eq!(footer.encode(), bytes[at..at + FOOTER_LEN]);
        }
        let index_name = name.replace(".log", ".index");
        if let Some((_, index)) = golden_files().iter().find(|(name, _)| *name == index_name) {
            let view = IndexView::parse(index, header.nonce).unwrap();
            let entries: Vec<_> = view.entries().collect();
            assert_eq!(index::encode(header.nonce, view.covers_upto, &entries), *index);
        }
    }
}

#[test]
fn a_flipped_byte_anywhere_in_its_frames_is_noticed() {
    for (name, bytes) in golden_files().into_iter().filter(|(name, _)| name.ends_with(".log")) {
        let mut at = to_usize(FRAMES_START.0);
        while let Ok((frame, _)) = FrameHeader::decode(&bytes[at..]) {
            for in_frame in (0..to_usize(frame.frame_len())).step_by(3) {
                let disk = golden_disk();
                disk.flip_bit(&directory().join(&name), (at + in_frame) * 8);
                let opened = open_with(&disk, config()).unwrap();
                let is_deleted = frame.is_empty() || frame.offsets.end <= LOG_START;
                let is_noticed = is_deleted || compare(&opened.log).contains(&frame.offsets.first.0);
                assert!(is_noticed, "{name} {at}+{in_frame}");
            }
            at += to_usize(frame.frame_len());
        }
    }
}

#[test]
#[ignore = "writes into the source tree; see above"]
fn make_golden_files() {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config()).unwrap().log;
    for (index, batch) in (0..).zip(golden_batches()) {
        log.append(&[batch], FIRST_MS + 1_000 * index).unwrap();
        log.sync().unwrap();
        run_jobs(&mut log);
    }
    assert_eq!(log.delete_records(LOG_START).unwrap(), LOG_START);
    log.vouch().unwrap();
    run_jobs(&mut log);
    drop(log);
    for path in disk.paths() {
        let target = golden_directory().join(path.file_name().unwrap());
        replace_file(&RealDisk, &target, &disk.read_all(&path)).unwrap();
    }
}
