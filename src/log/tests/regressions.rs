//! Failures that the matrices have found, each as the shortest life of a log that shows it.

use super::operations::{Op, Run};
use super::support::*;
use crate::disk::simulated::{CrashPoint, OperationFilter};
use crate::types::{LogConfig, Offset};

fn run(ops: &[Op]) -> Run {
    let mut run = Run::new(small_config());
    run.apply_all(ops).unwrap();
    run
}

/// Opens what a power cut has left, and checks it.
fn after_power_cut(run: &Run, seed: u64) -> Run {
    let mut next = run.on(run.disk.after_power_cut(seed));
    next.apply(Op::Reopen).unwrap();
    next
}

/// The scan of recovery had indexed frames behind a gap, which it then cut off; readers of the frames that took
/// their place were led past some of them.
#[test]
fn frames_that_are_cut_off_are_not_in_the_index() {
    let before = run(&[Op::Reopen, Op::Append(1, 100), Op::Sync, Op::Group(3, 600)]);
    let found = (5..200).filter(|seed| {
        let mut next = after_power_cut(&before, *seed);
        let is_cut_in_the_middle = next.model.batches.len() < 4;
        next.apply_all(&[Op::Group(8, 250), Op::Sync]).unwrap();
        let reader = next.log.as_ref().unwrap().reader();
        for offset in 0..reader.durable_offset().0 {
            let batches = read_from(&reader, Offset(offset)).unwrap();
            assert_eq!(batches[0].offsets.first.0, offset, "seed {seed}");
        }
        is_cut_in_the_middle
    });
    assert!(found.count() > 10);
}

/// The header of the last frame had survived, the length of the file had not: the copy of the torn tail was to
/// be read up to where the frame should have ended, and the log could not be opened any more.
#[test]
fn a_frame_cut_short_by_the_end_of_the_file_is_a_torn_tail() {
    let config = LogConfig { write_ahead_bytes_max: 0, ..small_config() };
    let mut before = Run::new(config);
    before.apply_all(&[Op::Reopen, Op::Append(1, 100), Op::Sync, Op::Append(1, 900)]).unwrap();
    let whole = before.disk.read_all(&segment_files(&before.disk)[0]).len();
    for len in 1252..whole {
        let disk = before.disk.after_power_cut(1);
        disk.truncate_raw(&segment_files(&disk)[0], len);
        let mut next = before.on(disk);
        next.apply(Op::Reopen).unwrap();
        assert_eq!(next.model.batches.len(), 1);
        next.go_on().unwrap();
    }
}

/// The process was killed between the footer and its sync. The next opening believed the footer that it saw in
/// the page cache and raised the epoch, but left the proof before the frames; when the power cut took the footer
/// away, the opening after that took the frames for those of an earlier epoch, and cut them off.
#[test]
fn a_footer_that_only_the_page_cache_has_costs_no_record() {
    let config = LogConfig { write_ahead_bytes_max: 0, ..small_config() };
    let mut before = Run::new(config);
    before.apply_all(&[Op::Reopen, Op::Append(3, 2000), Op::Sync]).unwrap();
    // Rolling writes the footer, and is to sync it next.
    let written = before.disk.operations(OperationFilter::Mutating);
    before.disk.crash_at(CrashPoint::After(written));
    before.apply(Op::Append(1, 2000)).unwrap();
    let mut killed = before.on(before.disk.after_process_crash());
    killed.apply(Op::Reopen).unwrap();
    after_power_cut(&killed, 0).go_on().unwrap();
}
