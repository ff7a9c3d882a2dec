//! Where a partition begins and ends, and which offset a time has.

use super::{Broker, ReadError};
use crate::types::{Offset, PartitionId};

/// The offsets of a partition; see the vocabulary in `docs/design.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The first offset still readable.
    pub log_start: Offset,
    /// The first offset not yet synced.
    pub durable: Offset,
    /// Readers see below it.
    pub high_watermark: Offset,
    /// The next offset to be assigned.
    pub log_end: Offset,
    /// The first record whose time is not before the one asked for; the high watermark where all are older.
    pub at_time: Option<Offset>,
}

impl Broker {
    /// The offsets of a partition, and the one of a time (in milliseconds since the Unix epoch) if asked for.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn offsets(
        &self,
        topic: &str,
        partition: PartitionId,
        timestamp_ms: Option<i64>,
    ) -> Result<Offsets, ReadError> {
        let topic = self.topic(topic)?;
        let found = topic.partition(partition)?;
        let at_time = match timestamp_ms {
            Some(timestamp_ms) => {
                let sought = found.seek_time(timestamp_ms).await;
                Some(sought.map_err(|error| ReadError::of_partition(error, topic.at(partition), None))?)
            }
            None => None,
        };
        Ok(Offsets {
            log_start: found.log_start_offset(),
            durable: found.durable_offset(),
            high_watermark: found.high_watermark(),
            log_end: found.log_end_offset(),
            at_time,
        })
    }
}
