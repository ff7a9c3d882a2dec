//! Retention beside readers, clocks and crashes.

use super::*;
use crate::disk::simulated::CrashPoint;
use crate::log::{ReadCursor, ReadError, Residency};
use crate::types::{LogConfig, Offset};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn by_age(retention_ms: i64) -> LogConfig {
    LogConfig { retention_ms: Some(retention_ms as u64), ..small_config() }
}

/// A log of `count` records, one every second from `from_ms` on.
fn timed_log(config: LogConfig, count: u64, from_ms: i64) -> (SimulatedDisk, Log) {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config).unwrap().log;
    for offset in 0..count {
        log.append(&[batch(offset, 1, 300)], from_ms + 1_000 * offset as i64).unwrap();
        log.sync().unwrap();
        run_jobs(&mut log);
    }
    (disk, log)
}

#[test]
fn s13_a_slow_reader_in_a_segment_that_is_deleted_is_told_so_and_goes_on_at_the_log_start() {
    let (_, mut log) = timed_log(small_config(), 40, 0);
    let reader = log.reader();
    let mut slow = ReadCursor::at(Offset(0));
    reader.read(&mut slow, 1, Residency::MayBlock).unwrap();
    let hint = slow.hint;
    // The file is removed before the log start is seen to move, and after.
    log.delete_records(Offset(33)).unwrap();
    for _ in 0..2 {
        let result = reader.read(&mut slow, 1, Residency::MayBlock);
        let Err(ReadError::OutOfRange { available }) = result else { panic!("{result:?}") };
        assert_eq!((available.first, slow.hint), (Offset(33), hint), "the cursor has not moved");
        run_jobs(&mut log);
    }
    let rest = read_from(&reader, Offset(33)).unwrap();
    assert_eq!(
        rest.iter().map(|batch| batch.base_offset().0).collect::<Vec<_>>(),
        (33..40).collect::<Vec<_>>()
    );
}

#[test]
fn s13_a_segment_that_a_reader_has_looked_up_but_not_opened_may_vanish() {
    let (disk, log) = timed_log(small_config(), 40, 0);
    drop(log);
    let mut log = open(&disk);
    let reader = log.reader();
    let held = std::sync::Arc::clone(&reader_segments(&log)[0]);
    log.delete_records(Offset(33)).unwrap();
    run_jobs(&mut log);
    assert!(held.file(&disk).unwrap_err().is_not_found());
    assert!(matches!(
        reader.read(&mut ReadCursor::at(Offset(0)), 1, Residency::MayBlock),
        Err(ReadError::OutOfRange { .. })
    ));
}

fn reader_segments(log: &Log) -> Vec<std::sync::Arc<crate::log::segment::Segment>> {
    Vec::clone(&log.shared.segments.load())
}

#[test]
fn s14_append_times_never_go_back_whatever_the_clock_does() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    let mut newest = i64::MIN;
    for jump in [0, 1_000, -1_000, DAY_MS, -DAY_MS, 3_650 * DAY_MS, -3_650 * DAY_MS, 5] {
        let time = log.append(&[batch(1, 1, 10)], 1_000_000 + jump).unwrap();
        assert!(time >= newest);
        newest = time;
    }
    log.sync().unwrap();
    drop(log);
    let mut log = open(&disk);
    assert_eq!(log.append(&[batch(1, 1, 10)], 0).unwrap(), newest, "not after a restart either");
}

#[test]
fn s14_the_clock_jumps_ahead_and_costs_a_slice_a_pass_not_everything() {
    for jump in [DAY_MS, 3_650 * DAY_MS] {
        let (_, mut log) = timed_log(by_age(HOUR_MS), 80, 0);
        assert!(log.reader().info().segment_count > 8);
        log.upkeep(jump).unwrap();
        let log_start = log.reader().log_start_offset().0;
        assert!(0 < log_start && log_start <= 80 / 8, "{log_start}");
        log.upkeep(jump + 5_000).unwrap();
        assert_eq!(log.reader().log_start_offset().0, log_start, "the next slice has time");
    }
    let (_, mut log) = timed_log(by_age(HOUR_MS), 80, 0);
    log.upkeep(1_000).unwrap();
    assert_eq!(log.reader().log_start_offset(), Offset(0), "a jump of a second costs nothing");
}

#[test]
fn s14_the_clock_jumps_back_and_nothing_is_deleted_early_or_kept_for_ever() {
    for back in [1_000, DAY_MS, 3_650 * DAY_MS] {
        let (_, mut log) = timed_log(by_age(HOUR_MS), 40, 4_000 * DAY_MS);
        let now = 4_000 * DAY_MS - back;
        log.upkeep(now).unwrap();
        log.upkeep(now + HOUR_MS / 2).unwrap();
        assert_eq!(log.reader().log_start_offset(), Offset(0));
        // The age of what lies in the future counts from when it was first seen.
        for pass in 0..40 {
            log.upkeep(now + 2 * HOUR_MS + pass * HOUR_MS / 16).unwrap();
            run_jobs(&mut log);
        }
        assert_eq!(log.reader().log_start_offset(), Offset(40), "back by {back} ms");
    }
}

#[test]
fn s14_a_clock_that_lags_for_an_instant_does_not_make_fresh_records_old() {
    let disk = disk_with_log();
    let mut log = open_with(&disk, by_age(HOUR_MS)).unwrap().log;
    log.append(&[batch(1, 1, 10)], 1_001).unwrap();
    log.sync().unwrap();
    log.upkeep(1_000).unwrap();
    for minute in 1..=70 {
        log.append(&[batch(1, 1, 10)], minute * 60_000).unwrap();
        log.sync().unwrap();
        log.upkeep(minute * 60_000).unwrap();
        run_jobs(&mut log);
    }
    assert_eq!(log.reader().log_start_offset(), Offset(0), "the newest record is a moment old");
}

#[test]
fn s20_any_subset_of_three_unlinks_persists() {
    let (disk, mut log) = timed_log(small_config(), 40, 0);
    let bases: Vec<_> = reader_segments(&log).iter().map(|segment| segment.base).collect();
    assert!(bases.len() > 4);
    drop(log);
    let before = disk.after_power_cut(0);
    log = open(&before);
    log.delete_records(bases[3]).unwrap();
    drop(log);
    for subset in 0..64u32 {
        let disk = before.after_power_cut(0);
        for (bit, path) in (0..).zip(bases[..3].iter().flat_map(|base| {
            [
                crate::log::layout::segment_path(&directory(), *base),
                crate::log::layout::index_path(&directory(), *base),
            ]
        })) {
            if subset & (1 << bit) != 0 && disk.exists(&path) {
                disk.remove_raw(&path);
            }
        }
        let opened = open_with(&disk, small_config()).unwrap();
        assert_eq!(opened.report.damaged, []);
        assert_eq!(numbered(&opened.log), (bases[3].0..40).collect::<Vec<_>>());
        assert_eq!(segment_files(&disk).len(), bases.len() - 3, "recovery finishes what was begun");
        assert_eq!(
            disk.paths().iter().filter(|path| path.ends_with("00000000000000000000.index")).count(),
            0
        );
    }
}

#[test]
fn s20_crash_anywhere_in_retention() {
    let prepare = || timed_log(LogConfig { retention_bytes: Some(9_000), ..small_config() }, 40, 0).0;
    for operation in 0.. {
        let disk = prepare().after_power_cut(0);
        let config = LogConfig { retention_bytes: Some(9_000), ..small_config() };
        let mut log = open_with(&disk, config).unwrap().log;
        let start = disk.operations(crate::disk::simulated::OperationFilter::Mutating);
        disk.crash_at(CrashPoint::After(start + operation));
        let _ = log.upkeep(0);
        run_jobs(&mut log);
        drop(log);
        for seed in 0..16 {
            let log = open(&disk.after_power_cut(seed));
            let found = numbered(&log);
            assert_eq!(found, (log.reader().log_start_offset().0..40).collect::<Vec<_>>());
            assert!(found.len() >= 10 && log.reader().info().damaged_ranges.is_empty());
        }
        if !disk.is_crashed() {
            break;
        }
    }
}
