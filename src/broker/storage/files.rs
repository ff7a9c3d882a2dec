//! Topics in files: a directory each, made aside and renamed into place, so that a crash leaves a topic whole
//! or not at all; renamed away before its files are removed, for the same reason.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::directory::{DataDirectory, DirectoryError};
use super::topic_files;
use super::{CreateFailure, FoundTopic, StorageFailure, TopicStorage};
use crate::codec::topic_meta::TopicMeta;
use crate::disk::{Disk, DiskError, DiskResultExt, EntryKind, create_dir_durable, remove_dir_tree, rename};
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
    /// Whether a thread is emptying the trash.
    cleaner: Arc<Mutex<Cleaner>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cleaner {
    Idle,
    Running,
    /// Something was put into the trash since it last looked.
    LookAgain,
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
        Ok(FileStorage { directory, config, clock, cleaner: Arc::new(Mutex::new(Cleaner::Idle)) })
    }

    fn disk(&self) -> &Arc<dyn Disk> {
        &self.directory.disk
    }

    /// Removes what an interrupted creation has left.
    fn clear_staging(&self) -> Result<(), DiskError> {
        for entry in self.disk().list_dir(&self.directory.staging).during("list", &self.directory.staging)? {
            remove_dir_tree(&**self.disk(), &self.directory.staging.join(&entry.name))?;
        }
        Ok(())
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

    /// Has the trash emptied by a thread of its own, of which there is one at most.
    fn empty_trash_soon(&self) {
        let mut state = self.cleaner.lock();
        if *state != Cleaner::Idle {
            *state = Cleaner::LookAgain;
            return;
        }
        let (directory, cleaner) = (Arc::clone(&self.directory), Arc::clone(&self.cleaner));
        let clean = move || {
            loop {
                empty_trash(&directory);
                let mut state = cleaner.lock();
                if *state != Cleaner::LookAgain {
                    *state = Cleaner::Idle;
                    return;
                }
                *state = Cleaner::Running;
            }
        };
        match std::thread::Builder::new().name("empty-trash".to_owned()).spawn(clean) {
            Ok(_) => *state = Cleaner::Running,
            Err(error) => tracing::warn!(%error, "deleted topics are left until the next start"),
        }
    }
}

/// Removes what deleted topics have left. What cannot be removed is tried again after the next deletion, and
/// at the next start.
fn empty_trash(directory: &DataDirectory) {
    let trash = &directory.trash;
    let emptied = directory.disk.list_dir(trash).during("list", trash).and_then(|entries| {
        entries.iter().try_for_each(|entry| remove_dir_tree(&*directory.disk, &trash.join(&entry.name)))
    });
    if let Err(error) = emptied {
        tracing::warn!(%error, "deleted topics cannot be removed from the disk");
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
        let names = self.clear_staging().and_then(|()| self.topic_names()).map_err(|error| {
            tracing::error!(%error, "the topics cannot be listed");
            StorageFailure
        })?;
        self.empty_trash_soon();

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
        Ok(found.into_inner())
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
        self.empty_trash_soon();
        Ok(())
    }
}
