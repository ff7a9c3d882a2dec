//! Where topics live: the seam between the broker and the kinds of storage it can run on.
//!
//! All methods may wait for the disk: they are not to be called on an async thread.

mod directory;
mod files;
mod memory;
mod remover;
#[cfg(test)]
mod tests;
mod topic_files;

use thiserror::Error;

pub use directory::DirectoryError;
pub use files::{FileStorage, FileStorageConfig};
pub use memory::MemoryStorage;

use crate::codec::topic_meta::TopicMeta;
use crate::partition::PartitionStore;
use crate::types::TopicName;

/// A kind of storage for topics. The broker makes one change at a time.
pub trait TopicStorage: Send + Sync + 'static {
    /// What the storage is called in configuration and answers.
    fn kind(&self) -> &'static str;

    /// The identity that the broker has by its data.
    fn broker_id(&self) -> [u8; 16];

    /// Opens everything there is. A topic, or a partition, that cannot be opened does not keep the others from
    /// it. `progress` is called before each topic with how many have begun and how many there are.
    ///
    /// # Errors
    /// Only where nothing can be said about any topic. The details have been logged.
    fn open_all(
        &self,
        progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Vec<FoundTopic>, StorageFailure>;

    /// Makes a topic, durably and whole or not at all: metadata and an empty store per partition.
    ///
    /// # Errors
    /// See [`CreateFailure`]. The details have been logged.
    fn create(&self, meta: &TopicMeta) -> Result<Vec<Box<dyn PartitionStore>>, CreateFailure>;

    /// Makes a topic unfindable, durably, and frees its space in a while. Its stores are closed.
    ///
    /// # Errors
    /// The topic may or may not be found by the next [`TopicStorage::open_all`]. The details have been logged.
    fn delete(&self, topic: &TopicName) -> Result<(), StorageFailure>;
}

/// A topic that was found on opening.
pub enum FoundTopic {
    /// It is known what the topic is.
    Known {
        /// What it is.
        meta: TopicMeta,
        /// A store per partition, or why it could not be opened.
        stores: Vec<Result<Box<dyn PartitionStore>, Outage>>,
    },
    /// Its metadata is damaged. Nothing of it was touched.
    Damaged {
        /// What its directory says.
        name: TopicName,
    },
    /// It could not be read.
    Failed {
        /// What its directory says.
        name: TopicName,
    },
}

/// Why a topic or partition could not be opened. The details have been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Outage {
    /// Its files are missing or damaged beyond what can be served around.
    #[error("damaged")]
    Damaged,
    /// They could not be read.
    #[error("unreadable")]
    Failed,
}

/// The storage failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the storage failed")]
pub struct StorageFailure;

/// Why a topic was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CreateFailure {
    /// There is no room. Nothing was made.
    #[error("no room on the disk")]
    DiskFull,
    /// The disk failed. Nothing was made.
    #[error("the storage failed")]
    Failed,
    /// The disk failed, and the topic may or may not be found by the next opening.
    #[error("the storage failed; whether the topic was made is unknown")]
    OutcomeUnknown,
}
