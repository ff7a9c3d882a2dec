//! The handle of a partition: what everyone else sees of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::budget::PartitionBudget;
use super::commit::Committer;
use super::queue::{Command, CommitQueue, Maintenance, Queued, QueuedAppend};
use super::tail::Tail;
use super::{
    Append, AppendBudget, AppendPermit, AppendReceipt, DeleteRecordsError, MaintenanceError, PartitionStore,
    Pool, ReadError, StoreInfo, StoreReader, Unavailable, seek,
};
use crate::types::{Clock, Offset};

/// What partitions share.
#[derive(Clone)]
pub struct PartitionRuntime {
    /// Where groups are committed, and stores do their background work.
    pub commit_pool: Arc<Pool>,
    /// Where reads wait that are not served from memory.
    pub read_pool: Arc<Pool>,
    /// How much may be under way.
    pub budget: AppendBudget,
    /// The broker's clock.
    pub clock: Arc<dyn Clock>,
    /// How long a partition is left without appends before its last group is vouched for. Between one and two
    /// times this long pass in fact.
    pub idle_vouch: Duration,
    /// How much of its newest batches a partition keeps in memory for readers at the tail, in bytes; while
    /// there are such readers and it is not idle. 0: nothing.
    pub tail_bytes_max: usize,
}

/// What subscriptions wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub(super) high_watermark: Offset,
    pub(super) unavailable: Option<Unavailable>,
}

/// One partition: the owner of its store. Cheap to share; ends when the last handle is dropped, without a
/// clean stop unless [`Partition::close`] was called.
pub struct Partition {
    pub(super) runtime: PartitionRuntime,
    pub(super) tokio: Handle,
    pub(super) queue: CommitQueue,
    /// Locked by the commit job alone, for as long as it runs.
    pub(super) committer: Mutex<Committer>,
    pub(super) reader: Arc<dyn StoreReader>,
    pub(super) published: watch::Sender<Published>,
    pub(super) tail: Tail,
    pub(super) log_end: AtomicU64,
    pub(super) groups_committed: AtomicU64,
    pub(super) vouch_is_due: AtomicBool,
    budget: PartitionBudget,
    maintenance_slot: Arc<Semaphore>,
}

impl Partition {
    /// Takes over an open store.
    ///
    /// `tokio` runs the wait before an idle partition is vouched for; nothing else needs it.
    #[must_use]
    pub fn start(
        store: Box<dyn PartitionStore>,
        runtime: &PartitionRuntime,
        tokio: Handle,
    ) -> Arc<Partition> {
        let reader = store.reader();
        let published = Published { high_watermark: reader.durable_offset(), unavailable: None };
        Arc::new(Partition {
            runtime: runtime.clone(),
            tokio,
            queue: CommitQueue::default(),
            reader,
            published: watch::Sender::new(published),
            tail: Tail::new(runtime.tail_bytes_max),
            log_end: AtomicU64::new(store.next_offset().0),
            groups_committed: AtomicU64::new(0),
            vouch_is_due: AtomicBool::new(false),
            committer: Mutex::new(Committer::new(store)),
            budget: runtime.budget.of_partition(),
            maintenance_slot: Arc::new(Semaphore::new(1)),
        })
    }

    /// Waits until `bytes` may be appended: the backpressure that publishers feel. First come, first served.
    /// Dropping the future gives up the place in the line, and nothing else.
    ///
    /// Whoever holds a permit submits before waiting for the next one: two who wait for each other's bytes
    /// would wait for ever.
    ///
    /// # Errors
    /// The partition takes no appends any more.
    pub async fn append_permit(&self, bytes: usize) -> Result<AppendPermit, Unavailable> {
        if let Some(why) = self.published.borrow().unavailable {
            return Err(why);
        }
        // The budget only knows that it was closed; whoever waited is told why.
        let acquired = self.budget.acquire(bytes).await;
        acquired.map_err(|closed| self.published.borrow().unavailable.unwrap_or(closed))
    }

    /// Queues an append; never waits. The records get offsets in the order of the calls, and the outcome
    /// arrives when they are durable. The permit is given back then.
    ///
    /// # Panics
    /// Where `permit` is another partition's, or the append has no records.
    pub fn submit(self: &Arc<Self>, append: Append, permit: AppendPermit) -> AppendReceipt {
        assert!(self.budget.issued(&permit), "a permit of this partition");
        assert!(append.kind.record_count() > 0, "an append of at least one record");
        let (reply, receipt) = oneshot::channel();
        self.enqueue(Command::Append(QueuedAppend { append, reply, permit }));
        receipt
    }

    /// The first offset that can still be read.
    #[must_use]
    pub fn log_start_offset(&self) -> Offset {
        self.reader.log_start_offset()
    }

    /// The first offset that is not yet synced.
    #[must_use]
    pub fn durable_offset(&self) -> Offset {
        self.reader.durable_offset()
    }

    /// Readers see below it. Without replication, it is the durable offset.
    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.durable_offset()
    }

    /// The next offset to be assigned.
    #[must_use]
    pub fn log_end_offset(&self) -> Offset {
        // The durable offset is raised by the store first, for an instant.
        Offset(self.log_end.load(Ordering::Acquire)).max(self.durable_offset())
    }

    /// Figures for people.
    #[must_use]
    pub fn info(&self) -> StoreInfo {
        self.reader.info()
    }

    /// The first record whose time is not before `timestamp_ms`; the high watermark where all are older.
    ///
    /// # Errors
    /// See [`ReadError`]. Damage between the place that the index gives and the record is an error, since the
    /// record may lie in it.
    pub async fn seek_time(&self, timestamp_ms: i64) -> Result<Offset, ReadError> {
        let reader = Arc::clone(&self.reader);
        let found = self.runtime.read_pool.run(move || seek::first_at_or_after(&*reader, timestamp_ms));
        found.await.unwrap_or(Err(ReadError::Unavailable(Unavailable::Closed)))
    }

    /// Makes records before `before` unreadable, durably, and returns the log start. An offset below the log
    /// start changes nothing. If the future is dropped, it may happen all the same.
    ///
    /// # Errors
    /// See [`DeleteRecordsError`].
    pub async fn delete_records(self: &Arc<Self>, before: Offset) -> Result<Offset, DeleteRecordsError> {
        let slot = self.slot().await.map_err(|_| Unavailable::Closed)?;
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Command::Maintain(Maintenance::DeleteRecords { before, reply, slot }));
        outcome.await.unwrap_or(Err(super::StoreFailure::OutcomeUnknown.into()))
    }

    /// What is due by time and size: rolling by age, retention. To be called every few seconds. If the future
    /// is dropped, it may happen all the same.
    ///
    /// # Errors
    /// See [`MaintenanceError`].
    pub async fn upkeep(self: &Arc<Self>, now_ms: i64) -> Result<(), MaintenanceError> {
        let slot = self.slot().await.map_err(|_| Unavailable::Closed)?;
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Command::Maintain(Maintenance::Upkeep { now_ms, reply, slot }));
        outcome.await.unwrap_or(Err(super::StoreFailure::OutcomeUnknown.into()))
    }

    /// Refuses whatever comes from now on, commits what is queued, closes the store and ends the subscriptions.
    /// Closing again does nothing. If the future is dropped, it goes on all the same.
    ///
    /// # Errors
    /// The store failed; the partition is closed nevertheless.
    pub async fn close(self: &Arc<Self>) -> Result<(), MaintenanceError> {
        self.queue.refuse(Unavailable::Closed);
        self.budget.close();
        let slot = self.slot().await.map_err(|_| Unavailable::Closed)?;
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Command::Maintain(Maintenance::Close { reply, slot }));
        outcome.await.unwrap_or(Err(super::StoreFailure::OutcomeUnknown.into()))
    }

    /// The topic is deleted: ends the subscriptions at once and refuses whatever comes from now on. The store
    /// stays open until [`Partition::close`].
    pub fn mark_deleted(&self) {
        self.queue.refuse(Unavailable::Deleted);
        // Before the budget sends waiters away: they look here for the reason.
        self.published.send_modify(|published| published.unavailable = Some(Unavailable::Deleted));
        self.budget.close();
    }

    /// Queues a command, and sees to it that there is a job for it.
    pub(super) fn enqueue(self: &Arc<Self>, command: Command) {
        if self.queue.push(command) == Queued::StartJob {
            self.start_commit_job();
        }
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.maintenance_slot).acquire_owned().await
    }
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition").field("published", &*self.published.borrow()).finish_non_exhaustive()
    }
}
