//! Reading: batches of one partition by offset, or of a whole topic.

use tonic::Streaming;

use super::messages::{
    CaughtUp, ReadRequest, ReadResponse, Record, RecordBatch, SubscribeRequest, SubscribeResponse,
    TimestampType, TopicPartitionOffset, read_response, subscribe_response,
};
use super::{Client, ClientError};

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadEvent {
    /// Records.
    Records(RecordBatch),
    /// Everything below the high watermark of this partition was read, for the first time.
    CaughtUp {
        /// The partition.
        partition: u32,
        /// The next offset.
        next_offset: u64,
    },
    /// The broker is about to stop: connect again, and go on from these positions.
    GoingAway(Vec<TopicPartitionOffset>),
}

/// A stream of one partition's batches. Dropping it cancels it.
#[derive(Debug)]
pub struct PartitionReader {
    stream: Streaming<ReadResponse>,
}

/// A stream of a topic's batches. Dropping it cancels it.
#[derive(Debug)]
pub struct Subscription {
    stream: Streaming<SubscribeResponse>,
}

impl Client {
    /// Reads one partition by offset. An absent `start` means the latest, an absent `stop` for ever.
    ///
    /// # Errors
    /// As the broker answers.
    pub async fn read(&self, request: ReadRequest) -> Result<PartitionReader, ClientError> {
        let stream = self.log().read(request).await?.into_inner();
        Ok(PartitionReader { stream })
    }

    /// Reads a topic, or some of its partitions. The subscription cannot be steered.
    ///
    /// # Errors
    /// As the broker answers.
    pub async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscription, ClientError> {
        let requests = tokio_stream::once(request);
        let stream = self.pub_sub().subscribe(requests).await?.into_inner();
        Ok(Subscription { stream })
    }
}

impl From<CaughtUp> for ReadEvent {
    fn from(at: CaughtUp) -> ReadEvent {
        ReadEvent::CaughtUp { partition: at.partition, next_offset: at.next_offset }
    }
}

impl PartitionReader {
    /// The next event; None once the end that was asked for is reached. Cancellation-safe. Heartbeats are
    /// swallowed: the connection itself is watched.
    ///
    /// # Errors
    /// As the broker ends the stream.
    pub async fn next(&mut self) -> Result<Option<ReadEvent>, ClientError> {
        use read_response::Event;
        while let Some(response) = self.stream.message().await? {
            match response.event {
                Some(Event::Records(batch)) => return Ok(Some(ReadEvent::Records(batch))),
                Some(Event::CaughtUp(at)) => return Ok(Some(at.into())),
                Some(Event::Heartbeat(_)) | None => {}
            }
        }
        Ok(None)
    }
}

impl Subscription {
    /// The next event; None once the end that was asked for is reached in every partition. Cancellation-safe.
    /// Heartbeats are swallowed: the connection itself is watched.
    ///
    /// # Errors
    /// As the broker ends the stream.
    pub async fn next(&mut self) -> Result<Option<ReadEvent>, ClientError> {
        use subscribe_response::Event;
        while let Some(response) = self.stream.message().await? {
            match response.event {
                Some(Event::Records(batch)) => return Ok(Some(ReadEvent::Records(batch))),
                Some(Event::CaughtUp(at)) => return Ok(Some(at.into())),
                Some(Event::GoingAway(away)) => return Ok(Some(ReadEvent::GoingAway(away.positions))),
                // Without a group there are no assignments and nothing to acknowledge.
                Some(Event::Heartbeat(_) | Event::Assignment(_) | Event::AckResult(_)) | None => {}
            }
        }
        Ok(None)
    }
}

/// The records of a batch, each with its offset and its time in milliseconds since the Unix epoch. Compressed
/// batches, which come only to those who accept them, have none.
pub fn records_of(batch: RecordBatch) -> impl Iterator<Item = (u64, i64, Record)> {
    let by_append_time = batch.timestamp_type == i32::from(TimestampType::LogAppendTime);
    let (base, append_time_ms, deltas) = (batch.base_offset, batch.append_time_ms, batch.offset_deltas);
    let records = batch.records.map(|set| set.record).unwrap_or_default();
    let dense = deltas.is_empty();
    let distances = deltas.into_iter().map(u64::from);
    let offsets: Box<dyn Iterator<Item = u64> + Send> =
        if dense { Box::new(0..) } else { Box::new(distances) };
    offsets.zip(records).map(move |(distance, record)| {
        let own_time = record.timestamp_ms != 0 && !by_append_time;
        let time_ms = if own_time { record.timestamp_ms } else { append_time_ms };
        (base + distance, time_ms, record)
    })
}
