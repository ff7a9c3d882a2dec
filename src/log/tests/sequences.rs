//! Every sequence of operations up to a length, with a crash at every boundary of its last operation: row 2 of
//! the test matrix. `HIGHWATER_SEQUENCE_LENGTH` says how long they get.

use super::crash_matrix::{check_scenario, crash_points, from_environment, in_parallel};
use super::operations::Op;
use super::scenarios::Scenario;
use super::support::small_config;
use crate::types::LogConfig;

const ALPHABET: [Op; 14] = [
    Op::Append(2, 300),
    Op::Append(1, 1500),
    Op::Group(3, 400),
    Op::Sync,
    Op::Vouch,
    Op::Jobs,
    Op::Upkeep,
    Op::Retain(None, Some(1_500)),
    Op::Clock(3_000),
    Op::Delete(3),
    Op::Delete(8),
    Op::Close,
    Op::Reopen,
    Op::Retain(Some(2_000), None),
];

/// The process dies; nothing, or any subset, survives a power cut; both in turn; recovery crashes.
const VARIANTS: [u64; 5] = [0, 1, 6, 10, 15];

/// All sequences of so many operations.
fn sequences(len: u64) -> Vec<Vec<Op>> {
    (0..len).fold(vec![Vec::new()], |shorter, _| {
        let extended = |ops: &Vec<Op>| ALPHABET.map(|op| [ops.clone(), vec![op]].concat());
        shorter.iter().flat_map(extended).collect()
    })
}

/// A sequence on a log that has a sealed segment and a synced head. Crashes in all but the last operation are
/// those of a shorter sequence; a sync at the end shows what the operations have led to.
fn scenario(write_ahead_bytes_max: u64, ops: &[Op]) -> Scenario {
    let (last, first) = ops.split_last().unwrap();
    let setup = [Op::Reopen, Op::Append(1, 800), Op::Append(1, 500), Op::Sync, Op::Jobs];
    Scenario {
        name: "sequence",
        config: LogConfig {
            write_ahead_bytes_max,
            segment_bytes: 2048,
            segment_ms: 2_500,
            checkpoint_interval_bytes: 900,
            ..small_config()
        },
        setup: [&setup[..], first].concat(),
        ops: vec![*last, Op::Sync],
    }
}

#[test]
fn every_short_sequence_of_operations_survives_a_crash_at_every_boundary() {
    let len_max = from_environment("HIGHWATER_SEQUENCE_LENGTH", 2);
    let all: Vec<_> = (1..=len_max).flat_map(sequences).collect();
    let states = in_parallel(&all, |ops| {
        let mut states = 0;
        for write_ahead_bytes_max in [0, 1024] {
            let scenario = scenario(write_ahead_bytes_max, ops);
            let result =
                crash_points(&scenario).and_then(|points| check_scenario(&scenario, &points, &VARIANTS));
            states +=
                result.map_err(|error| format!("{ops:?}, {write_ahead_bytes_max} written ahead: {error}"))?;
        }
        Ok(states)
    });
    println!("{states} states of {} sequences", all.len());
}
