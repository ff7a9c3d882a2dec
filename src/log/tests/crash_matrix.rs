//! A crash at every I/O boundary of every scenario, and what may be left of the disk after it: row 1 of the
//! test matrix.
//!
//! A state is named by its scenario, the number of its crash point and the number of its variant, as in
//! `rolls by size/37/12`. A failure prints that name; `HIGHWATER_CRASH_REPLAY` runs that one again.
//! `HIGHWATER_CRASH_STATES` says how many states there are to be in all.

use super::model::Ending;
use super::operations::{Op, Run};
use super::scenarios::{Scenario, all, by_name};
use crate::disk::simulated::rng::SplitMix64;
use crate::disk::simulated::{CrashPoint, OperationFilter};

/// No run of the matrix is smaller.
const STATES_MIN: u64 = 20_000;
pub(in crate::log) const VARIANTS_MIN: u64 = 16;

/// What became of the disk, and of the recoveries on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// The process died.
    Process,
    /// The power went; the seed says what survived.
    Power(u64),
    /// The process died; it was started again, which was all right; then the power went.
    ProcessThenPower(u64),
    /// Recovery itself crashed, once or twice: the numbers decide where, and how.
    Interrupted(u64, u32),
}

impl Variant {
    /// Of sixteen, one is the death of the process, nine are power cuts (the extremes first), three are both in
    /// turn, three have recoveries that crash.
    fn nth(scenario: &str, point: u64, nth: u64) -> Variant {
        let seed = 5 + SplitMix64::new(u64::from(crc32fast::hash(scenario.as_bytes())) ^ (point << 32) ^ nth)
            .next_u64()
            % 1_000_000;
        match nth {
            0 => Variant::Process,
            1..=5 => Variant::Power(nth - 1),
            10..=11 => Variant::ProcessThenPower(nth - 10),
            _ => match nth % 16 {
                6..=9 | 0..=2 => Variant::Power(seed),
                10..=12 | 3 => Variant::ProcessThenPower(seed),
                13 | 14 => Variant::Interrupted(seed, 1),
                _ => Variant::Interrupted(seed, 2),
            },
        }
    }
}

/// The `nth` of the crash points, three to each mutating operation. The last one lies behind all of them.
pub(in crate::log) fn crash_point(nth: u64) -> CrashPoint {
    match nth % 3 {
        0 => CrashPoint::Before(nth / 3),
        1 => CrashPoint::During(nth / 3),
        _ => CrashPoint::After(nth / 3),
    }
}

/// Runs a scenario up to a crash point.
pub(in crate::log) fn run_upto(scenario: &Scenario, point: Option<CrashPoint>) -> Result<Run, String> {
    let mut run = Run::new(scenario.config.clone());
    run.apply_all(&scenario.setup).map_err(|error| format!("setup: {error}"))?;
    let done = run.disk.operations(OperationFilter::Mutating);
    if let Some(point) = point {
        run.disk.crash_at(match point {
            CrashPoint::Before(n) => CrashPoint::Before(done + n),
            CrashPoint::During(n) => CrashPoint::During(done + n),
            CrashPoint::After(n) => CrashPoint::After(done + n),
        });
    }
    run.apply_all(&scenario.ops)?;
    Ok(run)
}

/// How many crash points a scenario has. Runs it, and checks what it leads to when nothing goes wrong.
pub(in crate::log) fn crash_points(scenario: &Scenario) -> Result<u64, String> {
    let mut setup = Run::new(scenario.config.clone());
    setup.apply_all(&scenario.setup)?;
    let run = run_upto(scenario, None)?;
    if let Some(log) = &run.log {
        run.model.check_readable(&log.reader())?;
    }
    let operations = |run: &Run| run.disk.operations(OperationFilter::Mutating);
    Ok(3 * (operations(&run) - operations(&setup)) + 1)
}

/// Crashes `run`'s disk in one of its variants, and checks that everything promised is there.
fn check_state(run: &Run, variant: Variant) -> Result<(), String> {
    match variant {
        Variant::Process => recover_and_go_on(run.on(run.disk.after_process_crash()), 1),
        Variant::Power(seed) => recover_and_go_on(run.on(run.disk.after_power_cut(seed)), seed),
        Variant::ProcessThenPower(seed) => {
            let mut killed = run.on(run.disk.after_process_crash());
            killed.apply(Op::Reopen)?;
            recover_and_go_on(killed.on(killed.disk.after_power_cut(seed)), seed)
        }
        Variant::Interrupted(seed, times) => {
            let mut rng = SplitMix64::new(seed);
            let mut last = crash(run, &mut rng);
            for _ in 0..times {
                // A recovery has a dozen or two of operations; where it has fewer, the crash comes after it.
                last.disk.crash_at(crash_point(rng.below(60)));
                last.apply_all(&[Op::Reopen, Op::Append(1, 60), Op::Sync])?;
                last = crash(&last, &mut rng);
            }
            recover_and_go_on(last, seed)
        }
    }
}

fn crash(run: &Run, rng: &mut SplitMix64) -> Run {
    let disk = if rng.chance(1, 2) {
        run.disk.after_process_crash()
    } else {
        run.disk.after_power_cut(rng.below(50))
    };
    run.on(disk)
}

/// Opens the log, checks it, appends to it, and does the same once more after another crash.
pub(in crate::log) fn recover_and_go_on(mut run: Run, seed: u64) -> Result<(), String> {
    run.apply(Op::Reopen)?;
    run.go_on().map_err(|error| format!("going on: {error}"))?;
    let mut again = run.on(run.disk.after_power_cut(seed % 3));
    again.ending = Ending::Synced;
    again.apply(Op::Reopen).map_err(|error| format!("opening once more: {error}"))
}

/// Checks the states of one crash point.
fn check_point(scenario: &Scenario, point: u64, variants: std::ops::Range<u64>) -> Result<u64, String> {
    let name = |nth| format!("HIGHWATER_CRASH_REPLAY='{}/{point}/{nth}'", scenario.name);
    let at = crash_point(point);
    let run = run_upto(scenario, Some(at)).map_err(|error| format!("{} ({at:?}): {error}", name(0)))?;
    let count = variants.end - variants.start;
    for nth in variants {
        let _context = Context(name(nth));
        let variant = Variant::nth(scenario.name, point, nth);
        check_state(&run, variant).map_err(|error| {
            let last = run.disk.operation_log().last().cloned();
            format!("{} ({at:?}, last operation {last:?}, {variant:?}): {error}", name(nth))
        })?;
    }
    Ok(count)
}

/// Checks a scenario; returns the number of states.
pub(in crate::log) fn check_scenario(
    scenario: &Scenario,
    points: std::ops::Range<u64>,
    variants: u64,
) -> Result<u64, String> {
    points.map(|point| check_point(scenario, point, 0..variants)).sum()
}

/// Says, if a check panics, which one it was.
struct Context(String);

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("panicked: {}", self.0);
        }
    }
}

/// A number that the environment gives, or the default.
pub(in crate::log) fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

fn variants_per_point(points: u64) -> u64 {
    from_environment("HIGHWATER_CRASH_STATES", STATES_MIN).div_ceil(points).max(VARIANTS_MIN)
}

#[test]
fn everything_promised_survives_a_crash_at_every_boundary() {
    let scenarios: Vec<_> = all()
        .into_iter()
        .map(|scenario| {
            (crash_points(&scenario).unwrap_or_else(|e| panic!("{}: {e}", scenario.name)), scenario)
        })
        .collect();
    assert!(scenarios.len() >= 20);
    let variants = variants_per_point(scenarios.iter().map(|(points, _)| points).sum());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || -> Result<u64, String> {
        let mut states = 0;
        while let Some((points, scenario)) =
            scenarios.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            states += check_scenario(scenario, 0..*points, variants)?;
        }
        Ok(states)
    };
    let states: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap().unwrap_or_else(|error| panic!("{error}")))
            .sum()
    });
    println!("{states} states of {} scenarios", scenarios.len());
    assert!(states >= STATES_MIN);
}

#[test]
fn the_state_that_the_environment_names_is_replayed() {
    let Ok(name) = std::env::var("HIGHWATER_CRASH_REPLAY") else { return };
    let parts: Vec<&str> = name.split('/').collect();
    let [scenario, point, variant] = parts[..] else { panic!("not SCENARIO/POINT/VARIANT: {name}") };
    let (point, variant) = (point.parse().unwrap(), variant.parse().unwrap());
    check_point(&by_name(scenario), point, variant..variant + 1).unwrap();
}
