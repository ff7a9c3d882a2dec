//! Opening the broker on what its storage holds.

use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

use super::lifecycle::Lifecycle;
use super::registry::{Entry, Registry};
use super::{Broker, BrokerConfig, FoundTopic, StorageFailure, TopicStorage};
use crate::partition::PartitionRuntime;

/// Why the broker cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It cannot even be said which topics there are. The log says why.
    #[error("the list of topics cannot be read")]
    Storage(#[from] StorageFailure),
    /// Opening was interrupted by a fault of its own.
    #[error("opening the topics failed unexpectedly")]
    Aborted,
}

impl Broker {
    /// Opens every topic that `storage` holds. `progress` is called before each of them with how many have
    /// begun and how many there are, on another thread.
    ///
    /// # Errors
    /// See [`OpenError`]. A topic that cannot be opened is no error: it keeps its name and answers why.
    pub async fn open(
        config: BrokerConfig,
        storage: Arc<dyn TopicStorage>,
        runtime: PartitionRuntime,
        mut progress: impl FnMut(usize, usize) + Send + 'static,
    ) -> Result<Arc<Broker>, OpenError> {
        let opened = Arc::clone(&storage);
        let found = tokio::task::spawn_blocking(move || opened.open_all(&mut progress)).await;
        let found = found.map_err(|_panicked| OpenError::Aborted)??;

        let clock = Arc::clone(&runtime.clock);
        let broker = Broker {
            config,
            storage,
            runtime,
            clock,
            registry: Registry::default(),
            lifecycle: Lifecycle::default(),
            started: Instant::now(),
        };
        let turn = broker.registry.change().await;
        for topic in found {
            match topic {
                FoundTopic::Known { meta, stores } => {
                    let topic = Arc::new(broker.start_topic(meta, stores));
                    turn.set(topic.name().clone(), Entry::Serving(topic));
                }
                FoundTopic::Damaged { name } => turn.set(name, Entry::Damaged),
                FoundTopic::Failed { name } => turn.set(name, Entry::Failed),
            }
        }
        drop(turn);
        Ok(Arc::new(broker))
    }
}
