//! Bugs planted on purpose: that the matrices find each of them is how we know that they can find anything.
//! Row 10 of the test matrix.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::crash_matrix::{check_scenario, crash_points};
use super::faults::check_failures_of;
use super::operations::{Op, Run};
use super::scenarios::by_name;
use super::support::*;
use crate::types::Offset;
use crate::types::planted::{Bug, with_planted};

/// Runs a piece of a matrix with the bug. Without it, the matrix itself runs the same piece.
fn is_caught(bug: Bug, check: impl Fn() -> Result<(), String>) {
    // An assertion that fails has caught the bug as well.
    let found = with_planted(Some(bug), || catch_unwind(AssertUnwindSafe(&check)));
    assert!(!matches!(found, Ok(Ok(()))), "{bug:?} is not caught");
}

fn crashes(name: &str) -> Result<(), String> {
    let scenario = by_name(name);
    let points = crash_points(&scenario)?;
    check_scenario(&scenario, &points, &(0..16).collect::<Vec<u64>>()).map(drop)
}

#[test]
fn a_commit_that_is_not_synced_is_caught() {
    is_caught(Bug::SkipCommitSync, || crashes("appends one by one"));
}

#[test]
fn a_directory_that_is_not_synced_is_caught() {
    is_caught(Bug::SkipDirectorySync, || crashes("rolls in the middle of a group"));
}

#[test]
fn an_early_acknowledgement_is_caught() {
    is_caught(Bug::AcknowledgeEarly, || crashes("appends one by one"));
}

#[test]
fn trust_in_the_page_cache_is_caught() {
    is_caught(Bug::TrustPageCache, || crashes("appends without writing ahead"));
    is_caught(Bug::TrustPageCache, || check_failures_of("groups of batches"));
}

#[test]
fn a_cut_that_is_off_by_one_is_caught() {
    is_caught(Bug::CutOffByOne, || crashes("appends that nobody syncs"));
}

#[test]
fn a_payload_that_is_not_checked_is_caught() {
    is_caught(Bug::SkipPayloadCrc, || crashes("groups of batches"));
}

#[test]
fn a_failed_sync_that_is_ignored_is_caught() {
    is_caught(Bug::IgnoreFailedSync, || check_failures_of("groups of batches"));
}

#[test]
fn segments_unlinked_too_early_are_caught() {
    is_caught(Bug::UnlinkBeforeLogStart, || crashes("records deleted segment by segment"));
}

/// Not a crash, but damage to what was synced: everything around it must still be there.
fn damage_in_the_middle() -> Result<(), String> {
    let mut run = Run::new(small_config());
    run.apply_all(&[Op::Reopen, Op::Append(1, 400), Op::Sync, Op::Append(1, 400), Op::Sync, Op::Vouch])?;
    let disk = run.disk.after_power_cut(0);
    let file = &segment_files(&disk)[0];
    disk.flip_bit(file, 8 * 1_200);
    let log = open(&disk);
    match read_from(&log.reader(), Offset(1)) {
        Ok(found) if found.len() == 1 => Ok(()),
        other => Err(format!("behind the damage: {other:?}")),
    }
}

#[test]
fn a_log_that_is_cut_at_its_first_damage_is_caught() {
    damage_in_the_middle().unwrap();
    is_caught(Bug::CutAtFirstDamage, damage_in_the_middle);
}

#[test]
fn a_recovery_that_is_not_synced_is_caught() {
    is_caught(Bug::SkipRecoverySync, || crashes("appends that nobody syncs"));
}

#[test]
fn a_segment_sealed_before_its_frames_are_synced_is_caught() {
    is_caught(Bug::SealBeforeSync, || crashes("rolls in the middle of a group"));
}

#[test]
fn a_new_file_that_is_not_synced_is_caught() {
    is_caught(Bug::SkipNewFileSync, || crashes("rolls in the middle of a group"));
}

#[test]
fn a_failed_write_that_is_not_removed_is_caught() {
    is_caught(Bug::KeepFailedWrite, || check_failures_of("groups of batches"));
}

#[test]
fn a_log_start_that_is_forgotten_is_caught() {
    is_caught(Bug::ForgetLogStart, || crashes("the whole log deleted"));
}
