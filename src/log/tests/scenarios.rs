//! What the crash matrix, the fault matrix and the planted bugs run: a table of short lives of a log.

use super::operations::Op::{self, *};
use super::support::small_config;
use crate::types::LogConfig;

/// One life of a log.
#[derive(Clone, Debug)]
pub(in crate::log) struct Scenario {
    pub(in crate::log) name: &'static str,
    pub(in crate::log) config: LogConfig,
    /// Done before anything goes wrong.
    pub(in crate::log) setup: Vec<Op>,
    /// A crash may come at any point of these.
    pub(in crate::log) ops: Vec<Op>,
}

const HOUR_MS: i64 = 3_600_000;
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * HOUR_MS;

/// Segments that two or three frames of a few hundred bytes fill.
fn tiny() -> LogConfig {
    LogConfig {
        segment_bytes: 2048,
        checkpoint_interval_bytes: 700,
        index_interval_bytes: 256,
        ..small_config()
    }
}

fn without_write_ahead() -> LogConfig {
    LogConfig { write_ahead_bytes_max: 0, ..tiny() }
}

fn aged() -> LogConfig {
    LogConfig { segment_ms: 1_000, retention_ms: Some(5_000), ..tiny() }
}

fn scenario(name: &'static str, config: LogConfig, setup: &[Op], ops: &[Op]) -> Scenario {
    Scenario { name, config, setup: setup.to_vec(), ops: ops.to_vec() }
}

fn repeat(times: usize, ops: &[Op]) -> Vec<Op> {
    ops.repeat(times)
}

/// Three sealed segments and a head, everything durable.
fn filled() -> Vec<Op> {
    let mut ops = vec![Reopen];
    ops.extend(repeat(8, &[Append(2, 350), Sync, Jobs]));
    ops
}

/// All of them, by name.
pub(in crate::log) fn all() -> Vec<Scenario> {
    let mut all = appending();
    all.extend(rolling());
    all.extend(deleting());
    all.extend(opening());
    all
}

pub(in crate::log) fn by_name(name: &str) -> Scenario {
    all().into_iter().find(|scenario| scenario.name == name).unwrap_or_else(|| panic!("no scenario {name}"))
}

fn appending() -> Vec<Scenario> {
    let single = [Append(1, 200), Sync];
    vec![
        scenario("appends one by one", small_config(), &[], &[vec![Reopen], repeat(5, &single)].concat()),
        scenario(
            "appends without writing ahead",
            LogConfig { write_ahead_bytes_max: 0, ..small_config() },
            &[],
            &[vec![Reopen], repeat(5, &single)].concat(),
        ),
        scenario(
            "groups of batches",
            small_config(),
            &[Reopen],
            &[Group(3, 100), Sync, Jobs, Group(4, 300), Append(1, 50), Sync, Jobs, Group(2, 700), Sync],
        ),
        scenario(
            "appends that nobody syncs",
            small_config(),
            &[Reopen, Append(1, 100), Sync],
            &[Append(1, 600), Append(3, 40), Append(1, 900), Sync, Append(1, 20), Append(2, 500)],
        ),
        scenario(
            "frames that fill sectors exactly",
            small_config(),
            &[Reopen],
            &[Append(1, 384), Sync, Append(1, 896), Append(1, 384), Sync, Append(2, 384), Sync],
        ),
        scenario(
            "vouching when idle",
            small_config(),
            &[Reopen],
            &[
                Append(1, 300),
                Sync,
                Vouch,
                Vouch,
                Append(1, 300),
                Sync,
                Jobs,
                Vouch,
                Append(1, 30),
                Vouch,
                Sync,
            ],
        ),
        scenario(
            "a clean-up without a sync",
            without_write_ahead(),
            &[Reopen, Append(1, 500), Append(1, 500)],
            &[Reopen, Append(2, 500), Append(1, 60), Reopen, Append(1, 500), Sync],
        ),
    ]
}

fn rolling() -> Vec<Scenario> {
    vec![
        scenario(
            "rolls by size",
            tiny(),
            &[Reopen],
            &[vec![Group(2, 300), Sync, Jobs], repeat(4, &[Append(2, 400), Sync, Jobs])].concat(),
        ),
        scenario(
            "rolls by size without writing ahead",
            without_write_ahead(),
            &[Reopen],
            &repeat(5, &[Append(2, 400), Append(1, 90), Sync]),
        ),
        scenario(
            "rolls in the middle of a group",
            tiny(),
            &[Reopen],
            &[Group(7, 300), Sync, Jobs, Append(1, 9), Sync],
        ),
        scenario(
            "frames larger than a segment",
            tiny(),
            &[Reopen, Append(1, 100), Sync],
            &[Append(1, 3000), Sync, Jobs, Group(2, 2500), Sync, Append(1, 100), Sync, Jobs],
        ),
        scenario(
            "rolls by age",
            aged(),
            &[Reopen, Append(1, 100), Sync],
            &[
                Clock(1_500),
                Upkeep,
                Jobs,
                Upkeep,
                Append(1, 100),
                Append(1, 60),
                Clock(1_500),
                Upkeep,
                Append(1, 70),
                Sync,
            ],
        ),
        scenario(
            "jobs that run late and out of order",
            tiny(),
            &[Reopen],
            &[
                repeat(3, &[Append(1, 450), Sync, HoldJobs]),
                vec![HeldJobs],
                repeat(3, &[Append(1, 450), Sync, HoldJobs]),
                vec![Delete(6), HoldJobs, HeldJobs, Append(1, 50), Sync, Jobs],
            ]
            .concat(),
        ),
        scenario(
            "jobs that never run",
            tiny(),
            &[Reopen],
            &[repeat(6, &[Append(1, 450), Sync]), vec![Delete(5), Append(1, 100), Sync]].concat(),
        ),
    ]
}

fn deleting() -> Vec<Scenario> {
    vec![
        scenario(
            "retention by size",
            tiny(),
            &filled(),
            &[Retain(None, Some(3_000)), Upkeep, Jobs, Append(2, 350), Sync, Upkeep, Jobs],
        ),
        scenario(
            "retention by time",
            tiny(),
            &[vec![Reopen], repeat(5, &[Append(2, 450), Append(1, 450), Sync, Jobs, Clock(1_000)])].concat(),
            &[
                Retain(Some(4_000), None),
                Upkeep,
                Upkeep,
                Jobs,
                Clock(2_500),
                Upkeep,
                Jobs,
                Append(1, 30),
                Sync,
            ],
        ),
        scenario(
            "records deleted inside the head",
            tiny(),
            &filled(),
            &[Append(4, 90), Sync, Delete(7), Jobs, Append(1, 40), Sync],
        ),
        scenario(
            "records deleted segment by segment",
            tiny(),
            &filled(),
            &[Delete(2), Jobs, Delete(4), Delete(4), Jobs, Append(1, 40), Sync],
        ),
        scenario(
            "the whole log deleted",
            tiny(),
            &filled(),
            &[Delete(8), Jobs, Append(2, 100), Sync, Delete(8), Append(1, 9), Sync, Jobs],
        ),
        scenario(
            "the clock jumps ahead and back",
            aged(),
            &filled(),
            &[
                Clock(TEN_YEARS_MS),
                Upkeep,
                Append(1, 200),
                Sync,
                Jobs,
                Clock(-TEN_YEARS_MS),
                Upkeep,
                Append(1, 200),
                Sync,
                Clock(HOUR_MS),
                Upkeep,
                Jobs,
                Append(1, 200),
                Sync,
            ],
        ),
    ]
}

fn opening() -> Vec<Scenario> {
    vec![
        scenario(
            "closed and opened",
            tiny(),
            &[Reopen],
            &[Append(2, 300), Sync, Jobs, Append(1, 80), Close, Reopen, Append(1, 300), Sync, Close, Reopen],
        ),
        scenario(
            "opened again and again",
            tiny(),
            &filled(),
            &[Append(1, 500), Reopen, Reopen, Append(1, 60), Reopen, Reopen],
        ),
        scenario(
            "opened after a kill in the middle of everything",
            tiny(),
            &[Reopen, Group(3, 350), Sync],
            &[Append(1, 700), Reopen, Append(1, 300), Append(1, 200), Reopen, Group(2, 800), Sync, Jobs],
        ),
        scenario(
            "closed when sealed, closed when empty",
            aged(),
            &[Reopen],
            &[
                Close,
                Reopen,
                Append(1, 60),
                Sync,
                Clock(2_000),
                Upkeep,
                Close,
                Reopen,
                Delete(8),
                Close,
                Reopen,
                Append(1, 9),
                Sync,
            ],
        ),
        scenario(
            "everything together",
            aged(),
            &[Reopen],
            &[
                Group(3, 300),
                Sync,
                Jobs,
                Vouch,
                Clock(1_200),
                Upkeep,
                Append(1, 700),
                Sync,
                Delete(3),
                Jobs,
                Append(2, 600),
                Reopen,
                Append(1, 300),
                Sync,
                Clock(6_000),
                Upkeep,
                Jobs,
                Vouch,
                Append(1, 64),
                Sync,
                Close,
            ],
        ),
    ]
}
