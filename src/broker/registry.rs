//! Which topics there are. Readers look up under a lock that is held for a moment and never across a wait;
//! changes are made one at a time, under a lock of their own that is.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard};

use super::{LookupError, Topic};
use crate::types::TopicName;

/// What is known under a name.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A topic that is served.
    Serving(Arc<Topic>),
    /// A topic whose metadata is damaged. It keeps its name, so that it is never made again, empty.
    Damaged,
    /// A topic that could not be read, or that a failed change has left in an unknown state.
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    topics: RwLock<HashMap<TopicName, Entry>>,
    changes: Mutex<()>,
}

impl Registry {
    /// The topic of this name.
    pub(super) fn serving(&self, name: &str) -> Result<Arc<Topic>, LookupError> {
        let found = self.topics.read().get_key_value(name).map(|(name, entry)| (name.clone(), entry.clone()));
        match found {
            Some((_, Entry::Serving(topic))) => Ok(topic),
            Some((topic, Entry::Damaged)) => Err(LookupError::TopicDamaged { topic }),
            Some((topic, Entry::Failed)) => Err(LookupError::TopicFailed { topic }),
            None => Err(LookupError::TopicNotFound { topic: TopicName::parse(name)? }),
        }
    }

    pub(super) fn entry(&self, name: &TopicName) -> Option<Entry> {
        self.topics.read().get(name).cloned()
    }

    /// Waits for its turn to change what topics there are.
    pub(super) async fn change(&self) -> RegistryChange<'_> {
        RegistryChange { registry: self, _turn: self.changes.lock().await }
    }

    /// How many topics users have, those included that cannot be served.
    pub(super) fn count(&self) -> usize {
        self.topics.read().keys().filter(|name| !name.is_internal()).count()
    }

    /// All topics that are served, in no order.
    pub(super) fn all_serving(&self) -> Vec<Arc<Topic>> {
        let serving = |entry: &Entry| match entry {
            Entry::Serving(topic) => Some(Arc::clone(topic)),
            Entry::Damaged | Entry::Failed => None,
        };
        self.topics.read().values().filter_map(serving).collect()
    }
}

/// The turn of one who changes what topics there are.
pub(super) struct RegistryChange<'a> {
    registry: &'a Registry,
    _turn: MutexGuard<'a, ()>,
}

impl RegistryChange<'_> {
    pub(super) fn set(&self, name: TopicName, entry: Entry) {
        self.registry.topics.write().insert(name, entry);
    }

    pub(super) fn remove(&self, name: &TopicName) {
        self.registry.topics.write().remove(name);
    }
}
