//! The data directory: whose it is, and that only one broker uses it at a time.
//!
//! ```text
//! lock                  held by the broker that uses the directory
//! broker.0, broker.1    authoritative: the broker's id
//! topics/NAME/          a topic: its metadata, and a directory per partition
//! staging/UUID/         a topic in the making: removed when the broker starts
//! trash/UUID/           a deleted topic: removed in a while
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use crate::disk::{Disk, DiskError, DiskLock, DiskResultExt, create_dir_durable};
use crate::log::{AuthoritativeFile, AuthorityError, Owner};

const IDENTITY: &str = "broker";
const IDENTITY_MAGIC: [u8; 8] = *b"HWBROKER";

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// Another process uses it.
    #[error("the data directory {} is in use by another broker", .0.display())]
    InUse(PathBuf),
    /// A later version of Highwater wrote it.
    #[error("the data directory {} was written by a newer version of Highwater: it has format {found}, this \
        build reads up to {known}", path.display())]
    NewerVersion {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// Its identity is gone, while there are topics: this may be the wrong directory, or half of one.
    #[error("the data directory {} has topics, but its identity is {what}: restore the files {IDENTITY}.0 and \
        {IDENTITY}.1 from a copy", path.display())]
    IdentityLost {
        /// The directory.
        path: PathBuf,
        /// What is wrong with the identity.
        what: &'static str,
    },
    /// The disk failed, or does not allow it.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// A data directory in use. Dropping it releases it.
#[derive(Debug)]
pub(super) struct DataDirectory {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) topics: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) trash: PathBuf,
    pub(super) broker_id: [u8; 16],
    _lock: Box<dyn DiskLock>,
}

impl DataDirectory {
    /// Takes a directory into use; one that is not there, or empty, becomes a new one.
    pub(super) fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<DataDirectory, DirectoryError> {
        create_with_parents(&*disk, root)?;
        let lock_path = root.join("lock");
        let lock = match disk.lock(&lock_path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(DirectoryError::InUse(root.to_owned()));
            }
            other => other.during("lock", &lock_path)?,
        };
        // The identity first: whoever finds topics without one knows that something is missing.
        let broker_id = identity(&*disk, root)?;
        let [topics, staging, trash] = ["topics", "staging", "trash"].map(|name| root.join(name));
        for path in [&topics, &staging, &trash] {
            create_dir_durable(&*disk, path)?;
            // What a killed broker has renamed may be seen, and not be durable: nothing may be built on it, or
            // removed because of it, before it is.
            disk.sync_dir(path).during("sync", path)?;
        }
        Ok(DataDirectory { disk, topics, staging, trash, broker_id, _lock: lock })
    }
}

fn create_with_parents(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match disk.list_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other.map(drop).during("list", path),
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_with_parents(disk, parent)?;
    }
    create_dir_durable(disk, path)
}

fn identity(disk: &dyn Disk, root: &Path) -> Result<[u8; 16], DirectoryError> {
    let identity_file = || AuthoritativeFile::at(root, IDENTITY, IDENTITY_MAGIC, Owner::default());
    let lost = |what| DirectoryError::IdentityLost { path: root.to_owned(), what };
    match identity_file().load(disk) {
        Ok(loaded) => {
            if let Some(evidence) = loaded.quarantined {
                tracing::warn!(evidence = %evidence.display(), "one of two copies of the identity was damaged");
            }
            <[u8; 16]>::try_from(loaded.content).map_err(|_| lost("of a wrong length"))
        }
        Err(AuthorityError::Missing(_)) if has_topics(disk, root)? => Err(lost("missing")),
        Err(AuthorityError::Missing(_)) => {
            let id = Uuid::new_v4().into_bytes();
            identity_file().create(disk, &id)?;
            Ok(id)
        }
        Err(AuthorityError::Damaged { .. }) => Err(lost("damaged")),
        Err(AuthorityError::NewerVersion { found, known, .. }) => {
            Err(DirectoryError::NewerVersion { path: root.to_owned(), found, known })
        }
        Err(AuthorityError::Io(error)) => Err(error.into()),
    }
}

fn has_topics(disk: &dyn Disk, root: &Path) -> Result<bool, DiskError> {
    let topics = root.join("topics");
    match disk.list_dir(&topics) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|entries| !entries.is_empty()).during("list", &topics),
    }
}
