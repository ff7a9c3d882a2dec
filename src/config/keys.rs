//! The one list of what can be configured.

use super::Config;
use super::value::{Field, Kind, Scalar};
use crate::types::limits::{PAYLOAD_BYTES_MAX, TOPIC_PARTITIONS_MAX};
use crate::types::num::to_u64;

/// One key: its name, what it takes, and the field behind it.
#[derive(Debug)]
pub struct Key {
    /// The section it stands in.
    pub section: &'static str,
    /// Its name within the section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    get: fn(&Config) -> Scalar,
    set: fn(&mut Config, &Scalar) -> bool,
}

impl Key {
    /// `section.key`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("HIGHWATER_{}__{}", self.section, self.name).to_ascii_uppercase()
    }

    /// Its value in `config`.
    #[must_use]
    pub fn get(&self, config: &Config) -> Scalar {
        (self.get)(config)
    }

    /// Sets it in `config`.
    ///
    /// # Errors
    /// Says what was found and what would be right; `config` is then unchanged.
    pub fn set(&self, config: &mut Config, value: &Scalar) -> Result<(), String> {
        if self.kind.admits(value) && (self.set)(config, value) {
            return Ok(());
        }
        Err(format!("{} is {value}, but takes {}", self.path(), self.kind.expected()))
    }
}

macro_rules! key {
    ($section:ident . $field:ident, $kind:expr) => {
        key!($section.$field = stringify!($field), $kind)
    };
    ($section:ident . $field:ident = $name:expr, $kind:expr) => {
        Key {
            section: stringify!($section),
            name: $name,
            kind: $kind,
            get: |config| config.$section.$field.show(),
            set: |config, value| Field::read(value).map(|read| config.$section.$field = read).is_some(),
        }
    };
}

const KIB: i64 = 1024;
const MIB: i64 = 1024 * KIB;
const GIB: i64 = 1024 * MIB;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// No time span is longer: a hundred years, so that sums of times never overflow.
const SPAN_MS_MAX: i64 = 36_500 * DAY_MS;

const fn bytes(min: i64, max: i64) -> Kind {
    Kind::Whole { min, max, unit: "bytes" }
}

const fn milliseconds(min: i64, max: i64) -> Kind {
    Kind::Whole { min, max, unit: "milliseconds" }
}

const fn count(max: i64, unit: &'static str) -> Kind {
    Kind::Whole { min: 1, max, unit }
}

/// Every key, by section, in the order in which they are printed.
#[must_use]
pub fn all() -> Vec<Key> {
    let payload_max = i64::try_from(to_u64(PAYLOAD_BYTES_MAX)).unwrap_or(i64::MAX);
    vec![
        key!(server.grpc_listen, Kind::Listen),
        key!(server.http_listen, Kind::Listen),
        key!(server.unsafe_allow_insecure_listen, Kind::Bool),
        key!(server.drain_timeout_ms, milliseconds(0, DAY_MS)),
        key!(storage.kind = "type", Kind::Choice(&["file", "memory"])),
        key!(storage.data_dir, Kind::Path),
        key!(storage.segment_bytes, bytes(4 * KIB, 8 * GIB)),
        key!(storage.segment_ms, milliseconds(1000, SPAN_MS_MAX)),
        key!(storage.index_interval_bytes, bytes(512, GIB)),
        key!(storage.write_ahead_bytes_max, bytes(0, GIB)),
        key!(storage.checkpoint_interval_bytes, bytes(4 * KIB, 1024 * GIB)),
        key!(storage.commit_threads, count(1024, "threads")),
        key!(storage.read_threads, count(1024, "threads")),
        key!(topics.auto_create, Kind::Bool),
        key!(topics.default_partitions, count(i64::from(TOPIC_PARTITIONS_MAX), "partitions")),
        key!(topics.max_topics, count(1_000_000, "topics")),
        key!(retention.default_ms, Kind::WholeOrNever { min: 1, unit: "milliseconds" }),
        key!(retention.default_bytes, Kind::WholeOrNever { min: 1, unit: "bytes" }),
        key!(retention.check_interval_ms, milliseconds(10, DAY_MS)),
        key!(limits.max_record_bytes, bytes(1, payload_max)),
        key!(limits.max_batch_bytes, bytes(1, payload_max)),
        key!(limits.max_inflight_bytes, bytes(MIB, 1024 * GIB)),
        key!(limits.max_partition_inflight_bytes, bytes(MIB, 1024 * GIB)),
        key!(limits.max_partition_tail_bytes, bytes(0, GIB)),
        key!(limits.max_timestamp_ahead_ms, milliseconds(0, SPAN_MS_MAX)),
        key!(limits.max_connections, count(1_000_000, "connections")),
        key!(limits.max_streams_per_connection, count(1_000_000, "streams")),
        key!(limits.heartbeat_ms, milliseconds(100, DAY_MS)),
        key!(logging.level, Kind::Choice(&["error", "warn", "info", "debug", "trace"])),
        key!(logging.format, Kind::Choice(&["text", "json"])),
    ]
}

/// The candidate that `word` was most likely meant to be, if any is close.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    candidates
        .map(|candidate| (distance(&word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, deleted or replaced to make one word the other (Levenshtein 1965).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in to.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
