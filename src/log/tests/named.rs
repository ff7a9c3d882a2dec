//! Scenarios that broke others, as far as they are crashes, failures, or readers beside a writer. The numbers
//! are those of the project's list; S2 to S5, S8, S9, S18 and S19 are about damage, and stand elsewhere.

use std::sync::Arc;

use super::crash_matrix::{recover_and_go_on, run_upto};
use super::operations::{Op, Run};
use super::scenarios::by_name;
use super::support::*;
use crate::disk::simulated::{CrashPoint, OperationFilter, SimulatedDisk};
use crate::disk::{Disk, rename};
use crate::log::{Log, LogReader, OpenError, ReadCursor, ReadError, Residency};
use crate::types::Offset;

fn power_cuts(run: &Run) -> impl Iterator<Item = Run> + '_ {
    (0..40).map(|seed| run.on(run.disk.after_power_cut(seed)))
}

#[test]
fn s1_power_is_lost_right_after_the_acknowledgement() {
    let mut run = Run::new(small_config());
    run.apply_all(&[Op::Reopen, Op::Append(3, 700), Op::Sync]).unwrap();
    for (seed, mut cut) in (0..).zip(power_cuts(&run)) {
        cut.apply(Op::Reopen).unwrap();
        assert_eq!(cut.model.durable, Offset(3));
        recover_and_go_on(cut, seed).unwrap();
    }
}

/// A torn tail, frames that nothing proves, and segments below the log start, all at once.
fn in_need_of_recovery() -> Run {
    let mut scenario = by_name("records deleted segment by segment");
    scenario.ops =
        vec![Op::Delete(6), Op::Append(1, 60), Op::Append(1, 300), Op::Append(1, 700), Op::Append(1, 90)];
    let run = run_upto(&scenario, None).unwrap();
    run.on(run.disk.after_power_cut(7))
}

#[test]
fn s6_recovery_crashes_again_and_again() {
    let damaged = in_need_of_recovery();
    let points = || (0..60).flat_map(|n| [CrashPoint::Before(n), CrashPoint::During(n)]);
    let mut states = 0;
    for first in points() {
        let mut once = damaged.on(damaged.disk.after_process_crash());
        once.disk.crash_at(first);
        once.apply(Op::Reopen).unwrap();
        let is_whole = !once.disk.is_crashed();
        for seed in 0..3 {
            for second in points().skip(seed as usize).step_by(5) {
                let disk = if seed == 0 {
                    once.disk.after_process_crash()
                } else {
                    once.disk.after_power_cut(6 * seed)
                };
                let mut twice = once.on(disk);
                twice.disk.crash_at(second);
                twice.apply(Op::Reopen).unwrap();
                let is_whole = !twice.disk.is_crashed();
                recover_and_go_on(twice.on(twice.disk.after_power_cut(seed + 4)), seed)
                    .unwrap_or_else(|error| panic!("{first:?}, {seed}, {second:?}: {error}"));
                states += 1;
                if is_whole {
                    break;
                }
            }
        }
        if is_whole {
            break;
        }
    }
    assert!(states > 500, "{states}");
}

#[test]
fn s7_power_is_lost_with_a_next_segment_that_is_still_empty() {
    let mut run = Run::new(small_config());
    run.apply_all(&[Op::Reopen, Op::Append(1, 2_500), Op::Sync]).unwrap();
    let before = run.disk.operations(OperationFilter::Mutating);
    run.apply(Op::Append(1, 2_500)).unwrap();
    let operations = run.disk.operations(OperationFilter::Mutating) - before;
    for n in 0..operations {
        let mut run = Run::new(small_config());
        run.apply_all(&[Op::Reopen, Op::Append(1, 2_500), Op::Sync]).unwrap();
        run.disk.crash_at(CrashPoint::After(before + n));
        run.apply(Op::Append(1, 2_500)).unwrap();
        for (seed, cut) in (0..).zip(power_cuts(&run)) {
            recover_and_go_on(cut, seed).unwrap();
        }
    }
}

#[test]
fn s10_restarts_on_a_full_disk_lose_nothing_and_leave_nothing_behind() {
    let mut run = Run::new(small_config());
    run.apply_all(&[Op::Reopen, Op::Append(3, 700), Op::Sync, Op::Append(1, 300)]).unwrap();
    let mut disk = run.disk.after_process_crash();
    let used =
        |disk: &SimulatedDisk| disk.paths().iter().map(|path| disk.read_all(path).len()).sum::<usize>();
    let full = used(&disk);
    disk.set_capacity(Some(full));
    for _ in 0..10 {
        if let Err(error) = open_with(&disk, small_config()) {
            assert!(matches!(error, OpenError::Io(error) if error.is_disk_full()));
        }
        disk = disk.after_process_crash();
        assert!(used(&disk) <= full);
    }
    disk.set_capacity(None);
    recover_and_go_on(run.on(disk), 1).unwrap();
}

/// Twenty batches, in some ten segments.
fn fill(log: &mut Log) {
    for seed in 0..20 {
        append(log, seed, 1, 900);
    }
}

#[test]
fn s13_a_slow_reader_of_a_deleted_segment_is_told_where_the_log_begins() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    fill(&mut log);
    let reader = log.reader();
    let mut slow = ReadCursor::at(Offset(0));
    reader.read(&mut slow, 1, Residency::MayBlock).unwrap();
    let start = log.delete_records(Offset(12)).unwrap();
    let result = reader.read(&mut slow, 1, Residency::MayBlock);
    assert!(matches!(result, Err(ReadError::OutOfRange { available }) if available.first == start));
    run_jobs(&mut log);
    assert!(matches!(reader.read(&mut slow, 1, Residency::MayBlock), Err(ReadError::OutOfRange { .. })));
    assert_eq!(read_from(&reader, start).unwrap().len(), 8);
}

/// Reads until offset `end`; returns the offsets met. Begins again where the log begins when it is too slow.
fn follow(reader: &LogReader, end: Offset) -> Vec<u64> {
    let (mut cursor, mut met) = (ReadCursor::at(reader.log_start_offset()), Vec::new());
    while cursor.next < end {
        match reader.read(&mut cursor, 2_000, Residency::MayBlock) {
            Ok(batches) => met.extend(batches.iter().map(|batch| batch.offsets.first.0)),
            Err(ReadError::OutOfRange { available }) if cursor.next < available.first => {
                cursor = ReadCursor::at(available.first);
            }
            Err(error) => panic!("at {}: {error}", cursor.next),
        }
        std::thread::yield_now();
    }
    met
}

#[test]
fn s15_readers_that_open_the_log_while_it_rolls_meet_every_record_once() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    std::thread::scope(|scope| {
        let followers: Vec<_> = (0..6)
            .map(|_| {
                fill(&mut log);
                let reader = log.reader();
                scope.spawn(move || follow(&reader, Offset(120)))
            })
            .collect();
        for follower in followers {
            assert_eq!(follower.join().unwrap(), (0..120).collect::<Vec<u64>>());
        }
    });
}

#[test]
fn readers_beside_deletion_meet_rising_offsets_and_no_failures() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    std::thread::scope(|scope| {
        let reader = log.reader();
        let follower = scope.spawn(move || follow(&reader, Offset(300)));
        for seed in 0..300 {
            append(&mut log, seed, 1, 900);
            if seed < 290 && seed % 7 == 0 {
                log.delete_records(Offset(seed)).unwrap();
                run_jobs(&mut log);
            }
        }
        let met = follower.join().unwrap();
        assert!(met.is_sorted_by(|a, b| a < b));
        assert_eq!(met.last(), Some(&299));
    });
}

#[test]
fn s20_any_of_three_unlinked_segments_come_back() {
    let mut run = Run::new(small_config());
    run.apply_all(&[Op::Reopen, Op::Group(9, 1_000), Op::Sync, Op::Jobs, Op::Delete(7)]).unwrap();
    let files = segment_files(&run.disk);
    for subset in 0..8 {
        let disk = run.disk.after_power_cut(0);
        let unlinked = (0..3).filter(|bit| subset & (1 << bit) != 0);
        unlinked.for_each(|bit| disk.remove_raw(&files[bit]));
        recover_and_go_on(run.on(disk), subset as u64).unwrap();
    }
}

/// A log is made under a temporary name: under its own it is there as a whole, or not at all.
#[test]
fn a_log_is_created_as_a_whole_or_not_at_all() {
    let temporary = std::path::Path::new("/2.new");
    let create = |disk: &SimulatedDisk| -> Result<(), crate::disk::DiskError> {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        Log::create(&shared, temporary, IDENTITY, 0)?;
        rename(disk, temporary, &directory())
    };
    let template = Run::new(small_config());
    let whole = SimulatedDisk::with_directory(temporary);
    create(&whole).unwrap();
    let mut created = 0;
    for n in 0..whole.operations(OperationFilter::Mutating) {
        for point in [CrashPoint::Before(n), CrashPoint::During(n), CrashPoint::After(n)] {
            let disk = SimulatedDisk::with_directory(temporary);
            disk.crash_at(point);
            create(&disk).unwrap_err();
            let cuts = (0..20).map(|seed| disk.after_power_cut(seed)).chain([disk.after_process_crash()]);
            for cut in cuts.filter(|cut| cut.exists(&directory())) {
                // Whoever renamed it may have been killed before the sync: the owner of the parent sees to that.
                cut.sync_dir(std::path::Path::new("/")).unwrap();
                assert!(cut.list_dir(&directory()).unwrap().len() >= 3);
                recover_and_go_on(template.on(cut), n).unwrap();
                created += 1;
            }
        }
    }
    assert!(created > 0);
}
