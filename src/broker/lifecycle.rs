//! The broker's end: first nothing new begins, then what is under way ends, then the partitions close.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::{Broker, LookupError};

/// Each closing syncs: some in parallel are faster than one by one, more wait for the same disk.
const CLOSING_AT_ONCE_MAX: usize = 32;

/// Whether the broker takes requests.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    stopping: CancellationToken,
    /// Says the same as the token, which takes a lock to be asked: every record asks.
    is_stopping: AtomicBool,
}

impl Lifecycle {
    pub(super) fn check_running(&self) -> Result<(), LookupError> {
        if self.is_stopping.load(Ordering::Acquire) { Err(LookupError::ShuttingDown) } else { Ok(()) }
    }
}

impl Broker {
    /// Makes every verb that begins from now on fail with `ShuttingDown`. Streams learn of it from
    /// [`Broker::stopping`] and end by themselves; appends that were accepted still commit.
    pub fn begin_stop(&self) {
        // Before the token: whoever is woken by that finds that nothing new begins.
        self.lifecycle.is_stopping.store(true, Ordering::Release);
        self.lifecycle.stopping.cancel();
    }

    /// Whether the broker is stopping; cheap.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.lifecycle.is_stopping.load(Ordering::Acquire)
    }

    /// Cancelled once the broker is stopping. To wait for; [`Broker::begin_stop`] alone cancels it.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.lifecycle.stopping.clone()
    }

    /// Commits what was accepted, syncs and closes every partition. Begins with [`Broker::begin_stop`], and
    /// waits for a topic that is being created or deleted.
    ///
    /// What cannot be closed is logged: it will be recovered when it is opened again.
    pub async fn close(&self) {
        self.begin_stop();
        // Whoever creates or deletes has checked, in its turn, that the broker runs: no topic comes after this.
        let _turn = self.registry.change().await;
        let topics = self.registry.all_serving();
        let partitions = topics.iter().flat_map(|topic| {
            topic.partition_ids().filter_map(|id| Some((topic.at(id), topic.partition(id).ok()?)))
        });
        futures_util::stream::iter(partitions)
            .for_each_concurrent(CLOSING_AT_ONCE_MAX, |(at, partition)| async move {
                if let Err(error) = partition.close().await {
                    tracing::warn!(topic = %at.topic, partition = %at.partition, %error, "not closed cleanly");
                }
            })
            .await;
    }
}
