//! What `Subscribe`, `Consume` and `Read` have in common: records of several partitions merged into one stream,
//! fairly, with signs of life in between and a farewell when the broker stops.
//!
//! Each partition has one turn under way at a time, which holds at most what one read returned. A turn that
//! has something to say says it and goes to the back of the line. Nothing runs unless the client takes what
//! was sent: a slow client slows its own stream and nobody else's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::convert::{ResponseLimit, record_batch};
use super::status::{Refusal, excerpt, status_of};
use crate::broker::{Delivered, PartitionReader, ReadError};
use crate::grpc::BrokerHandle;
use crate::types::{Offset, StoredBatch, TopicPartition};
use crate::wire::server::pubsub::{CaughtUp, GoingAway, Heartbeat, RecordBatch, TopicPartitionOffset};

/// What all partitions of one stream together may have read ahead, in bytes: with many partitions, each reads
/// less at a time ...
const READ_AHEAD_BYTES: usize = 16 * 1024 * 1024;

/// ... but not less than this.
const READ_BYTES_MIN: usize = 64 * 1024;

/// What a reader is sent.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Records(RecordBatch),
    CaughtUp(CaughtUp),
    Heartbeat(Heartbeat),
    GoingAway(GoingAway),
}

/// One partition's turn, when it has come to something.
struct Turn {
    reader: PartitionReader,
    outcome: Result<Delivered, ReadError>,
}

/// A stream of records in the making.
pub(super) struct Delivery {
    broker: BrokerHandle,
    stopping: CancellationToken,
    heartbeat: Duration,
    limit: ResponseLimit,
    read_bytes: usize,
    turns: FuturesUnordered<BoxFuture<'static, Turn>>,
    /// Partitions that the client has paused. Their next turn still comes to its end ...
    paused: BTreeSet<TopicPartition>,
    /// ... and waits here.
    parked: BTreeMap<TopicPartition, Turn>,
    /// Where the client would go on, by partition.
    positions: BTreeMap<TopicPartition, Offset>,
    ready: VecDeque<Sent>,
    /// Set when nothing follows what is ready.
    end: Option<Result<(), Status>>,
}

impl Delivery {
    pub(super) fn new(
        broker: BrokerHandle,
        readers: Vec<PartitionReader>,
        limit: ResponseLimit,
        heartbeat: Duration,
    ) -> Delivery {
        let share = READ_AHEAD_BYTES.checked_div(readers.len()).unwrap_or(READ_AHEAD_BYTES);
        let mut delivery = Delivery {
            stopping: broker.stopping(),
            broker,
            heartbeat,
            read_bytes: limit.bytes_max.min(share.max(READ_BYTES_MIN)),
            limit,
            turns: FuturesUnordered::new(),
            paused: BTreeSet::new(),
            parked: BTreeMap::new(),
            positions: readers.iter().map(|reader| (reader.at().clone(), reader.position())).collect(),
            ready: VecDeque::new(),
            end: None,
        };
        for reader in readers {
            delivery.take_turn(reader);
        }
        delivery
    }

    /// Waits for the next message, or for `steering` to come to something first. None at the end.
    ///
    /// `steering` is dropped and made again for each message: it must not lose anything by that.
    pub(super) async fn next<S>(&mut self, steering: impl Future<Output = S>) -> Next<S> {
        let silence = tokio::time::sleep(self.heartbeat);
        tokio::pin!(silence, steering);
        loop {
            if let Some(sent) = self.ready.pop_front() {
                return Next::Send(sent);
            }
            if let Some(end) = self.end.take() {
                return Next::End(end);
            }
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => self.go_away(),
                steer = &mut steering => return Next::Steer(steer),
                turn = self.turns.next(), if !self.turns.is_empty() => {
                    if let Some(turn) = turn {
                        self.turn_came(turn);
                    }
                }
                () = &mut silence => {
                    return Next::Send(Sent::Heartbeat(Heartbeat { now_ms: self.broker.now_ms() }));
                }
            }
        }
    }

    /// Stops delivery from partitions of a topic; empty: from all that are read.
    pub(super) fn pause(&mut self, topic: &str, partitions: &[u32]) -> Result<(), Refusal> {
        let named = self.named(topic, partitions)?;
        self.paused.extend(named);
        Ok(())
    }

    /// Goes on with delivery where it was.
    pub(super) fn resume(&mut self, topic: &str, partitions: &[u32]) -> Result<(), Refusal> {
        for at in self.named(topic, partitions)? {
            self.paused.remove(&at);
            if let Some(turn) = self.parked.remove(&at) {
                self.turn_came(turn);
            }
        }
        Ok(())
    }

    /// Which of the partitions that are read a steering message means.
    fn named(&self, topic: &str, partitions: &[u32]) -> Result<Vec<TopicPartition>, Refusal> {
        let of_topic = |at: &&TopicPartition| at.topic.as_str() == topic;
        let read: Vec<TopicPartition> = self.positions.keys().filter(of_topic).cloned().collect();
        if read.is_empty() {
            let message = format!("this stream does not read topic {:?}", excerpt(topic));
            return Err(Refusal::invalid("NOT_SUBSCRIBED", message));
        }
        if let Some(stranger) = partitions.iter().find(|id| !read.iter().any(|at| at.partition.0 == **id)) {
            let message = format!("this stream does not read partition {stranger} of topic {topic}");
            return Err(Refusal::invalid("NOT_SUBSCRIBED", message));
        }
        let is_meant = |at: &TopicPartition| partitions.is_empty() || partitions.contains(&at.partition.0);
        Ok(read.into_iter().filter(is_meant).collect())
    }

    /// Sends a partition to the back of the line.
    fn take_turn(&mut self, mut reader: PartitionReader) {
        let read_bytes = self.read_bytes;
        self.turns.push(Box::pin(async move {
            let outcome = reader.next(read_bytes).await;
            Turn { reader, outcome }
        }));
    }

    fn turn_came(&mut self, turn: Turn) {
        if self.paused.contains(turn.reader.at()) {
            self.parked.insert(turn.reader.at().clone(), turn);
            return;
        }
        let at = turn.reader.at().clone();
        match turn.outcome {
            Ok(Delivered::Batches(batches)) => {
                let high_watermark = turn.reader.high_watermark();
                for batch in batches {
                    if let Err(error) = self.check_receivable(&at, &batch) {
                        self.end = Some(Err(status_of(&error)));
                        return;
                    }
                    self.positions.insert(at.clone(), batch.offsets.end);
                    self.ready.push_back(Sent::Records(record_batch(&at, high_watermark, batch)));
                }
                self.take_turn(turn.reader);
            }
            Ok(Delivered::CaughtUp) => {
                let (topic, partition) = (at.topic.to_string(), at.partition.0);
                let next_offset = turn.reader.position().0;
                self.ready.push_back(Sent::CaughtUp(CaughtUp { topic, partition, next_offset }));
                self.take_turn(turn.reader);
            }
            Ok(Delivered::End) => {
                drop(turn.reader);
                if self.turns.is_empty() && self.parked.is_empty() {
                    self.end = Some(Ok(()));
                }
            }
            // The broker stops, and this partition was faster than the announcement.
            Err(ReadError::Lookup(crate::broker::LookupError::ShuttingDown)) => self.go_away(),
            Err(error) => self.end = Some(Err(status_of(&error))),
        }
    }

    /// A record that the client has not said it can receive would break its connection, again and again.
    fn check_receivable(&self, at: &TopicPartition, batch: &StoredBatch) -> Result<(), ReadError> {
        let bytes = batch.payload.len();
        if bytes <= self.limit.single_record_bytes_max {
            return Ok(());
        }
        Err(ReadError::RecordExceedsResponse { at: at.clone(), offset: batch.base_offset(), bytes })
    }

    fn go_away(&mut self) {
        let position = |(at, next): (&TopicPartition, &Offset)| TopicPartitionOffset {
            topic: at.topic.to_string(),
            partition: at.partition.0,
            next_offset: next.0,
        };
        let positions = self.positions.iter().map(position).collect();
        self.ready.push_back(Sent::GoingAway(GoingAway { positions }));
        self.end = Some(Err(Refusal::shutting_down().status()));
    }
}

/// What [`Delivery::next`] came to.
pub(super) enum Next<S> {
    /// This is to be sent.
    Send(Sent),
    /// The client has steered.
    Steer(S),
    /// Nothing follows.
    End(Result<(), Status>),
}
