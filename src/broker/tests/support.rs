//! A broker to test with.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Broker, BrokerConfig, MemoryStorage, NewRecord, Published};
use crate::partition::{AppendBudget, PartitionRuntime, Pool};
use crate::types::{ManualClock, PartitionId};

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) fn runtime() -> PartitionRuntime {
    PartitionRuntime {
        commit_pool: Arc::new(Pool::new("commit", 2).unwrap()),
        read_pool: Arc::new(Pool::new("read", 2).unwrap()),
        budget: AppendBudget::new(64 << 20, 16 << 20),
        clock: Arc::new(ManualClock::new(NOW_MS)),
        idle_vouch: Duration::from_millis(100),
        tail_bytes_max: 1 << 20,
    }
}

pub(crate) async fn broker(config: BrokerConfig) -> Arc<Broker> {
    Broker::open(config, Arc::new(MemoryStorage::new()), runtime(), |_, _| {}).await.unwrap()
}

pub(crate) fn record(topic: &str, value: &'static str) -> NewRecord {
    NewRecord { topic: topic.to_owned(), value: Some(value.into()), ..NewRecord::default() }
}

pub(crate) async fn publish(broker: &Arc<Broker>, record: NewRecord) -> Published {
    broker.publish(record).await.unwrap().published().await.unwrap()
}

pub(crate) fn to_partition(partition: u32, record: NewRecord) -> NewRecord {
    NewRecord { partition: Some(PartitionId(partition)), ..record }
}
