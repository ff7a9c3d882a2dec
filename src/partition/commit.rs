//! The commit job: takes what has gathered, writes it, syncs it, moves the high watermark, answers. Runs on
//! the commit pool; at most one per partition.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::group::Group;
use super::queue::{Command, Maintenance};
use super::{DeleteRecordsError, Partition, PartitionStore, StoreFailure, Unavailable, vouch};
use crate::types::{Offset, OffsetRange};

/// After this many steps a job goes to the end of the pool's queue, if others are in it.
const STEPS_IN_A_ROW_MAX: usize = 8;

/// What the commit job works with.
pub(super) struct Committer {
    store: Box<dyn PartitionStore>,
    /// Commands that the job has taken from the queue but not yet carried out.
    backlog: VecDeque<Command>,
    group: Group,
    is_closed: bool,
}

impl Committer {
    pub(super) fn new(store: Box<dyn PartitionStore>) -> Committer {
        Committer { store, backlog: VecDeque::new(), group: Group::default(), is_closed: false }
    }
}

impl Partition {
    /// Puts a commit job into the pool. Called by whoever the queue told to, and by a job that gives way.
    pub(super) fn start_commit_job(self: &Arc<Self>) {
        let partition = Arc::clone(self);
        let job = move || {
            // A panic is a bug in a store. The partition must not go on, nor anybody wait for ever.
            if catch_unwind(AssertUnwindSafe(|| partition.run_commit_job())).is_err() {
                tracing::error!("the commit job of a partition panicked: the partition is latched");
                partition.queue.fail_for_good();
                partition.committer.lock().abandon();
            }
        };
        if self.runtime.commit_pool.spawn(job).is_err() {
            tracing::error!("the commit pool was shut down before its partitions were closed");
            self.queue.fail_for_good();
            self.committer.lock().abandon();
        }
    }

    fn run_commit_job(self: &Arc<Self>) {
        let mut committer = self.committer.lock();
        for step in 1_usize.. {
            if committer.backlog.is_empty() && !self.queue.take(&mut committer.backlog) {
                return;
            }
            committer.step(self);
            committer.ask_for_background_job(self);
            if step >= STEPS_IN_A_ROW_MAX && self.runtime.commit_pool.has_waiting() {
                drop(committer);
                self.start_commit_job();
                return;
            }
        }
    }

    fn publish(&self, high_watermark: Offset) {
        self.published.send_modify(|published| published.high_watermark = high_watermark);
    }
}

impl Committer {
    /// Carries out what stands first: one command, or the appends up to the next command or a full group.
    fn step(&mut self, partition: &Arc<Partition>) {
        match self.backlog.pop_front() {
            Some(Command::Append(first)) => {
                self.group.begin(self.store.next_offset());
                self.group.add(first);
                while !self.group.is_full() {
                    match self.backlog.pop_front() {
                        Some(Command::Append(next)) => self.group.add(next),
                        Some(other) => {
                            self.backlog.push_front(other);
                            break;
                        }
                        None => break,
                    }
                }
                self.group.seal();
                self.commit(partition);
            }
            Some(Command::Maintain(command)) => self.maintain(partition, command),
            None => {}
        }
    }

    fn commit(&mut self, partition: &Arc<Partition>) {
        match self.write_and_sync(partition) {
            Ok((durable_offset, append_time_ms)) => self.group.succeed(durable_offset, append_time_ms),
            Err(failure) => self.group.fail(failure),
        }
    }

    /// Returns the durable offset and the append time.
    fn write_and_sync(&mut self, partition: &Arc<Partition>) -> Result<(Offset, i64), StoreFailure> {
        let now_ms = partition.runtime.clock.now_ms();
        if self.group.batches().is_empty() {
            return Ok((partition.durable_offset(), now_ms));
        }
        let appended = self.store.append(self.group.batches(), now_ms);
        let append_time_ms = appended.map_err(|error| StoreFailure::logged("append", &error))?;
        partition.log_end.store(self.store.next_offset().0, Ordering::Release);
        let durable_offset = self.store.sync().map_err(|error| {
            StoreFailure::logged("sync", &error);
            // Whatever the error says of the sync itself: the frames are written, and may survive.
            StoreFailure::OutcomeUnknown
        })?;
        if partition.published.receiver_count() > 0 {
            partition.tail.push(self.group.batches(), self.group.base_offset(), append_time_ms);
        } else {
            partition.tail.clear();
        }
        partition.publish(durable_offset);
        partition.groups_committed.fetch_add(1, Ordering::Release);
        vouch::when_idle(partition);
        Ok((durable_offset, append_time_ms))
    }

    fn maintain(&mut self, partition: &Arc<Partition>, command: Maintenance) {
        match command {
            Maintenance::DeleteRecords { before, reply, slot } => {
                let outcome = self.delete_records(partition, before);
                drop(slot);
                let _ = reply.send(outcome);
            }
            Maintenance::Upkeep { now_ms, reply, slot } => {
                let outcome = self.store.upkeep(now_ms);
                drop(slot);
                let _ = reply.send(outcome.map_err(|error| StoreFailure::logged("upkeep", &error).into()));
            }
            Maintenance::Vouch => {
                partition.tail.clear();
                if !self.is_closed
                    && let Err(error) = self.store.vouch()
                {
                    StoreFailure::logged("vouch", &error);
                }
            }
            Maintenance::Close { reply, slot } => {
                let outcome = self.close(partition);
                drop(slot);
                let _ = reply.send(outcome.map_err(Into::into));
            }
            Maintenance::AskForBackgroundJob => {}
        }
    }

    fn delete_records(
        &mut self,
        partition: &Partition,
        before: Offset,
    ) -> Result<Offset, DeleteRecordsError> {
        let available = OffsetRange { first: partition.log_start_offset(), end: partition.high_watermark() };
        if before > available.end {
            return Err(DeleteRecordsError::OutOfRange { available });
        }
        let deleted = self.store.delete_records(before);
        deleted.map_err(|error| StoreFailure::logged("delete records", &error).into())
    }

    fn close(&mut self, partition: &Partition) -> Result<(), StoreFailure> {
        if self.is_closed {
            return Ok(());
        }
        self.is_closed = true;
        let outcome = self.store.close();
        partition.published.send_modify(|published| {
            published.unavailable.get_or_insert(Unavailable::Closed);
        });
        partition.tail.clear();
        outcome.map_err(|error| StoreFailure::logged("close", &error))
    }

    /// Sends the store's background work to the pool, where it holds up nobody. One piece at a time: a store
    /// that has more is asked again when it is done.
    fn ask_for_background_job(&mut self, partition: &Arc<Partition>) {
        if !partition.queue.begin_background() {
            return;
        }
        let Some(work) = self.store.background_job() else {
            // Nobody else asks, so that nothing can have been missed.
            partition.queue.end_background();
            return;
        };
        let partition = Arc::clone(partition);
        let pool = Arc::clone(&partition.runtime.commit_pool);
        let job = move || {
            // A panic must not stop all background work of the partition for good.
            let panicked = catch_unwind(AssertUnwindSafe(work)).is_err();
            if panicked {
                tracing::error!("a background job of a partition panicked");
            }
            if partition.queue.end_background() {
                partition.enqueue(Command::Maintain(Maintenance::AskForBackgroundJob));
            }
        };
        if pool.spawn(job).is_err() {
            tracing::error!("the commit pool was shut down before its partitions were closed");
        }
    }

    /// After a panic: whoever waits learns that the outcome is unknown, since the answers are dropped.
    fn abandon(&mut self) {
        self.backlog.clear();
        self.group = Group::default();
    }
}
