//! The I/O family of errors: always with the path and the operation.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An operation on the disk that failed. Goes to the log of the broker, never to a client.
#[derive(Debug, Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct DiskError {
    /// What was to be done, as a verb: "open", "sync".
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// Whether the disk (or the quota) is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether the process, or the system, has no file descriptor left.
    #[must_use]
    pub fn is_out_of_descriptors(&self) -> bool {
        let errno = rustix::io::Errno::from_io_error(&self.source);
        matches!(errno, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
    }

    /// Whether the file or directory does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Adds the operation and the path to a bare `io::Error`.
pub trait DiskResultExt<T> {
    /// Names what failed. `operation` is a verb: "open", "sync".
    fn during(self, operation: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> DiskResultExt<T> for io::Result<T> {
    fn during(self, operation: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError { operation, path: path.to_owned(), source })
    }
}
