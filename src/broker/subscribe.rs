//! Reading: from which partitions, from where, up to where.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::topic::SubscriptionGuard;
use super::{Broker, LookupError, ReadError, Topic};
use crate::partition::{
    self, Event, StartAt, StopAt, Subscription, Unavailable, resolve_start, resolve_stop,
};
use crate::types::{Offset, OffsetRange, PartitionId, StoredBatch, TopicPartition};

/// Where to start reading, in each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// The first record in the log.
    Earliest,
    /// Behind the last record.
    #[default]
    Latest,
    /// This offset.
    Offset(Offset),
    /// An offset by partition; behind the last record of partitions that are not named.
    Offsets(BTreeMap<PartitionId, Offset>),
    /// The first record whose time is not before this, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// So many records before the end.
    LastN(u64),
}

/// Where to stop reading, in each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The high watermark of now.
    AtEnd,
    /// Before this offset.
    Offset(Offset),
    /// Before the first record whose time is not before this, in milliseconds since the Unix epoch.
    Timestamp(i64),
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The names of the topics; none twice.
    pub topics: Vec<String>,
    /// The partitions of each of them; empty: all.
    pub partitions: Vec<PartitionId>,
    /// Where to start.
    pub start: Start,
    /// Where to stop; None: never.
    pub stop: Option<Stop>,
}

/// What a reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The next records, in order; never empty.
    Batches(Vec<StoredBatch>),
    /// Everything below the high watermark has been read; said once, the first time.
    CaughtUp,
    /// The stop has been reached.
    End,
}

/// Reads one partition. The topic counts it as a subscription for as long as it lives.
#[derive(Debug)]
pub struct PartitionReader {
    at: TopicPartition,
    subscription: Subscription,
    _counted: Arc<SubscriptionGuard>,
}

impl Broker {
    /// Readers of what is selected, one a partition. Never creates a topic.
    ///
    /// # Errors
    /// See [`ReadError`]: nothing is read unless all of it can be.
    pub async fn subscribe(&self, selection: &Selection) -> Result<Vec<PartitionReader>, ReadError> {
        let mut wanted = Vec::new();
        for name in &selection.topics {
            let topic = self.topic(name)?;
            let counted = Arc::new(topic.count_subscription());
            let partitions: Vec<PartitionId> = match &*selection.partitions {
                [] => topic.partition_ids().collect(),
                some => some.to_vec(),
            };
            for partition in partitions {
                // Before anything is looked up by time: a partition that is not there is the cheaper error.
                topic.partition(partition)?;
                wanted.push((Arc::clone(&topic), partition, Arc::clone(&counted)));
            }
        }
        check_named_offsets(&selection.start, &wanted)?;

        let mut readers = Vec::with_capacity(wanted.len());
        for (topic, partition, counted) in wanted {
            readers.push(open_reader(&topic, partition, counted, selection).await?);
        }
        Ok(readers)
    }
}

/// Refuses a start that names a partition that is not read: its offset would be silently ignored.
fn check_named_offsets(
    start: &Start,
    wanted: &[(Arc<Topic>, PartitionId, Arc<SubscriptionGuard>)],
) -> Result<(), LookupError> {
    let Start::Offsets(offsets) = start else { return Ok(()) };
    let is_read = |id: &PartitionId| wanted.iter().any(|(_, partition, _)| partition == id);
    match (offsets.keys().find(|id| !is_read(id)), wanted.first()) {
        (Some(id), Some((topic, ..))) => {
            Err(LookupError::no_partition(topic.name(), *id, topic.partition_count()))
        }
        _ => Ok(()),
    }
}

async fn open_reader(
    topic: &Topic,
    partition: PartitionId,
    counted: Arc<SubscriptionGuard>,
    selection: &Selection,
) -> Result<PartitionReader, ReadError> {
    let at = topic.at(partition);
    let found = topic.partition(partition)?;
    // The stop first: records that arrive between the two must not turn an empty range into an endless one.
    let stop = match selection.stop {
        None => None,
        Some(stop) => {
            let stop = match stop {
                Stop::AtEnd => StopAt::AtEnd,
                Stop::Offset(offset) => StopAt::Offset(offset),
                Stop::Timestamp(timestamp_ms) => StopAt::Timestamp(timestamp_ms),
            };
            let resolved = resolve_stop(found, stop).await;
            Some(resolved.map_err(|error| ReadError::of_partition(error, at.clone(), None))?)
        }
    };
    let start = match &selection.start {
        Start::Earliest => StartAt::Earliest,
        Start::Latest => StartAt::Latest,
        Start::Offset(offset) => StartAt::Offset(*offset),
        Start::Offsets(offsets) => offsets.get(&partition).map_or(StartAt::Latest, |at| StartAt::Offset(*at)),
        Start::Timestamp(timestamp_ms) => StartAt::Timestamp(*timestamp_ms),
        Start::LastN(count) => StartAt::LastN(*count),
    };
    let asked = if let StartAt::Offset(offset) = start { Some(offset) } else { None };
    let first = resolve_start(found, start).await;
    let first = first.map_err(|error| ReadError::of_partition(error, at.clone(), asked))?;
    Ok(PartitionReader {
        at,
        subscription: Subscription::new(Arc::clone(found), first, stop),
        _counted: counted,
    })
}

impl PartitionReader {
    /// The partition that is read.
    #[must_use]
    pub const fn at(&self) -> &TopicPartition {
        &self.at
    }

    /// The next offset that will be delivered.
    #[must_use]
    pub const fn position(&self) -> Offset {
        self.subscription.position()
    }

    /// Readers see below it.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.subscription.partition().high_watermark()
    }

    /// Waits for what comes next. The payloads of the batches have at most `bytes_max` bytes together, unless
    /// a single record has more.
    ///
    /// Cancellation: nothing is lost, the next call goes on.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn next(&mut self, bytes_max: usize) -> Result<Delivered, ReadError> {
        match self.subscription.next(bytes_max).await {
            Ok(Event::Batches(batches)) => Ok(Delivered::Batches(batches)),
            Ok(Event::CaughtUp) => Ok(Delivered::CaughtUp),
            Ok(Event::End) => Ok(Delivered::End),
            Err(error) => Err(ReadError::of_partition(error, self.at.clone(), Some(self.position()))),
        }
    }
}

impl ReadError {
    /// Says where it happened. `asked` is the offset that was to be read, if it was one.
    pub(super) fn of_partition(
        error: partition::ReadError,
        at: TopicPartition,
        asked: Option<Offset>,
    ) -> ReadError {
        let corrupt = |at, damaged: OffsetRange| ReadError::Corrupt { at, damaged };
        match error {
            partition::ReadError::OutOfRange { available } => {
                ReadError::OutOfRange { at, asked: asked.unwrap_or(available.first), available }
            }
            partition::ReadError::Corrupt(range) => {
                tracing::error!(topic = %at.topic, partition = %at.partition, offsets = %range.offsets,
                    segment = %range.segment, position = %range.position, what = range.what,
                    "damaged records were asked for");
                corrupt(at, range.offsets)
            }
            partition::ReadError::Malformed { offsets } => {
                tracing::error!(topic = %at.topic, partition = %at.partition, %offsets,
                    "a stored batch is no record set, though its checksum is right");
                corrupt(at, offsets)
            }
            partition::ReadError::Io(error) => {
                tracing::error!(topic = %at.topic, partition = %at.partition, %error, "reading failed");
                ReadError::PartitionFailed { at }
            }
            partition::ReadError::Unavailable(Unavailable::Closed) => LookupError::ShuttingDown.into(),
            partition::ReadError::Unavailable(Unavailable::Deleted) => {
                ReadError::TopicDeleted { topic: at.topic }
            }
        }
    }
}
