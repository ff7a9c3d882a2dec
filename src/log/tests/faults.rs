//! Operations of the disk that fail, one at a time or from one on, while the log works and while it recovers:
//! row 3 of the test matrix.

use super::crash_matrix::{in_parallel, recover_and_go_on};
use super::operations::{Op, Run};
use super::scenarios::{Scenario, by_name};
use super::support::*;
use crate::disk::simulated::rng::SplitMix64;
use crate::disk::simulated::{Effect, Fault, FaultPlan, OperationFilter};
use crate::log::AppendError;
use crate::types::LogConfig;

const SCENARIOS: [&str; 7] = [
    "groups of batches",
    "rolls by size",
    "rolls by size without writing ahead",
    "rolls by age",
    "records deleted segment by segment",
    "retention by size",
    "closed and opened",
];
const FAULTS: [Fault; 4] = [Fault::Io, Fault::NoSpace, Fault::Interrupted, Fault::Short];

/// One failure in the life of a log.
#[derive(Clone, Debug)]
struct Case {
    scenario: Scenario,
    plan: FaultPlan,
    seed: u64,
}

/// Every operation of a scenario, failing in every way.
fn cases(scenario: &Scenario) -> Vec<Case> {
    let mut cases = Vec::new();
    for (filter, is_once) in [(OperationFilter::Any, true), (OperationFilter::Mutating, false)] {
        let mut run = Run::new(scenario.config.clone());
        run.apply_all(&scenario.setup).unwrap();
        let before = run.disk.operations(filter);
        run.apply_all(&scenario.ops).unwrap();
        for nth in 0..run.disk.operations(filter) - before {
            // Every third failing operation has half of its effect, every third all of it.
            let effect = [Effect::Nothing, Effect::Half, Effect::Everything][nth as usize % 3];
            for (seed, fault) in (nth * 4..).zip(FAULTS) {
                let make = if is_once { FaultPlan::once } else { FaultPlan::for_good };
                let plan = make(filter, nth, fault).with_effect(effect);
                cases.push(Case { scenario: scenario.clone(), plan, seed });
            }
        }
    }
    cases
}

/// Runs all failures of one scenario.
///
/// # Errors
/// Names the first after which the log did what it must not do.
pub(in crate::log) fn check_failures_of(name: &str) -> Result<(), String> {
    cases(&by_name(name)).iter().try_for_each(|case| check(case).map(drop))
}

/// Runs the log into the failure, then opens it again in several ways. Returns how many.
fn check(case: &Case) -> Result<u64, String> {
    let mut run = Run::new(case.scenario.config.clone());
    run.apply_all(&case.scenario.setup)?;
    run.may_fail = true;
    run.disk.fail(case.plan.clone());
    run.apply_all(&case.scenario.ops)?;
    if let Some(log) = &run.log {
        let reads = run.disk.without_faults(|| run.model.check_readable(&log.reader()));
        reads.map_err(|error| format!("reading beside the failure: {error}"))?;
    }
    run.disk.clear_faults();
    run.may_fail = false;

    let restarted = run.on(run.disk.after_process_crash());
    recover_and_go_on(restarted, case.seed).map_err(|error| format!("restarted: {error}"))?;
    let cut = run.on(run.disk.after_power_cut(case.seed % 9));
    recover_and_go_on(cut, case.seed).map_err(|error| format!("after a power cut: {error}"))?;
    check_failing_recovery(&run, case.seed).map_err(|error| format!("failing again: {error}"))?;
    Ok(3)
}

/// A failure while recovering from the failure; then one more attempt, and a power cut behind it.
fn check_failing_recovery(run: &Run, seed: u64) -> Result<(), String> {
    let mut rng = SplitMix64::new(seed);
    let mut again = run.on(run.disk.after_process_crash());
    again.may_fail = true;
    let fault = FAULTS[rng.below(4) as usize];
    let plan = FaultPlan::once(OperationFilter::Any, rng.below(45), fault);
    again.disk.fail(plan.with_effect([Effect::Nothing, Effect::Half][rng.below(2) as usize]));
    again.apply_all(&[Op::Reopen, Op::Append(1, 70), Op::Sync])?;
    again.disk.clear_faults();
    again.may_fail = false;
    again.apply(Op::Reopen)?;
    recover_and_go_on(again.on(again.disk.after_power_cut(rng.below(9))), seed)
}

#[test]
fn no_failure_of_the_disk_costs_a_record_or_goes_unnoticed() {
    let cases: Vec<Case> = SCENARIOS.iter().flat_map(|name| cases(&by_name(name))).collect();
    let states = in_parallel(&cases, |case| {
        check(case)
            .map_err(|error| format!("{}, {:?}, seed {}: {error}", case.scenario.name, case.plan, case.seed))
    });
    println!("{states} states of {} failures", cases.len());
    assert!(states >= 5_000);
}

#[test]
fn after_a_failed_sync_nothing_is_appended_until_the_log_is_opened_again() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append(&mut log, 1, 2, 100);
    log.append(&[batch(2, 1, 100)], 1_000).unwrap();
    disk.fail(FaultPlan::once(
        OperationFilter::Kind(crate::disk::simulated::OperationKind::Sync),
        0,
        Fault::Io,
    ));
    assert!(matches!(log.sync(), Err(AppendError::OutcomeUnknown(_))));
    assert!(matches!(log.sync(), Err(AppendError::Latched)));
    assert!(matches!(log.append(&[batch(3, 1, 100)], 1_000), Err(AppendError::Latched)));
    assert!(matches!(log.delete_records(log.reader().durable_offset()), Err(AppendError::Latched)));
    assert_eq!(read_all(&log).len(), 1, "what was durable can still be read");
    drop(log);
    // S16: the page cache still has the batch; once it was told to a reader, it must outlive a power cut.
    let log = open(&disk);
    assert_eq!(read_all(&log).len(), 2);
    drop(log);
    assert_eq!(read_all(&open(&disk.after_power_cut(0))).len(), 2);
}

#[test]
fn a_full_disk_refuses_appends_and_takes_them_again_when_there_is_room() {
    for write_ahead_bytes_max in [0, 1024] {
        let mut run = Run::new(LogConfig { write_ahead_bytes_max, ..small_config() });
        run.apply_all(&[Op::Reopen, Op::Append(1, 500), Op::Sync, Op::Jobs]).unwrap();
        let used: usize = run.disk.paths().iter().map(|path| run.disk.read_all(path).len()).sum();
        for room in [0, 1, 300, 700, 1_500, 4_000] {
            run.disk.set_capacity(Some(used + room));
            let log = run.log.as_mut().unwrap();
            let refused = (100..120).find_map(|seed| {
                let next = log.next_offset();
                let error = log.append(&[batch(seed, 1, 900)], 1_000).err()?;
                assert_eq!(log.next_offset(), next);
                Some(error)
            });
            assert!(matches!(refused, Some(AppendError::DiskFull(_))), "{room}: {refused:?}");
            assert!(log.is_writable(), "{room}");
            run.disk.set_capacity(None);
            log.append(&[batch(200, 1, 900)], 1_000).unwrap();
            log.sync().unwrap();
            let count = read_all(log).len();
            let reopened = open_with(&run.disk.after_power_cut(0), run.config.clone()).unwrap().log;
            assert_eq!(read_all(&reopened).len(), count);
            run = Run::new(run.config.clone());
            run.apply_all(&[Op::Reopen, Op::Append(1, 500), Op::Sync, Op::Jobs]).unwrap();
        }
    }
}
