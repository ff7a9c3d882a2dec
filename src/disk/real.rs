//! The operating system's file system. Calls go straight through: no caching, no buffering, no retries.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use super::{Access, DirEntry, Disk, DiskFile, DiskLock, EntryKind, Mapping};
use crate::types::FilePosition;
#[cfg(target_os = "linux")]
use rustix::io::{Errno, ReadWriteFlags};

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let write = match access {
            Access::Read => false,
            Access::ReadWrite => true,
        };
        let file = OpenOptions::new().read(true).write(write).open(path)?;
        if file.metadata()?.is_dir() {
            // The system opens a directory for reading, and fails only at the first read.
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let kind = if file_type.is_file() {
                EntryKind::File
            } else if file_type.is_dir() {
                EntryKind::Directory
            } else {
                EntryKind::Other
            };
            entries.push(DirEntry { name: entry.file_name().to_string_lossy().into_owned(), kind });
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The lock belongs to the descriptor: closing it, by dropping or by dying, releases the lock.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl DiskLock for RealLock {}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<usize> {
        Ok(rustix::io::pread(&self.0, buf, at.0)?)
    }

    #[cfg(target_os = "linux")]
    fn read_cached_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<Option<usize>> {
        if at.0 == u64::MAX {
            // To `preadv2` this one means "wherever the descriptor stands".
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match rustix::io::preadv2(&self.0, &mut [io::IoSliceMut::new(buf)], at.0, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            // Not in memory, or a file system or kernel that cannot tell.
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_cached_at(&self, _buf: &mut [u8], _at: FilePosition) -> io::Result<Option<usize>> {
        Ok(None)
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: FilePosition) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, bufs, at.0)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn map(&self) -> io::Result<Mapping> {
        if self.is_empty()? {
            return Ok(Mapping::new(Vec::new()));
        }
        // SAFETY: the bytes of a mapping must not change while it is borrowed. `DiskFile::map` is for files
        // that are never written or cut again, and the lock on the data directory keeps other brokers out.
        #[expect(unsafe_code, reason = "mapping is unsafe because others may change the file")]
        let map = unsafe { memmap2::Mmap::map(&self.0) }?;
        Ok(Mapping::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary_dir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn written_buffers_are_read_back_from_their_positions() {
        let dir = temporary_dir();
        let path = dir.path().join("file");
        let file = RealDisk.create_new(&path).unwrap();
        assert!(file.is_empty().unwrap());
        let written = file.write_at(&[IoSlice::new(b"one"), IoSlice::new(b"two")], FilePosition(2)).unwrap();
        assert_eq!(written, 6);
        file.sync().unwrap();
        RealDisk.sync_dir(dir.path()).unwrap();

        let reopened = RealDisk.open(&path, Access::Read).unwrap();
        let mut buf = [0xff; 16];
        assert_eq!(reopened.read_at(&mut buf, FilePosition::ZERO).unwrap(), 8);
        assert_eq!(&buf[..8], b"\0\0onetwo");
        assert_eq!(reopened.read_at(&mut buf, FilePosition(8)).unwrap(), 0);
        assert_eq!(reopened.len().unwrap(), 8);
        assert!(reopened.write_at(&[IoSlice::new(b"no")], FilePosition::ZERO).is_err());
    }

    #[test]
    fn cached_reads_return_the_files_bytes_or_nothing() {
        let dir = temporary_dir();
        let file = RealDisk.create_new(&dir.path().join("file")).unwrap();
        file.write_at(&[IoSlice::new(b"bytes")], FilePosition::ZERO).unwrap();
        let mut buf = [0; 8];
        match file.read_cached_at(&mut buf, FilePosition(1)).unwrap() {
            Some(read) => assert_eq!(&buf[..read], b"ytes"),
            None => assert_eq!(buf, [0; 8]),
        }
        assert!(file.read_cached_at(&mut buf, FilePosition(u64::MAX)).map_or(true, |read| read.is_none()));
    }

    #[test]
    fn lengths_can_be_cut_and_extended() {
        let dir = temporary_dir();
        let file = RealDisk.create_new(&dir.path().join("file")).unwrap();
        file.write_at(&[IoSlice::new(b"abcdef")], FilePosition::ZERO).unwrap();
        file.set_len(2).unwrap();
        file.set_len(4).unwrap();
        let mut buf = [0xff; 8];
        assert_eq!(file.read_at(&mut buf, FilePosition::ZERO).unwrap(), 4);
        assert_eq!(&buf[..4], b"ab\0\0");
    }

    #[test]
    fn creating_refuses_an_existing_name_and_opening_a_missing_one() {
        let dir = temporary_dir();
        let path = dir.path().join("file");
        let missing = RealDisk.open(&path, Access::ReadWrite).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        drop(RealDisk.create_new(&path).unwrap());
        let existing = RealDisk.create_new(&path).unwrap_err();
        assert_eq!(existing.kind(), io::ErrorKind::AlreadyExists);
        let directory = RealDisk.open(dir.path(), Access::Read).unwrap_err();
        assert_eq!(directory.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn directories_list_their_entries_by_name() {
        let dir = temporary_dir();
        RealDisk.create_dir(&dir.path().join("b")).unwrap();
        drop(RealDisk.create_new(&dir.path().join("c")).unwrap());
        drop(RealDisk.create_new(&dir.path().join("a")).unwrap());
        RealDisk.rename(&dir.path().join("c"), &dir.path().join("0")).unwrap();
        RealDisk.remove_file(&dir.path().join("a")).unwrap();
        let entry = |name: &str, kind| DirEntry { name: name.to_owned(), kind };
        let expected = vec![entry("0", EntryKind::File), entry("b", EntryKind::Directory)];
        assert_eq!(RealDisk.list_dir(dir.path()).unwrap(), expected);
        RealDisk.remove_dir(&dir.path().join("b")).unwrap();
        assert_eq!(RealDisk.list_dir(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_lock_excludes_other_descriptors_until_it_is_dropped() {
        let dir = temporary_dir();
        let path = dir.path().join("lock");
        let lock = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        drop(RealDisk.lock(&path).unwrap());
    }

    #[test]
    fn mappings_show_the_whole_file_even_an_empty_one() {
        let dir = temporary_dir();
        let file = RealDisk.create_new(&dir.path().join("file")).unwrap();
        assert!(file.map().unwrap().is_empty());
        file.write_at(&[IoSlice::new(b"mapped")], FilePosition::ZERO).unwrap();
        assert_eq!(&*file.map().unwrap(), b"mapped");
    }
}
