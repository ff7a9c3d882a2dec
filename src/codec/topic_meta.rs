//! What the broker keeps about a topic and about its data directory: the bodies of two authoritative small
//! files. Magic, version, length and CRC are the business of the envelope around them.
//!
//! Topic, little-endian:
//!
//! | bytes | field |
//! | --- | --- |
//! | 16 | topic id |
//! | 4 | number of partitions |
//! | 8 + 8 | retention in ms and bytes; all ones: never |
//! | 8 + 8 | segment size in bytes, age in ms |
//! | 8 + 8 | largest record, largest batch, in bytes |
//! | 1 | timestamps: 0 the producer's, 1 the broker's |
//! | 1 + n | the name: its length, its bytes |
//!
//! What only tunes the files (index interval, writing ahead, checkpoints) is the broker's to set, and not here.
//!
//! The name comes last, being the only field of varying length. It repeats the directory's name, so that a
//! file copied into another topic's directory is recognised.

use bytes::{Buf, BufMut};
use thiserror::Error;

use crate::types::limits::TOPIC_PARTITIONS_MAX;
use crate::types::num::{to_u64, to_usize};
use crate::types::{LogConfig, TimestampType, TopicConfig, TopicId, TopicName};

/// The name of the authoritative file in a topic's directory.
pub const TOPIC_META_FILE: &str = "topic";

/// What that file begins with.
pub const TOPIC_META_MAGIC: [u8; 8] = *b"HWTOPIC\0";

/// The bytes before the name's.
const FIXED_BYTES: usize = 16 + 4 + 6 * 8 + 1 + 1;

/// The longest body there is, in bytes.
pub const TOPIC_META_BYTES_MAX: usize = FIXED_BYTES + 255;

/// Stands for "never" where a number of bytes or milliseconds is stored.
const NEVER: u64 = u64::MAX;

/// What makes a topic: everything about it that is not in its logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMeta {
    /// Its name.
    pub name: TopicName,
    /// Its identity.
    pub id: TopicId,
    /// How many partitions it has; at least 1.
    pub partitions: u32,
    /// What it runs with.
    pub config: TopicConfig,
}

/// Why a body is no topic's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("topic metadata: {what}")]
pub struct BadTopicMeta {
    /// What is wrong with it.
    pub what: &'static str,
}

impl TopicMeta {
    /// The body of the topic's metadata file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let log = &self.config.log;
        let name = self.name.as_str().as_bytes();
        let mut out = Vec::with_capacity(FIXED_BYTES + name.len());
        out.put_slice(&self.id.0);
        out.put_u32_le(self.partitions);
        for number in [
            log.retention_ms.unwrap_or(NEVER),
            log.retention_bytes.unwrap_or(NEVER),
            log.segment_bytes,
            log.segment_ms,
            to_u64(self.config.max_record_bytes),
            to_u64(self.config.max_batch_bytes),
        ] {
            out.put_u64_le(number);
        }
        out.put_u8(match self.config.timestamp_type {
            TimestampType::CreateTime => 0,
            TimestampType::LogAppendTime => 1,
        });
        // A name has at most 249 bytes, which its type guarantees.
        out.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.put_slice(name);
        out
    }

    /// Reads a body back. What it does not hold is as by default.
    ///
    /// # Errors
    /// Says what is wrong with it; never panics, whatever the bytes.
    pub fn decode(mut body: &[u8]) -> Result<TopicMeta, BadTopicMeta> {
        if body.len() < FIXED_BYTES {
            return Err(BadTopicMeta { what: "shorter than its fixed fields" });
        }
        let mut id = [0; 16];
        body.copy_to_slice(&mut id);
        let partitions = body.get_u32_le();
        if !(1..=TOPIC_PARTITIONS_MAX).contains(&partitions) {
            return Err(BadTopicMeta { what: "the number of partitions is out of bounds" });
        }
        let never = |number| Some(number).filter(|number| *number != NEVER);
        let log = LogConfig {
            retention_ms: never(body.get_u64_le()),
            retention_bytes: never(body.get_u64_le()),
            segment_bytes: body.get_u64_le(),
            segment_ms: body.get_u64_le(),
            ..LogConfig::default()
        };
        let max_record_bytes = to_usize(body.get_u64_le());
        let max_batch_bytes = to_usize(body.get_u64_le());
        let timestamp_type = match body.get_u8() {
            0 => TimestampType::CreateTime,
            1 => TimestampType::LogAppendTime,
            _ => return Err(BadTopicMeta { what: "unknown timestamp type" }),
        };
        if usize::from(body.get_u8()) != body.len() {
            return Err(BadTopicMeta { what: "the name's length does not fit" });
        }
        let name = std::str::from_utf8(body).ok().and_then(|name| TopicName::parse(name).ok());
        let name = name.ok_or(BadTopicMeta { what: "the name is not a topic's" })?;
        let config = TopicConfig { log, max_record_bytes, max_batch_bytes, timestamp_type };
        Ok(TopicMeta { name, id: TopicId(id), partitions, config })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meta() -> TopicMeta {
        TopicMeta {
            name: TopicName::parse("orders").unwrap(),
            id: TopicId([7; 16]),
            partitions: 3,
            config: TopicConfig::default(),
        }
    }

    #[test]
    fn golden_bytes_stay_readable() {
        let mut golden = vec![7; 16];
        golden.extend([3, 0, 0, 0]);
        for number in [604_800_000, u64::MAX, 1 << 28, 604_800_000, 1 << 20, 1 << 20] {
            golden.extend(number.to_le_bytes());
        }
        golden.extend(*b"\0\x06orders");
        assert_eq!(meta().encode(), golden);
        assert_eq!(TopicMeta::decode(&golden), Ok(meta()));
    }

    #[test]
    fn every_prefix_is_refused() {
        let body = meta().encode();
        for len in 0..body.len() {
            assert!(TopicMeta::decode(&body[..len]).is_err(), "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(
            id: [u8; 16],
            partitions in 1..=TOPIC_PARTITIONS_MAX,
            name in "[a-zA-Z0-9._-]{3,249}",
            retention in proptest::option::of(0..u64::MAX),
            segment_bytes: u64,
            broker_time: bool,
        ) {
            let mut meta = meta();
            meta.id = TopicId(id);
            meta.partitions = partitions;
            meta.name = TopicName::parse(&name).unwrap();
            meta.config.log.retention_bytes = retention;
            meta.config.log.segment_bytes = segment_bytes;
            if broker_time {
                meta.config.timestamp_type = TimestampType::LogAppendTime;
            }
            let body = meta.encode();
            prop_assert!(body.len() <= TOPIC_META_BYTES_MAX);
            prop_assert_eq!(TopicMeta::decode(&body), Ok(meta));
        }

        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = TopicMeta::decode(&body);
        }
    }
}
