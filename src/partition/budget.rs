//! Backpressure at the door: whoever wants to append first gets a permit for its bytes, from the partition's
//! budget and from the broker's, and gives it back when the append is acknowledged. This is what bounds the
//! partition's queue.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Unavailable;

/// Bytes are counted in grains of this size: the semaphores count in 32 bits, and budgets may exceed 4 GiB.
const GRAIN_BYTES: usize = 64;

/// What a queued append takes beside its payload, roughly, so that many tiny ones are bounded, too.
const OVERHEAD_BYTES: usize = 256;

/// How many bytes of appends may be under way, in one partition and in all of them.
#[derive(Clone, Debug)]
pub struct AppendBudget {
    total: Pot,
    partition_grains: u32,
}

impl AppendBudget {
    /// A budget of `total_bytes_max` for all partitions together and of `partition_bytes_max` for each of
    /// them. One append may always pass, however large it is: it then takes the whole budget.
    #[must_use]
    pub fn new(total_bytes_max: usize, partition_bytes_max: usize) -> AppendBudget {
        AppendBudget {
            total: Pot::new(grains(total_bytes_max)),
            partition_grains: grains(partition_bytes_max),
        }
    }

    pub(super) fn of_partition(&self) -> PartitionBudget {
        PartitionBudget { partition: Pot::new(self.partition_grains), total: self.total.clone() }
    }
}

/// One partition's share of an [`AppendBudget`].
#[derive(Debug)]
pub(super) struct PartitionBudget {
    partition: Pot,
    total: Pot,
}

impl PartitionBudget {
    /// Waits until `bytes` may be appended; in the order of the calls. Dropping the future gives up the place
    /// in the line, and nothing else.
    ///
    /// # Errors
    /// `Closed` after [`PartitionBudget::close`].
    pub(super) async fn acquire(&self, bytes: usize) -> Result<AppendPermit, Unavailable> {
        let wanted = grains(bytes.saturating_add(OVERHEAD_BYTES));
        // The narrow gate first: who waits in front of a busy partition must not hold what others could use.
        let partition = self.partition.take(wanted).await?;
        let total = self.total.take(wanted).await?;
        Ok(AppendPermit { partition, total })
    }

    /// Whether `permit` came from here.
    pub(super) fn issued(&self, permit: &AppendPermit) -> bool {
        Arc::ptr_eq(permit.partition.semaphore(), &self.partition.semaphore)
    }

    /// Sends everyone away who waits, and everyone who comes.
    pub(super) fn close(&self) {
        self.partition.semaphore.close();
    }
}

/// The right to append a number of bytes. Dropping it gives them back.
#[derive(Debug)]
pub struct AppendPermit {
    partition: OwnedSemaphorePermit,
    total: OwnedSemaphorePermit,
}

impl AppendPermit {
    /// Joins two permits of one partition, so that a group gives its bytes back at once.
    pub(super) fn merge(&mut self, other: AppendPermit) {
        self.partition.merge(other.partition);
        self.total.merge(other.total);
    }
}

#[derive(Clone, Debug)]
struct Pot {
    semaphore: Arc<Semaphore>,
    grains: u32,
}

impl Pot {
    fn new(grains: u32) -> Pot {
        Pot { semaphore: Arc::new(Semaphore::new(crate::types::num::u32_to_usize(grains))), grains }
    }

    async fn take(&self, wanted: u32) -> Result<OwnedSemaphorePermit, Unavailable> {
        let taken = wanted.min(self.grains);
        Arc::clone(&self.semaphore).acquire_many_owned(taken).await.map_err(|_| Unavailable::Closed)
    }
}

fn grains(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(GRAIN_BYTES)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_full_budget_holds_the_next_one_back_until_a_permit_is_dropped() {
        let budget = AppendBudget::new(1 << 20, 2 * (1024 + OVERHEAD_BYTES)).of_partition();
        let first = budget.acquire(1024).await.unwrap();
        let _second = budget.acquire(1024).await.unwrap();
        let mut third = Box::pin(budget.acquire(1024));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_total_is_shared_between_partitions() {
        let total = AppendBudget::new(1024 + OVERHEAD_BYTES, 1 << 20);
        let (one, two) = (total.of_partition(), total.of_partition());
        let held = one.acquire(1024).await.unwrap();
        let mut waiting = Box::pin(two.acquire(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_exceeds_the_whole_budget_passes_alone() {
        let budget = AppendBudget::new(1000, 1000).of_partition();
        let huge = budget.acquire(usize::MAX).await.unwrap();
        let mut next = Box::pin(budget.acquire(1));
        assert!(next.as_mut().now_or_never().is_none());
        drop(huge);
        assert!(next.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn closing_sends_waiters_away() {
        let budget = AppendBudget::new(1000, 1000).of_partition();
        let _all = budget.acquire(1000).await.unwrap();
        let mut waiting = Box::pin(budget.acquire(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        budget.close();
        assert!(matches!(waiting.await, Err(Unavailable::Closed)));
    }
}
