//! What is built on the two traits: whole reads and writes, and the one way in which files come into being,
//! are replaced and removed (temporary name, write, sync, rename, sync the directory).

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Access, Disk, DiskError, DiskFile, DiskResultExt};
use crate::types::FilePosition;
use crate::types::num::to_u64;

/// Files with this ending are unfinished: nothing refers to them, and opening a directory removes them.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// The operating system takes at most this many buffers in one vectored write (`IOV_MAX`).
const VECTORED_BUFFERS_MAX: usize = 1024;

/// Fills `buf` from `at`.
///
/// # Errors
/// `UnexpectedEof` where the file ends before; otherwise what the disk said. Interrupted calls are repeated.
pub fn read_exact_at(file: &dyn DiskFile, mut buf: &mut [u8], mut at: FilePosition) -> io::Result<()> {
    while !buf.is_empty() {
        match file.read_at(buf, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buf = buf.split_at_mut(read).1;
                at = at.plus(to_u64(read));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all the buffers, one behind the other, from `at`.
///
/// # Errors
/// What the disk said; some of the bytes may then have been written. Interrupted and short writes are carried
/// on with.
pub fn write_all_at(
    file: &dyn DiskFile,
    mut bufs: &mut [IoSlice<'_>],
    mut at: FilePosition,
) -> io::Result<()> {
    // Leading empty buffers would make a complete write look like one that wrote nothing.
    IoSlice::advance_slices(&mut bufs, 0);
    while !bufs.is_empty() {
        let now = bufs.get(..VECTORED_BUFFERS_MAX).unwrap_or(bufs);
        match file.write_at(now, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut bufs, written);
                at = at.plus(to_u64(written));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a whole file of at most `len_max` bytes.
///
/// # Errors
/// `InvalidData` where the file is longer; otherwise what the disk said.
pub fn read_file(disk: &dyn Disk, path: &Path, len_max: usize) -> Result<Vec<u8>, DiskError> {
    let file = disk.open(path, Access::Read).during("open", path)?;
    let len = file.len().during("stat", path)?;
    if len > to_u64(len_max) {
        let source = io::Error::new(io::ErrorKind::InvalidData, format!("{len} bytes, at most {len_max}"));
        return Err(DiskError { operation: "read", path: path.to_owned(), source });
    }
    let mut bytes = vec![0; crate::types::num::to_usize(len)];
    read_exact_at(&*file, &mut bytes, FilePosition::ZERO).during("read", path)?;
    Ok(bytes)
}

/// Creates a file with `content` under a name that nothing has yet, durably, and returns it open. A crash
/// leaves either nothing under that name or the whole file.
///
/// # Errors
/// What the disk said; the caller may try again.
pub fn create_file(disk: &dyn Disk, path: &Path, content: &[u8]) -> Result<Arc<dyn DiskFile>, DiskError> {
    let temporary = temporary_path(path);
    match disk.remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).during("remove", &temporary);
        }
        _ => {}
    }
    let file = disk.create_new(&temporary).during("create", &temporary)?;
    write_all_at(&*file, &mut [IoSlice::new(content)], FilePosition::ZERO).during("write", &temporary)?;
    file.sync().during("sync", &temporary)?;
    rename(disk, &temporary, path)?;
    Ok(file)
}

/// Replaces a file's content, or creates the file, durably. A crash leaves either the old content or the new.
///
/// # Errors
/// What the disk said; the old content is then still there, or the new.
pub fn replace_file(disk: &dyn Disk, path: &Path, content: &[u8]) -> Result<(), DiskError> {
    create_file(disk, path, content).map(drop)
}

/// Renames a file or directory, durably.
///
/// # Errors
/// What the disk said.
pub fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), DiskError> {
    disk.rename(from, to).during("rename", from)?;
    let (from_dir, to_dir) = (parent(from), parent(to));
    sync_dir(disk, to_dir)?;
    if from_dir != to_dir {
        sync_dir(disk, from_dir)?;
    }
    Ok(())
}

/// Removes a file, durably. One that is not there is as good as removed.
///
/// # Errors
/// What the disk said.
pub fn remove_file(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other.during("remove", path)?,
    }
    sync_dir(disk, parent(path))
}

fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    disk.sync_dir(dir).during("sync", dir)
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    name.into()
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
