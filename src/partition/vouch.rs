//! Sees to it that the last group of a partition that has fallen silent is vouched for soon.
//!
//! A wait exists only while there is something to vouch for, and it never touches the way of an append: it
//! looks, from time to time, whether groups are still being committed.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Partition;
use super::queue::{Command, Maintenance};

/// To be called after each commit.
pub(super) fn when_idle(partition: &Arc<Partition>) {
    if !partition.vouch_is_due.swap(true, Ordering::AcqRel) {
        let wait = wait_and_vouch(Arc::downgrade(partition), partition.runtime.idle_vouch);
        partition.tokio.spawn(wait);
    }
}

async fn wait_and_vouch(partition: Weak<Partition>, idle: Duration) {
    loop {
        // Not held over the wait: a partition may end in the meantime.
        let Some(before) = groups_committed(&partition) else { return };
        tokio::time::sleep(idle).await;
        let Some(partition) = partition.upgrade() else { return };
        if partition.groups_committed.load(Ordering::Acquire) != before {
            continue;
        }
        // Whoever commits from here on waits anew, and the command stands behind what was committed before.
        partition.vouch_is_due.store(false, Ordering::Release);
        partition.enqueue(Command::Maintain(Maintenance::Vouch));
        return;
    }
}

fn groups_committed(partition: &Weak<Partition>) -> Option<u64> {
    Some(partition.upgrade()?.groups_committed.load(Ordering::Acquire))
}
