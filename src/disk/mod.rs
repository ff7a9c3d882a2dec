//! The file system, behind two small traits. This module is the only one that names `std::fs`, `rustix` or
//! `memmap2`; everything above it runs as well on the simulated disk as on a real one.
//!
//! Nothing here retries or hides a failure: a failed sync in particular is reported exactly once, to the
//! descriptor that asked, because that is how kernels report it.
//!
//! # What is assumed of a disk
//! - A successful [`DiskFile::sync`] means that the file's bytes and its length survive a power cut.
//! - A successful [`Disk::sync_dir`] means the same for the entries of a directory. Syncing a file says
//!   nothing about its directory entry.
//! - Without a sync, any subset of the changes since the last one may survive, in any order, torn at sectors
//!   of [`SECTOR_BYTES`].
//! - Rewriting the block at the head of a log spares the bytes that are already in it.
//! - A failed sync may have dropped the pages it was to write, marked them clean, and still serves them to
//!   readers until the power goes.

mod descriptors;
mod error;
mod ops;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

pub use descriptors::raise_open_files_limit;
pub use error::{DiskError, DiskResultExt};
pub use ops::{
    create_dir_durable, create_file, quarantine, read_exact_at, read_file, remove_dir_tree, remove_file,
    remove_files, remove_temporary_files, rename, replace_file, write_all_at,
};
pub use real::RealDisk;

use crate::types::FilePosition;

/// What a disk writes whole or not at all, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// What [`Disk::open`] may do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
}

/// What a directory entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else; never made by Highwater.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The entry's name; lossy where it is not UTF-8 (Highwater's own names are ASCII).
    pub name: String,
    /// What it names.
    pub kind: EntryKind,
}

/// A file system.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Creates a file for reading and writing; fails with `AlreadyExists` where there is one.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file. Each call gives a descriptor of its own, which sees sync errors of its own.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file or directory, replacing a file that has the new name. Durable only after
    /// [`Disk::sync_dir`] on both parents.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's entry. Open descriptors go on reading it. Durable only after [`Disk::sync_dir`].
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory; its parent must exist. Durable only after [`Disk::sync_dir`] on the parent.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory. Durable only after [`Disk::sync_dir`] on the parent.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The entries of a directory, by name.
    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Takes the exclusive advisory lock on a file, which is created where it is missing; `WouldBlock` where
    /// another process or descriptor holds it. Dropping the lock, or dying, releases it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// An advisory lock; dropping it releases it.
pub trait DiskLock: Debug + Send + Sync {}

/// An open file. All methods take positions, so that one descriptor serves many readers.
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Reads up to `buf.len()` bytes; 0 only at or behind the end of the file. May return early.
    fn read_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<usize>;

    /// The same, but only what can be had without waiting for the medium: `None` where that is nothing (and
    /// where the platform cannot tell).
    fn read_cached_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<Option<usize>>;

    /// Writes the buffers one behind the other; the file grows as needed. May write less than all.
    fn write_at(&self, bufs: &[IoSlice<'_>], at: FilePosition) -> io::Result<usize>;

    /// Makes the file's bytes and its length durable (`fdatasync`). After a failure nothing is known about
    /// what was written since the last success, whatever a later call says.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros. Durable only after [`DiskFile::sync`].
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Maps the whole file into memory. Only for files that are never written or cut again: a mapped file that
    /// is truncated kills the process.
    fn map(&self) -> io::Result<Mapping>;
}

/// The bytes of a mapped file.
pub struct Mapping(Box<dyn Deref<Target = [u8]> + Send + Sync>);

impl Mapping {
    /// Wraps whatever keeps the bytes.
    pub fn new(bytes: impl Deref<Target = [u8]> + Send + Sync + 'static) -> Mapping {
        Mapping(Box::new(bytes))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapping({} bytes)", self.0.len())
    }
}
