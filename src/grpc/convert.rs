//! Wire types to the broker's and back. What the wire can say and the broker cannot do yet is refused here:
//! nothing is silently ignored.

use super::status::{Refusal, excerpt};
use crate::broker::{Start, Stop, TopicSettings};
use crate::types::limits::{CORRELATION_ID_BYTES_MAX, PAYLOAD_BYTES_MAX, RESPONSE_BYTES_DEFAULT};
use crate::types::num::{to_u64, u32_to_usize};
use crate::types::{
    Compression, Offset, PartitionId, StoredBatch, TimestampType, TopicConfig, TopicPartition,
};
use crate::wire::server::pubsub as wire;

/// A request's mark, to be echoed in its answer. One that is too long is refused, and not echoed.
pub(super) fn correlation_id(id: String) -> Result<String, Refusal> {
    if id.len() <= CORRELATION_ID_BYTES_MAX {
        return Ok(id);
    }
    let bytes = id.len();
    let message =
        format!("a correlation_id has at most {CORRELATION_ID_BYTES_MAX} bytes, this one has {bytes}");
    Err(Refusal::invalid("CORRELATION_ID_TOO_LONG", message))
}

/// Checks that a request asks for a durability that the broker can give: what is acknowledged is synced.
pub(super) fn check_durability(durability: i32) -> Result<(), Refusal> {
    match wire::Durability::try_from(durability) {
        Ok(wire::Durability::Unspecified | wire::Durability::Synced) => Ok(()),
        Ok(other @ (wire::Durability::Written | wire::Durability::Memory)) => {
            Err(Refusal::unimplemented(&format!("durability {}", other.as_str_name())))
        }
        Err(_) => Err(Refusal::invalid("INVALID_DURABILITY", format!("unknown durability {durability}"))),
    }
}

/// Refuses batches that are compressed: the broker cannot look into them yet.
pub(super) fn check_uncompressed(compression: i32) -> Result<(), Refusal> {
    match wire::Compression::try_from(compression) {
        Ok(wire::Compression::None) => Ok(()),
        Ok(other @ (wire::Compression::Lz4 | wire::Compression::Zstd)) => {
            Err(Refusal::unimplemented(&format!("compression {}", other.as_str_name())))
        }
        Err(_) => Err(Refusal::invalid("INVALID_COMPRESSION", format!("unknown compression {compression}"))),
    }
}

/// Where to start; behind the last record where the request does not say.
pub(super) fn start(start: Option<wire::Start>) -> Result<Start, Refusal> {
    use wire::start::At;
    match start.and_then(|start| start.at) {
        None | Some(At::Latest(_)) => Ok(Start::Latest),
        Some(At::Earliest(_)) => Ok(Start::Earliest),
        Some(At::Offset(offset)) => Ok(Start::Offset(Offset(offset))),
        Some(At::Offsets(named)) => {
            let pair = |(partition, offset)| (PartitionId(partition), Offset(offset));
            Ok(Start::Offsets(named.offsets.into_iter().map(pair).collect()))
        }
        Some(At::TimestampMs(timestamp_ms)) => Ok(Start::Timestamp(timestamp_ms)),
        Some(At::LastN(count)) => Ok(Start::LastN(count)),
        Some(At::Committed(_)) => Err(Refusal::unimplemented("start: committed")),
    }
}

/// Where to stop; never where the request does not say.
pub(super) fn stop(stop: Option<wire::Stop>) -> Option<Stop> {
    use wire::stop::At;
    stop.and_then(|stop| stop.at).map(|at| match at {
        At::AtEnd(_) => Stop::AtEnd,
        At::Offset(offset) => Stop::Offset(Offset(offset)),
        At::TimestampMs(timestamp_ms) => Stop::Timestamp(timestamp_ms),
    })
}

/// How large responses may be, in bytes of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResponseLimit {
    /// Batches are cut at record borders to stay within.
    pub(super) bytes_max: usize,
    /// A single record may be larger than that, but not than this: the client could not receive it.
    pub(super) single_record_bytes_max: usize,
}

impl ResponseLimit {
    /// From a request's `max_batch_bytes`; 0: what stock clients accept.
    pub(super) fn from_request(max_batch_bytes: u32) -> ResponseLimit {
        let bytes_max = match u32_to_usize(max_batch_bytes) {
            0 => RESPONSE_BYTES_DEFAULT,
            asked => asked.min(PAYLOAD_BYTES_MAX),
        };
        ResponseLimit { bytes_max, single_record_bytes_max: bytes_max.max(RESPONSE_BYTES_DEFAULT) }
    }
}

/// A batch as it is stored: its payload travels as it is.
pub(super) fn record_batch(
    at: &TopicPartition,
    high_watermark: Offset,
    batch: StoredBatch,
) -> wire::RecordBatch {
    let mut message = wire::RecordBatch {
        topic: at.topic.to_string(),
        partition: at.partition.0,
        base_offset: batch.base_offset().0,
        offset_deltas: batch.offset_deltas.as_deref().map(<[u32]>::to_vec).unwrap_or_default(),
        append_time_ms: batch.append_time_ms,
        timestamp_type: timestamp_type(batch.timestamp_type).into(),
        high_watermark: high_watermark.0,
        ..wire::RecordBatch::default()
    };
    match batch.compression {
        Compression::None => message.records = vec![batch.payload],
        Compression::Lz4 => {
            message.compression = wire::Compression::Lz4.into();
            message.compressed_records = batch.payload;
        }
        Compression::Zstd => {
            message.compression = wire::Compression::Zstd.into();
            message.compressed_records = batch.payload;
        }
    }
    message
}

const fn timestamp_type(timestamp_type: TimestampType) -> wire::TimestampType {
    match timestamp_type {
        TimestampType::CreateTime => wire::TimestampType::CreateTime,
        TimestampType::LogAppendTime => wire::TimestampType::LogAppendTime,
    }
}

/// A topic's settings as a request names them. `storage` is the kind that the broker runs on.
pub(super) fn topic_settings(
    config: Option<wire::TopicConfig>,
    storage: &str,
) -> Result<TopicSettings, Refusal> {
    let Some(config) = config else { return Ok(TopicSettings::default()) };
    for (is_set, key) in [
        (config.min_compaction_lag_ms.is_some(), "min_compaction_lag_ms"),
        (config.tombstone_retention_ms.is_some(), "tombstone_retention_ms"),
        (config.dedupe_window_ms.is_some(), "dedupe_window_ms"),
        (config.dedupe_by_message_id.is_some(), "dedupe_by_message_id"),
    ] {
        if is_set {
            return Err(Refusal::unimplemented(&format!("topic setting {key}")));
        }
    }
    one_of("cleanup_policy", config.cleanup_policy, &["delete"], &["compact", "compact,delete"])?;
    one_of("compression", config.compression, &["producer"], &["none", "lz4", "zstd"])?;
    one_of("storage", config.storage, &[storage], &["file", "memory", "redis", "postgres"])?;
    check_durability(config.durability.unwrap_or_default())?;
    let timestamp_type = match wire::TimestampType::try_from(config.timestamp_type.unwrap_or_default()) {
        Ok(wire::TimestampType::Unspecified) => None,
        Ok(wire::TimestampType::CreateTime) => Some(TimestampType::CreateTime),
        Ok(wire::TimestampType::LogAppendTime) => Some(TimestampType::LogAppendTime),
        Err(_) => return Err(Refusal::invalid("INVALID_CONFIG", "unknown timestamp_type")),
    };
    Ok(TopicSettings {
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        segment_bytes: config.segment_bytes,
        segment_ms: config.segment_ms,
        max_record_bytes: config.max_record_bytes,
        max_batch_bytes: config.max_batch_bytes,
        timestamp_type,
    })
}

/// Checks a setting that is a word: some words work, some will.
fn one_of(key: &str, value: Option<String>, work: &[&str], will_work: &[&str]) -> Result<(), Refusal> {
    match value {
        None => Ok(()),
        Some(value) if work.contains(&value.as_str()) => Ok(()),
        Some(value) if will_work.contains(&value.as_str()) => {
            Err(Refusal::unimplemented(&format!("{key} {value:?}")))
        }
        Some(value) => {
            let message = format!("{key} must be one of {}, not {:?}", work.join(", "), excerpt(&value));
            Err(Refusal::invalid("INVALID_CONFIG", message))
        }
    }
}

/// What a topic runs with, every key set.
pub(super) fn topic_config(config: &TopicConfig, storage: &str) -> wire::TopicConfig {
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let or_never = |value: Option<u64>| value.map_or(-1, signed);
    wire::TopicConfig {
        retention_ms: Some(or_never(config.log.retention_ms)),
        retention_bytes: Some(or_never(config.log.retention_bytes)),
        segment_bytes: Some(signed(config.log.segment_bytes)),
        segment_ms: Some(signed(config.log.segment_ms)),
        cleanup_policy: Some("delete".to_owned()),
        max_record_bytes: Some(signed(to_u64(config.max_record_bytes))),
        max_batch_bytes: Some(signed(to_u64(config.max_batch_bytes))),
        durability: Some(wire::Durability::Synced.into()),
        compression: Some("producer".to_owned()),
        timestamp_type: Some(timestamp_type(config.timestamp_type).into()),
        storage: Some(storage.to_owned()),
        // These do not act yet.
        min_compaction_lag_ms: None,
        tombstone_retention_ms: None,
        dedupe_window_ms: None,
        dedupe_by_message_id: None,
    }
}
