//! Random lives of a log against its history: row 5 of the test matrix. A failure prints its seed;
//! `HIGHWATER_MODEL_SEED` runs that one again, `HIGHWATER_MODEL_SEEDS` says how many there are.

use super::crash_matrix::{from_environment, in_parallel};
use super::operations::{Op, Run};
use crate::disk::simulated::CrashPoint;
use crate::disk::simulated::rng::SplitMix64;
use crate::log::{ReadCursor, ReadError, ReadHint, Residency};
use crate::types::{FilePosition, LogConfig, Offset};

const SEEDS: u64 = 200;
const OPERATIONS: u64 = 60;

fn config(rng: &mut SplitMix64) -> LogConfig {
    LogConfig {
        retention_ms: rng.chance(1, 3).then(|| 2_000 + rng.below(20_000)),
        retention_bytes: rng.chance(1, 3).then(|| 2_000 + rng.below(20_000)),
        segment_bytes: 1_500 + rng.below(6_000),
        segment_ms: if rng.chance(1, 2) { 500 + rng.below(10_000) } else { u64::MAX },
        index_interval_bytes: 100 + rng.below(1_000),
        write_ahead_bytes_max: rng.below(3) * 700,
        checkpoint_interval_bytes: 300 + rng.below(4_000),
    }
}

fn random_op(rng: &mut SplitMix64) -> Op {
    match rng.below(32) {
        0..=7 => Op::Append(1 + rng.below(5) as u32, rng.below(900) as usize),
        8..=10 => Op::Group(1 + rng.below(6), rng.below(700) as usize),
        11..=17 => Op::Sync,
        18..=20 => Op::Jobs,
        21 => Op::HoldJobs,
        22 => Op::HeldJobs,
        23 => Op::Vouch,
        24 | 25 => Op::Upkeep,
        26 => Op::Delete(rng.below(9)),
        27 => Op::Close,
        28 | 29 => Op::Reopen,
        30 => Op::Clock(rng.below(3_000) as i64),
        _ => match rng.below(4) {
            0 => Op::Clock(-(rng.below(100_000) as i64)),
            1 => Op::Clock(rng.below(1_000_000_000_000) as i64),
            2 => Op::Retain(Some(1_000 + rng.below(9_000)), None),
            _ => Op::Retain(None, Some(rng.below(9_000))),
        },
    }
}

/// Kills the process or cuts the power, now or a few operations of the disk further on; opens the log on what
/// is left, which may be interrupted as well.
fn crash(mut run: Run, rng: &mut SplitMix64) -> Result<Run, String> {
    loop {
        let done = run.disk.operations(crate::disk::simulated::OperationFilter::Mutating);
        let operation = done + rng.below(25);
        run.disk.crash_at(match rng.below(3) {
            0 => CrashPoint::Before(operation),
            1 => CrashPoint::During(operation),
            _ => CrashPoint::After(operation),
        });
        while !run.disk.is_crashed() && !rng.chance(1, 6) {
            run.apply(random_op(rng))?;
        }
        let survives = rng.chance(1, 3);
        let disk = if survives {
            run.disk.after_process_crash()
        } else {
            run.disk.after_power_cut(rng.below(1_000))
        };
        run = run.on(disk);
        if rng.chance(3, 4) {
            run.apply(Op::Reopen)?;
            return Ok(run);
        }
    }
}

/// Reads from a random place on, with a hint that may be wrong, and looks for a random time.
fn look(run: &Run, rng: &mut SplitMix64) -> Result<(), String> {
    let Some(log) = &run.log else { return Ok(()) };
    let reader = log.reader();
    run.model.check_readable(&reader)?;
    run.model.check_seek(&reader, run.now_ms - 5_000 + rng.below(8_000) as i64)?;
    let (start, end) = (reader.log_start_offset(), reader.durable_offset());
    let from = Offset(start.0 + rng.below(end.since(start) + 2));
    let hint = rng.chance(1, 2).then(|| ReadHint {
        segment: Offset(rng.below(end.0 + 1)),
        position: FilePosition(rng.below(5_000)),
        previous_crc: rng.below(2) as u32,
    });
    let result = reader.read(&mut ReadCursor { next: from, hint }, 1, Residency::MayBlock);
    match result {
        Ok(found) if from < end && found.first().is_some_and(|batch| batch.offsets.contains(from)) => Ok(()),
        Ok(found) if from == end && found.is_empty() => Ok(()),
        Err(ReadError::OutOfRange { .. }) if from > end => Ok(()),
        other => Err(format!("{from} of {start}..{end}, with hint {hint:?}, reads as {other:?}")),
    }
}

pub(in crate::log) fn live(seed: u64) -> Result<(), String> {
    let mut rng = SplitMix64::new(seed);
    let mut run = Run::new(config(&mut rng));
    run.apply(Op::Reopen)?;
    for step in 0..OPERATIONS {
        let in_step = |error| format!("step {step}: {error}");
        if rng.chance(1, 15) {
            run = crash(run, &mut rng).map_err(in_step)?;
        }
        let op = if run.log.is_none() { Op::Reopen } else { random_op(&mut rng) };
        run.apply(op).map_err(|error| in_step(format!("{op:?}: {error}")))?;
        if rng.chance(1, 5) {
            look(&run, &mut rng).map_err(in_step)?;
        }
    }
    let mut last = run.on(run.disk.after_power_cut(seed));
    last.apply(Op::Reopen)?;
    last.go_on()
}

#[test]
fn random_lives_agree_with_their_histories() {
    let first = from_environment("HIGHWATER_MODEL_SEED", 0);
    let count = if first > 0 { 1 } else { from_environment("HIGHWATER_MODEL_SEEDS", SEEDS) };
    let seeds: Vec<u64> = (first..first + count).collect();
    let lives = in_parallel(&seeds, |seed| {
        live(*seed).map(|()| 1).map_err(|error| format!("HIGHWATER_MODEL_SEED={seed}: {error}"))
    });
    println!("{lives} lives of {OPERATIONS} operations");
}
