//! Creating topics: on request, or by publishing to one that is not there.

use std::sync::Arc;

use super::registry::Entry;
use super::{Broker, CreateFailure, CreateTopicError, LookupError, Outage, Topic, TopicSettings};
use crate::codec::topic_meta::TopicMeta;
use crate::partition::{Partition, PartitionStore};
use crate::types::limits::TOPIC_PARTITIONS_MAX;
use crate::types::{PartitionId, TopicConfig, TopicId, TopicName};

/// A topic to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it is to have; 0: the broker's default.
    pub partitions: u32,
    /// Its settings; absent ones are the broker's defaults.
    pub settings: TopicSettings,
}

impl Broker {
    /// Creates a topic, durably.
    ///
    /// Cancellation: once begun, the creation goes on.
    ///
    /// # Errors
    /// See [`CreateTopicError`]. The topic was not created, unless it is `StorageFailed`: then the name is not
    /// served until the broker is started again.
    pub async fn create_topic(self: &Arc<Self>, new: NewTopic) -> Result<Arc<Topic>, CreateTopicError> {
        let name = TopicName::parse(&new.name).map_err(LookupError::from)?;
        if name.is_internal() {
            return Err(LookupError::InternalName.into());
        }
        let partitions = if new.partitions == 0 { self.config.default_partitions } else { new.partitions };
        if !(1..=TOPIC_PARTITIONS_MAX).contains(&partitions) {
            return Err(CreateTopicError::PartitionsOutOfBounds { partitions });
        }
        let config = new.settings.over(&self.config.topic_defaults)?;
        let meta = TopicMeta { name: name.clone(), id: TopicId::random(), partitions, config };

        // A task of its own: a caller that goes away must not leave files that no registry knows.
        let broker = Arc::clone(self);
        match tokio::spawn(async move { broker.create_in_turn(meta).await }).await {
            Ok(created) => created,
            Err(_panicked) => Err(CreateTopicError::StorageFailed { topic: name }),
        }
    }

    /// The topic that is published to, created with defaults where it is not there and that is allowed, and
    /// what `check` made of the request under the topic's settings.
    ///
    /// What is refused leaves nothing behind: a request is checked before its topic is created.
    pub(super) async fn topic_to_publish<T, E>(
        self: &Arc<Self>,
        name: &str,
        partition: Option<PartitionId>,
        check: impl Fn(&TopicName, &TopicConfig) -> Result<T, E>,
    ) -> Result<(Arc<Topic>, T), E>
    where
        E: From<LookupError> + From<CreateTopicError>,
    {
        if name.starts_with("__") {
            return Err(LookupError::InternalName.into());
        }
        let topic = match self.topic(name) {
            Ok(topic) => topic,
            Err(LookupError::TopicNotFound { topic }) if self.config.auto_create => {
                check(&topic, &self.config.topic_defaults)?;
                let partitions = self.config.default_partitions;
                if let Some(asked) = partition.filter(|asked| asked.0 >= partitions) {
                    return Err(LookupError::no_partition(&topic, asked, partitions).into());
                }
                self.create_if_absent(name).await?
            }
            Err(error) => return Err(error.into()),
        };
        let checked = check(topic.name(), topic.config())?;
        Ok((topic, checked))
    }

    async fn create_if_absent(self: &Arc<Self>, name: &str) -> Result<Arc<Topic>, CreateTopicError> {
        match self.create_topic(NewTopic { name: name.to_owned(), ..NewTopic::default() }).await {
            // Somebody else was faster: the topic is there, and that is what was wanted.
            Err(CreateTopicError::Exists { .. }) => Ok(self.topic(name)?),
            other => other,
        }
    }

    async fn create_in_turn(self: &Arc<Self>, meta: TopicMeta) -> Result<Arc<Topic>, CreateTopicError> {
        let name = meta.name.clone();
        let turn = self.registry.change().await;
        self.lifecycle.check_running()?;
        match self.registry.entry(&name) {
            None => {}
            Some(Entry::Serving(_)) => return Err(CreateTopicError::Exists { topic: name }),
            Some(Entry::Damaged) => return Err(LookupError::TopicDamaged { topic: name }.into()),
            Some(Entry::Failed) => return Err(LookupError::TopicFailed { topic: name }.into()),
        }
        let topics_max = self.config.topics_max;
        if self.registry.count() >= topics_max {
            return Err(CreateTopicError::TooManyTopics { topics_max });
        }

        let (storage, made_of) = (Arc::clone(&self.storage), meta.clone());
        let made = tokio::task::spawn_blocking(move || storage.create(&made_of)).await;
        match made.unwrap_or(Err(CreateFailure::OutcomeUnknown)) {
            Ok(stores) => {
                let topic = Arc::new(self.start_topic(meta, stores.into_iter().map(Ok).collect()));
                turn.set(name, Entry::Serving(Arc::clone(&topic)));
                tracing::info!(topic = %topic.name(), id = %topic.id(), "topic created");
                Ok(topic)
            }
            Err(CreateFailure::DiskFull) => Err(CreateTopicError::DiskFull),
            Err(CreateFailure::Failed) => Err(CreateTopicError::StorageFailed { topic: name }),
            Err(CreateFailure::OutcomeUnknown) => {
                turn.set(name.clone(), Entry::Failed);
                Err(CreateTopicError::StorageFailed { topic: name })
            }
        }
    }

    /// Starts the partitions of a topic whose stores are open. To be called on the runtime.
    pub(super) fn start_topic(
        &self,
        meta: TopicMeta,
        stores: Vec<Result<Box<dyn PartitionStore>, Outage>>,
    ) -> Topic {
        let start = |store| Partition::start(store, &self.runtime, tokio::runtime::Handle::current());
        let partitions = stores.into_iter().map(|store| store.map(start)).collect();
        Topic::new(meta, partitions)
    }
}
