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

