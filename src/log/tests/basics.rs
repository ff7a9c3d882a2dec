//! Appending, reading, rolling, reopening: what holds when nothing goes wrong.

use super::support::*;
use crate::log::{ReadCursor, ReadError, ReadHint, Residency};
use crate::types::{FilePosition, Offset, OffsetRange};

fn seeds(log: &crate::log::Log) -> Vec<(u64, u64)> {
    read_all(log)
        .iter()
        .map(|batch| (batch.base_offset().0, u64::from_le_bytes(batch.payload[..8].try_into().unwrap())))
        .collect()
}

#[test]
fn what_is_appended_and_synced_is_read_back_in_order() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..100 {
        append(&mut log, seed, 3, 50);
    }
    let expected: Vec<_> = (0..100).map(|seed| (seed * 3, seed)).collect();
    assert_eq!(seeds(&log), expected);
    assert!(segment_files(&disk).len() > 2, "the log has rolled");
    assert_eq!(log.next_offset(), Offset(300));
}

#[test]
fn readers_see_nothing_before_the_sync() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    log.append(&[batch(1, 1, 10)], 0).unwrap();
    assert_eq!(log.reader().durable_offset(), Offset(0));
    assert_eq!(seeds(&log), []);
    log.sync().unwrap();
    assert_eq!(seeds(&log), [(0, 1)]);
}

#[test]
fn every_offset_can_be_read_from_with_and_without_a_hint() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..60 {
        append(&mut log, seed, 2, 100);
    }
    let reader = log.reader();
    for offset in 0..120 {
        let mut cursor = ReadCursor::at(Offset(offset));
        let batches = reader.read(&mut cursor, 1, Residency::MayBlock).unwrap();
        assert_eq!(batches.len(), 1);
        assert!(batches[0].offsets.contains(Offset(offset)));
        let mut wrong_hint = ReadCursor {
            hint: Some(ReadHint { segment: Offset(0), position: FilePosition(1030), previous_crc: 1 }),
            ..cursor
        };
        let mut hinted = cursor;
        assert_eq!(
            reader.read(&mut hinted, 300, Residency::MayBlock).unwrap().first(),
            reader.read(&mut wrong_hint, 300, Residency::MayBlock).unwrap().first(),
        );
    }
    assert!(reader.info().damaged_ranges.is_empty());
}

#[test]
fn offsets_outside_the_log_are_out_of_range() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append(&mut log, 1, 5, 10);
    let available = OffsetRange { first: Offset(0), end: Offset(5) };
    let result = log.reader().read(&mut ReadCursor::at(Offset(6)), 100, Residency::MayBlock);
    assert!(matches!(result, Err(ReadError::OutOfRange { available: found }) if found == available));
}

#[test]
fn a_closed_log_opens_without_a_scan_and_goes_on() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..40 {
        append(&mut log, seed, 1, 100);
    }
    log.close().unwrap();
    drop(log);
    let opened = open_with(&disk, small_config()).unwrap();
    assert_eq!(opened.report.scanned_bytes, 0);
    assert_eq!(opened.report.rewritten_bytes, 0);
    let mut log = opened.log;
    append(&mut log, 40, 1, 100);
    assert_eq!(seeds(&log), (0..41).map(|seed| (seed, seed)).collect::<Vec<_>>());
}

#[test]
fn after_a_process_crash_everything_synced_is_there_and_the_log_goes_on() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..50 {
        append(&mut log, seed, 1, 120);
        if seed % 7 == 0 {
            log.vouch().unwrap();
        }
    }
    drop(log);
    let disk = disk.after_power_cut(0);
    let mut log = open(&disk);
    append(&mut log, 50, 1, 120);
    assert_eq!(seeds(&log), (0..51).map(|seed| (seed, seed)).collect::<Vec<_>>());
}

#[test]
fn a_small_log_stays_small() {
    let disk = disk_with_log();
    let config = crate::types::LogConfig { write_ahead_bytes_max: 16 << 20, ..Default::default() };
    let mut log = open_with(&disk, config).unwrap().log;
    append(&mut log, 1, 1, 100);
    assert!(disk.read_all(&segment_files(&disk)[0]).len() <= 40_000);
    log.close().unwrap();
    assert!(disk.read_all(&segment_files(&disk)[0]).len() <= 2_000);
}

#[test]
fn records_are_found_by_time() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..100i64 {
        log.append(&[batch(seed as u64, 1, 60)], 1_000 + seed * 10).unwrap();
        log.sync().unwrap();
        run_jobs(&mut log);
    }
    let reader = log.reader();
    for (time, expected) in [(0, 0), (1_000, 0), (1_001, 1), (1_500, 50), (1_990, 99)] {
        let mut cursor = reader.seek_time(time).unwrap();
        let found = loop {
            let batches = reader.read(&mut cursor, 100, Residency::MayBlock).unwrap();
            if let Some(batch) = batches.iter().find(|batch| batch.max_timestamp_ms >= time) {
                break batch.base_offset().0;
            }
        };
        assert_eq!(found, expected, "time {time}");
    }
    assert_eq!(reader.seek_time(1_991).unwrap(), ReadCursor::at(Offset(100)));
}

#[test]
fn deleted_records_are_out_of_range_and_stay_so() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..60 {
        append(&mut log, seed, 1, 200);
    }
    let files = segment_files(&disk).len();
    assert_eq!(log.delete_records(Offset(35)).unwrap(), Offset(35));
    run_jobs(&mut log);
    assert!(segment_files(&disk).len() < files);
    assert_eq!(seeds(&log).first(), Some(&(35, 35)));
    drop(log);
    let mut log = open(&disk.after_power_cut(0));
    assert_eq!(seeds(&log).first(), Some(&(35, 35)));
    assert_eq!(log.delete_records(Offset(60)).unwrap(), Offset(60));
    assert_eq!(seeds(&log), []);
    append(&mut log, 60, 1, 10);
    assert_eq!(seeds(&log), [(60, 60)]);
}
