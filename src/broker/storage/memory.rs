//! Topics in memory, for tests and for data that need not outlive the broker.

use uuid::Uuid;

use super::{CreateFailure, FoundTopic, StorageFailure, TopicStorage};
use crate::codec::topic_meta::TopicMeta;
use crate::partition::{MemoryStore, PartitionStore};
use crate::types::TopicName;

/// Keeps nothing itself: the stores do, and they go with the topics.
#[derive(Debug)]
pub struct MemoryStorage {
    broker_id: [u8; 16],
}

impl MemoryStorage {
    /// A storage without topics.
    #[must_use]
    pub fn new() -> MemoryStorage {
        MemoryStorage { broker_id: Uuid::new_v4().into_bytes() }
    }
}

impl Default for MemoryStorage {
    fn default() -> MemoryStorage {
        MemoryStorage::new()
    }
}

impl TopicStorage for MemoryStorage {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn broker_id(&self) -> [u8; 16] {
        self.broker_id
    }

    fn open_all(
        &self,
        _progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Vec<FoundTopic>, StorageFailure> {
        Ok(Vec::new())
    }

    fn create(&self, meta: &TopicMeta) -> Result<Vec<Box<dyn PartitionStore>>, CreateFailure> {
        let store = |_| -> Box<dyn PartitionStore> { Box::new(MemoryStore::new(meta.config.log.clone())) };
        Ok((0..meta.partitions).map(store).collect())
    }

    fn delete(&self, _topic: &TopicName) -> Result<(), StorageFailure> {
        Ok(())
    }
}
