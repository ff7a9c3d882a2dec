//! Crashes: of the power, of the process, and of one after the other.

use super::*;
use crate::disk::simulated::{CrashPoint, Fault, FaultPlan, OperationFilter, OperationKind};
use crate::log::AppendError;
use crate::log::layout::segment_path;
use crate::types::num::to_usize;
use crate::types::{LogConfig, Offset};

const VARIANTS: u64 = 16;

fn head_path(log: &Log) -> std::path::PathBuf {
    log.shared.segments.load().last().unwrap().path.clone()
}

/// Where the next frame will begin in the head.
fn head_end(log: &Log) -> usize {
    to_usize(log.shared.segments.load().last().unwrap().readable_upto().0)
}

#[test]
fn s1_power_lost_right_after_the_acknowledgement() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for count in 1..40 {
        append_numbered(&mut log, 1, 150);
        for seed in 0..VARIANTS {
            assert_eq!(numbered(&open(&disk.after_power_cut(seed))).len(), count);
        }
    }
}

/// Crashes at every operation of `work`, each time on a disk of `prepare`'s; calls `check` with the disks that
/// may be found, and how many records had been acknowledged and sent.
fn crash_everywhere(
    prepare: impl Fn() -> SimulatedDisk,
    work: impl Fn(&SimulatedDisk) -> (u64, u64),
    check: impl Fn(&SimulatedDisk, u64, u64) -> u64,
) -> u64 {
    let mut states = 0;
    for operation in 0.. {
        for point in
            [CrashPoint::Before(operation), CrashPoint::During(operation), CrashPoint::After(operation)]
        {
            let disk = prepare();
            disk.crash_at(point);
            let (acknowledged, sent) = work(&disk);
            if !disk.is_crashed() {
                return states;
            }
            check(&disk.after_process_crash(), acknowledged, sent);
            for seed in 0..VARIANTS {
                check(&disk.after_power_cut(seed), acknowledged, sent);
                check(&disk.after_process_crash().after_power_cut(seed), acknowledged, sent);
                states += 2;
            }
        }
    }
    states
}

/// Appends one record after the other until the disk fails; how many were acknowledged, and sent.
fn append_until_crash(log: &mut Log, records: u64, len: usize) -> (u64, u64) {
    for _ in 0..records {
        let next = log.next_offset().0;
        if log.append(&[batch(next, 1, len)], 1_000).and_then(|_| log.sync()).is_err() {
            return (next, next + 1);
        }
        run_jobs(log);
    }
    (log.next_offset().0, log.next_offset().0)
}

#[test]
fn s7_crash_while_rolling_sealing_or_growing_a_file() {
    // Six frames fill the first segment, and the seventh makes the next.
    let states = crash_everywhere(
        disk_with_log,
        |disk| match open_with(disk, LogConfig { checkpoint_interval_bytes: u64::MAX, ..small_config() }) {
            Ok(opened) => append_until_crash(&mut { opened.log }, 9, 400),
            Err(_) => (0, 0),
        },
        holds_between,
    );
    assert!(states > 1_000, "{states}");
}

#[test]
fn s7_the_next_segment_pre_made_but_empty() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 5, 100);
    log.seal().unwrap();
    log.open_head(0).unwrap();
    drop(log);
    for seed in 0..VARIANTS {
        let disk = disk.after_power_cut(seed);
        holds_between(&disk, 5, 5);
        assert!(disk.exists(&segment_path(&directory(), Offset(5))));
    }
}

/// A log whose recovery has everything to do: a torn tail, frames that nothing proves, a retention that was
/// interrupted, and an index to be rebuilt.
fn log_with_work_for_recovery() -> SimulatedDisk {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 30, 150);
    log.append(&[batch(30, 1, 150), batch(31, 1, 150), batch(32, 1, 1200)], 1_000).unwrap();
    let (path, torn_at) = (head_path(&log), head_end(&log) + 2 * (128 + 150) + 600);
    drop(log);
    let disk = disk.after_process_crash();
    disk.overwrite(&path, torn_at, &[0; 512]);
    disk
}

#[test]
fn s6_crash_during_recovery_again_and_again() {
    crash_everywhere(
        log_with_work_for_recovery,
        |disk| {
            assert!(open_with(disk, small_config()).is_err() || !disk.is_crashed());
            (30, 32)
        },
        holds_between,
    );
    // Each attempt gets one operation further than the one before.
    for seed in 0..8 {
        let mut disk = log_with_work_for_recovery();
        for operation in 0.. {
            disk.crash_at(CrashPoint::After(operation));
            drop(open_with(&disk, small_config()));
            let is_done = !disk.is_crashed();
            disk = if operation % 2 == 0 { disk.after_process_crash() } else { disk.after_power_cut(seed) };
            if is_done {
                break;
            }
        }
        holds_between(&disk, 30, 32);
    }
}

#[test]
fn s16_a_failed_sync_then_kill_restart_and_power_cut_what_was_read_after_the_restart_is_there() {
    for nth in 0..2 {
        let disk = disk_with_log();
        let mut log = open_with(&disk, LogConfig { write_ahead_bytes_max: 0, ..small_config() }).unwrap().log;
        append_numbered(&mut log, 4, 100);
        log.append(&[batch(4, 1, 100), batch(5, 1, 100)], 1_000).unwrap();
        disk.fail(FaultPlan::once(OperationFilter::Kind(OperationKind::Sync), 0, Fault::Io));
        assert!(matches!(log.sync(), Err(AppendError::OutcomeUnknown(_))));
        assert!(matches!(log.sync(), Err(AppendError::Latched)), "never synced again and believed");
        assert!(matches!(log.append(&[batch(6, 1, 100)], 1_000), Err(AppendError::Latched)));
        assert_eq!(numbered(&log), [0, 1, 2, 3], "reads of the durable part go on");
        drop(log);

        // The pages are readable and clean: a sync alone would not write them.
        let mut disk = disk.after_process_crash();
        for _ in 0..=nth {
            let log = open(&disk);
            assert_eq!(numbered(&log), [0, 1, 2, 3, 4, 5], "the retry is a duplicate");
            drop(log);
            disk = disk.after_process_crash();
        }
        for seed in 0..VARIANTS {
            holds_between(&disk.after_power_cut(seed), 6, 6);
        }
    }
}

#[test]
fn s17_killed_with_unsynced_frames_a_reader_sees_them_after_the_restart_and_after_a_power_cut() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 10, 100);
    log.append(&[batch(10, 1, 100), batch(11, 1, 100)], 1_000).unwrap();
    drop(log);
    let disk = disk.after_process_crash();
    let opened = open_with(&disk, small_config()).unwrap();
    assert_eq!(numbered(&opened.log).len(), 12);
    assert!(opened.report.rewritten_bytes >= 2 * 228);
    drop(opened);
    for seed in 0..VARIANTS {
        holds_between(&disk.after_power_cut(seed), 12, 12);
    }
}

#[test]
fn s18_only_the_later_of_two_unsynced_frames_persists() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 3, 100);
    let (path, a) = (head_path(&log), head_end(&log));
    log.append(&[batch(90, 1, 700), batch(91, 1, 700)], 1_000).unwrap();
    drop(log);
    let disk = disk.after_power_cut(1);
    disk.overwrite(&path, a, &[0; 828]);
    let opened = open_with(&disk, small_config()).unwrap();
    assert_eq!(opened.report.damaged, [], "nothing that was ever acknowledged is missing");
    assert!(opened.report.torn.is_some(), "the later frame is kept as evidence");
    let mut log = opened.log;
    assert_eq!(numbered(&log), [0, 1, 2]);
    // Frames of other lengths in the same place, under the same offsets: nothing leads to the lost ones.
    append_numbered(&mut log, 8, 110);
    assert_eq!(numbered(&log), (0..11).collect::<Vec<_>>());
    for offset in 0..11 {
        assert_eq!(read_from(&log.reader(), Offset(offset)).unwrap()[0].base_offset(), Offset(offset));
    }
    drop(log);
    holds_between(&disk.after_power_cut(0), 11, 11);
}

#[test]
fn s18_any_subset_of_the_pages_of_unsynced_frames_persists() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 3, 100);
    log.append(&(3..7).map(|seed| batch(seed, 1, 300)).collect::<Vec<_>>(), 1_000).unwrap();
    drop(log);
    for seed in 0..300 {
        holds_between(&disk.after_power_cut(seed), 3, 7);
        holds_between(&disk.after_process_crash().after_power_cut(seed), 3, 7);
    }
}
