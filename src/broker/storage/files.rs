//! Topics in files: a directory each, made aside and renamed into place, so that a crash leaves a topic whole
//! or not at all; renamed away before its files are removed, for the same reason.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::directory::{DataDirectory, DirectoryError};
use super::remover::Remover;
use super::topic_files;
use super::{CreateFailure, FoundTopic, StorageFailure, TopicStorage};
use crate::codec::topic_meta::TopicMeta;
use crate::disk::{Disk, DiskError, DiskResultExt, EntryKind, remove_dir_tree, rename};
use crate::partition::PartitionStore;
use crate::types::{Clock, LogConfig, TopicName};

/// What the file storage runs with.
#[derive(Clone, Debug)]
pub struct FileStorageConfig {
    /// What tunes the files of all topics: what is not a topic's own setting counts.
    pub log: LogConfig,
    /// How many topics are opened at a time.
    pub open_threads: usize,
}

/// Topics under a data directory.
pub struct FileStorage {
    directory: Arc<DataDirectory>,
    config: FileStorageConfig,
    clock: Arc<dyn Clock>,
    remover: Remover,
}

impl FileStorage {
    /// Takes a data directory into use; one that is not there, or empty, becomes a new one.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        root: &Path,
        config: FileStorageConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<FileStorage, DirectoryError> {
        let directory = Arc::new(DataDirectory::open(disk, root)?);
        Ok(FileStorage { directory, config, clock, remover: Remover::default() })
    }

    fn disk(&self) -> &Arc<dyn Disk> {
        &self.directory.disk
    }

    fn topic_names(&self) -> Result<Vec<TopicName>, DiskError> {
        let topics = &self.directory.topics;
        let mut names = Vec::new();
        for entry in self.disk().list_dir(topics).during("list", topics)? {
            match TopicName::parse(&entry.name) {
                Ok(name) if entry.kind == EntryKind::Directory => names.push(name),
                _ => tracing::warn!(name = entry.name, "something in the directory of topics is no topic"),
            }
        }
        Ok(names)
    }

    /// Makes a topic under `staging`, then renames it.
    fn make(&self, meta: &TopicMeta) -> Result<(), CreateFailure> {
        let disk = self.disk();
        let staged = self.directory.staging.join(Uuid::new_v4().simple().to_string());
        let made = topic_files::make(disk, &staged, meta, self.clock.now_ms());
        if let Err(error) = made {
            tracing::error!(topic = %meta.name, %error, "a topic could not be made");
            self.discard(&staged);
            return Err(if error.is_disk_full() { CreateFailure::DiskFull } else { CreateFailure::Failed });
        }
        match rename(&**disk, &staged, &self.directory.topics.join(meta.name.as_str())) {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(topic = %meta.name, %error, "a topic could not be put into place");
                // If it is still there, it was not renamed, and nothing will be found later.
                if disk.list_dir(&staged).is_err() {
                    return Err(CreateFailure::OutcomeUnknown);
                }
                self.discard(&staged);
                Err(CreateFailure::Failed)
            }
        }
    }

    /// Removes what was made aside. Where that fails, the next start does it.
    fn discard(&self, staged: &Path) {
        if let Err(error) = remove_dir_tree(&**self.disk(), staged) {
            tracing::warn!(%error, "an unfinished topic is left until the next start");
        }
    }

    /// What interrupted creations and deletions have left, and may be removed.
    ///
    /// A rename between directories may have persisted in one of them only: then a topic that is served has a
    /// second name here, and whatever were removed under it would be the topic's.
    fn leftovers(&self, found: &[FoundTopic]) -> Result<Vec<PathBuf>, DiskError> {
        let disk = &**self.disk();
        let mut served = HashSet::new();
        let mut all_are_known = true;
        for topic in found {
            match topic {
                FoundTopic::Known { meta, .. } => drop(served.insert(meta.id)),
                FoundTopic::Damaged { .. } | FoundTopic::Failed { .. } => all_are_known = false,
            }
        }
        let mut leftovers = Vec::new();
        for parent in [&self.directory.staging, &self.directory.trash] {
            for entry in disk.list_dir(parent).during("list", parent)? {
                let path = parent.join(&entry.name);
                let is_nobodys = match topic_files::peek_id(disk, &path) {
                    Some(id) => !served.contains(&id),
                    None => all_are_known,
                };
                if is_nobodys {
                    leftovers.push(path);
                } else {
                    tracing::warn!(path = %path.display(), "left alone, since it may be a topic that is served");
                }
            }
        }
        Ok(leftovers)
    }
}

impl TopicStorage for FileStorage {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn broker_id(&self) -> [u8; 16] {
        self.directory.broker_id
    }

    fn open_all(
        &self,
        progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Vec<FoundTopic>, StorageFailure> {
        let names = self.topic_names().map_err(|error| {
            tracing::error!(%error, "the topics cannot be listed");
            StorageFailure
        })?;

        let todo = Mutex::new(names.iter().enumerate());
        let found = Mutex::new(Vec::with_capacity(names.len()));
        let progress = Mutex::new(progress);
        let open_some = || {
            while let Some((done, name)) = { todo.lock().next() } {
                (progress.lock())(done, names.len());
                let directory = self.directory.topics.join(name.as_str());
                let topic = topic_files::open(self.disk(), &directory, name, &self.config.log);
                found.lock().push(topic);
            }
        };
        let helpers = self.config.open_threads.min(names.len()).saturating_sub(1);
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(open_some);
            }
            open_some();
        });
        let found = found.into_inner();
        match self.leftovers(&found) {
            Ok(leftovers) => self.remover.remove_soon(self.disk(), leftovers),
            Err(error) => tracing::warn!(%error, "what was deleted is left until the next start"),
        }
        Ok(found)
    }

    fn create(&self, meta: &TopicMeta) -> Result<Vec<Box<dyn PartitionStore>>, CreateFailure> {
        self.make(meta)?;
        let directory = self.directory.topics.join(meta.name.as_str());
        match topic_files::open(self.disk(), &directory, &meta.name, &self.config.log) {
            FoundTopic::Known { stores, .. } => {
                // All of them were just made: one that does not open means that the disk fails.
                stores.into_iter().collect::<Result<_, _>>().map_err(|_| CreateFailure::OutcomeUnknown)
            }
            FoundTopic::Damaged { .. } | FoundTopic::Failed { .. } => Err(CreateFailure::OutcomeUnknown),
        }
    }

    fn delete(&self, topic: &TopicName) -> Result<(), StorageFailure> {
        let disk = &**self.disk();
        let place = self.directory.topics.join(topic.as_str());
        let grave = self.directory.trash.join(Uuid::new_v4().simple().to_string());
        // A topic whose creation failed half-way may not be there: then there is nothing to delete.
        let deleted = match disk.list_dir(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                disk.sync_dir(&self.directory.topics).during("sync", &self.directory.topics)
            }
            _ => rename(disk, &place, &grave),
        };
        if let Err(error) = deleted {
            tracing::error!(%topic, %error, "a topic could not be deleted");
            return Err(StorageFailure);
        }
        self.remover.remove_soon(self.disk(), vec![grave]);
        Ok(())
    }
}
