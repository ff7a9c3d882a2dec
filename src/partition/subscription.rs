//! Follows a partition from an offset on, through its past and along its tail, by one path: read below the
//! high watermark; where there is nothing, wait until it has passed. The wait carries an offset and no records,
//! so that nobody can fall off a live channel and lose some.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::handle::Published;
use super::{Partition, ReadError, Residency, Unavailable};
use crate::codec::record_set;
use crate::log::{self, ReadCursor};
use crate::types::{Offset, OffsetRange, StoredBatch};

/// One read takes at most this many bytes, or one batch, whatever the caller would take: reads from memory are
/// done on async threads, which are not to be held for long.
const READ_BYTES_MAX: usize = 1024 * 1024;

/// What a subscription has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next records, in order: batches, cut at record borders to what is wanted. Never empty.
    Batches(Vec<StoredBatch>),
    /// Everything below the high watermark has been read; said once, the first time.
    CaughtUp,
    /// The stop has been reached.
    End,
}

/// See the module. It holds at most what one read returned.
#[derive(Debug)]
pub struct Subscription {
    partition: Arc<Partition>,
    published: watch::Receiver<Published>,
    /// The next offset to deliver.
    position: Offset,
    /// The next offset to read from the store: behind what is `ready`.
    cursor: ReadCursor,
    stop: Option<Offset>,
    /// Read but not delivered yet.
    ready: VecDeque<StoredBatch>,
    /// A read that waits for the disk. Kept here, so that a caller that gives up waiting loses nothing.
    in_flight: Option<oneshot::Receiver<ColdRead>>,
    has_caught_up: bool,
}

type ColdRead = (ReadCursor, Result<Vec<StoredBatch>, log::ReadError>);

impl Subscription {
    /// A subscription to the records from `start` on, and before `stop` if there is one. An offset that is not
    /// in the log fails the first [`Subscription::next`].
    #[must_use]
    pub fn new(partition: Arc<Partition>, start: Offset, stop: Option<Offset>) -> Subscription {
        Subscription {
            published: partition.published.subscribe(),
            partition,
            position: start,
            cursor: ReadCursor::at(start),
            stop,
            ready: VecDeque::new(),
            in_flight: None,
            has_caught_up: false,
        }
    }

    /// The next offset that will be delivered.
    #[must_use]
    pub const fn position(&self) -> Offset {
        self.position
    }

    /// The partition that it follows.
    #[must_use]
    pub const fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Waits for the next event. The payloads of the batches in it have at most `bytes_max` bytes together,
    /// unless a single record has more.
    ///
    /// Dropping the future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// See [`ReadError`]. Calling again after an error tries the same again.
    pub async fn next(&mut self, bytes_max: usize) -> Result<Event, ReadError> {
        loop {
            if let Some(batches) = self.take_ready(bytes_max)? {
                return Ok(Event::Batches(batches));
            }
            if self.stop.is_some_and(|stop| self.position >= stop) {
                return Ok(Event::End);
            }
            if let Some(why) = self.published.borrow().unavailable {
                return Err(why.into());
            }
            let batches = self.read(bytes_max).await?;
            if !batches.is_empty() {
                self.ready.extend(batches);
            } else if self.has_caught_up {
                self.wait().await?;
            } else {
                self.has_caught_up = true;
                return Ok(Event::CaughtUp);
            }
        }
    }

    /// What is ready, cut to what is wanted and to `bytes_max`; None where that is nothing.
    fn take_ready(&mut self, bytes_max: usize) -> Result<Option<Vec<StoredBatch>>, ReadError> {
        let mut taken = Vec::new();
        let mut left = bytes_max;
        while let Some(batch) = self.ready.front() {
            let offsets = batch.offsets;
            let wanted = OffsetRange { first: self.position, end: self.stop.unwrap_or(Offset(u64::MAX)) };
            let malformed = |_| ReadError::Malformed { offsets };
            let Some(batch) = record_set::trim(batch, wanted).map_err(malformed)? else {
                self.position = self.position.max(offsets.end.min(wanted.end));
                self.ready.pop_front();
                continue;
            };
            // Only the first is cut to fit: a later one travels whole, next time.
            if !taken.is_empty() && batch.payload.len() > left {
                break;
            }
            let (head, rest) = record_set::split(&batch, bytes_max).map_err(malformed)?;
            left = left.saturating_sub(head.payload.len());
            self.position = head.offsets.end;
            taken.push(head);
            self.ready.pop_front();
            if let Some(rest) = rest {
                self.ready.push_front(rest);
                break;
            }
        }
        Ok(if taken.is_empty() { None } else { Some(taken) })
    }

    /// Reads whole batches from the cursor on; none at the high watermark.
    async fn read(&mut self, bytes_max: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        if self.in_flight.is_none() {
            match self.read_from_memory(bytes_max) {
                Err(log::ReadError::NotCached) => self.in_flight = Some(self.read_from_disk(bytes_max)),
                Err(error) => return Err(carry_over(error)),
                Ok(batches) => return Ok(batches),
            }
        }
        let Some(in_flight) = &mut self.in_flight else { return Ok(Vec::new()) };
        let outcome = in_flight.await;
        self.in_flight = None;
        let (cursor, batches) = outcome.map_err(|_| Unavailable::Closed)?;
        self.cursor = cursor;
        batches.map_err(carry_over)
    }

    fn read_from_memory(&mut self, bytes_max: usize) -> Result<Vec<StoredBatch>, log::ReadError> {
        let next = self.cursor.next;
        // Below the log start, the store has the last word.
        if next >= self.partition.log_start_offset()
            && let Some(batches) = self.partition.tail.read(next, bytes_max)
        {
            self.cursor = ReadCursor::at(batches.last().map_or(next, |last| last.offsets.end));
            return Ok(batches);
        }
        self.partition.reader.read(&mut self.cursor, bytes_max, Residency::CachedOnly)
    }

    fn read_from_disk(&self, bytes_max: usize) -> oneshot::Receiver<ColdRead> {
        let reader = Arc::clone(&self.partition.reader);
        let mut cursor = self.cursor;
        self.partition.runtime.read_pool.run(move || {
            let batches = reader.read(&mut cursor, bytes_max, Residency::MayBlock);
            (cursor, batches)
        })
    }

    /// Waits until there is something to read. The value is looked at before the wait begins, so that no
    /// change between the read and the wait is missed.
    async fn wait(&mut self) -> Result<(), ReadError> {
        let next = self.cursor.next;
        let changed =
            |published: &Published| published.unavailable.is_some() || published.high_watermark > next;
        match self.published.wait_for(changed).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Unavailable::Closed.into()),
        }
    }
}

fn carry_over(error: log::ReadError) -> ReadError {
    ReadError::from_store(error).unwrap_or(ReadError::Unavailable(Unavailable::Closed))
}
