//! What is built on the two traits: whole reads and writes, and the one way in which files come into being,
//! are replaced and removed (temporary name, write, sync, rename, sync the directory).

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Access, Disk, DiskError, DiskFile, DiskResultExt, EntryKind};
use crate::types::FilePosition;
use crate::types::num::to_u64;
use crate::types::planted::{Bug, planted};

/// Files with this ending are unfinished: nothing refers to them, and opening a directory removes them.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// Damaged files go to a directory of this name, which nothing ever reads by itself.
pub(crate) const QUARANTINE_DIR: &str = "quarantine";

/// How often in a row a read or write may be interrupted. Signals are rare; a disk that does nothing else is
/// broken, and must not hang its caller.
const INTERRUPTIONS_MAX: u32 = 1000;

/// [`remove_dir_tree`] goes no deeper than this: Highwater's own directories are three levels deep.
const DIR_DEPTH_MAX: u32 = 8;

/// The operating system takes at most this many buffers in one vectored write (`IOV_MAX`).
const VECTORED_BUFFERS_MAX: usize = 1024;

/// Fills `buf` from `at`.
///
/// # Errors
/// `UnexpectedEof` where the file ends before; otherwise what the disk said. Interrupted calls are repeated.
pub fn read_exact_at(file: &dyn DiskFile, mut buf: &mut [u8], mut at: FilePosition) -> io::Result<()> {
    let mut interruptions = 0;
    while !buf.is_empty() {
        match file.read_at(buf, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                interruptions = 0;
                buf = buf.split_at_mut(read).1;
                at = at.plus(to_u64(read));
            }
            Err(error) if is_interruption(&error) && interruptions < INTERRUPTIONS_MAX => interruptions += 1,
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
    let mut interruptions = 0;
    while !bufs.is_empty() {
        let now = bufs.get(..VECTORED_BUFFERS_MAX).unwrap_or(bufs);
        match file.write_at(now, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                interruptions = 0;
                IoSlice::advance_slices(&mut bufs, written);
                at = at.plus(to_u64(written));
            }
            Err(error) if is_interruption(&error) && interruptions < INTERRUPTIONS_MAX => interruptions += 1,
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
    remove_if_there(disk, &temporary)?;
    let file = disk.create_new(&temporary).during("create", &temporary)?;
    write_all_at(&*file, &mut [IoSlice::new(content)], FilePosition::ZERO).during("write", &temporary)?;
    if !planted(Bug::SkipNewFileSync) {
        file.sync().during("sync", &temporary)?;
    }
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
    remove_if_there(disk, path)?;
    sync_dir(disk, parent(path))
}

/// Removes files of one directory, durably, with one sync for all of them. Those that are not there are as good
/// as removed.
///
/// # Errors
/// What the disk said; some of the files may be left.
pub fn remove_files(
    disk: &dyn Disk,
    directory: &Path,
    paths: impl Iterator<Item = PathBuf>,
) -> Result<(), DiskError> {
    for path in paths {
        remove_if_there(disk, &path)?;
    }
    sync_dir(disk, directory)
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.during("remove", path),
    }
}

/// Creates a directory, durably. One that is already there is as good as created. Its parent must exist.
///
/// # Errors
/// What the disk said, also where something else has the name.
pub fn create_dir_durable(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match disk.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.list_dir(path).during("list", path)?;
        }
        other => other.during("create directory", path)?,
    }
    // Also where it was there already: whoever created it may have crashed before this.
    sync_dir(disk, parent(path))
}

/// Removes, durably, the unfinished files that a crash has left in a directory. Returns how many there were.
///
/// # Errors
/// What the disk said; some of them may then be removed.
pub fn remove_temporary_files(disk: &dyn Disk, dir: &Path) -> Result<usize, DiskError> {
    let mut removed = 0;
    for entry in disk.list_dir(dir).during("list", dir)? {
        if entry.kind == EntryKind::File && entry.name.ends_with(TEMPORARY_SUFFIX) {
            let path = dir.join(&entry.name);
            disk.remove_file(&path).during("remove", &path)?;
            removed += 1;
        }
    }
    if removed > 0 {
        sync_dir(disk, dir)?;
    }
    Ok(removed)
}

/// Removes a directory and everything in it, durably. One that is not there is as good as removed. A crash
/// may leave any part of it behind: rename it first, to a name that says what it is.
///
/// # Errors
/// What the disk said, also where the directory holds something that is neither a file nor a directory, or is
/// nested deeper than Highwater nests.
pub fn remove_dir_tree(disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
    match remove_dir_contents(disk, path, DIR_DEPTH_MAX) {
        Err(error) if error.is_not_found() && error.path == path => {}
        Err(error) => return Err(error),
        Ok(()) => disk.remove_dir(path).during("remove directory", path)?,
    }
    sync_dir(disk, parent(path))
}

fn remove_dir_contents(disk: &dyn Disk, dir: &Path, depth_left: u32) -> Result<(), DiskError> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        let source = io::Error::new(io::ErrorKind::InvalidData, "nested too deep");
        return Err(DiskError { operation: "remove directory", path: dir.to_owned(), source });
    };
    for entry in disk.list_dir(dir).during("list", dir)? {
        let path = dir.join(&entry.name);
        if entry.kind == EntryKind::Directory {
            remove_dir_contents(disk, &path, depth_left)?;
            disk.remove_dir(&path).during("remove directory", &path)?;
        } else {
            disk.remove_file(&path).during("remove", &path)?;
        }
    }
    Ok(())
}

/// Puts a damaged file out of the way, durably, and keeps it for people: as `<dir>/quarantine/<name>.<n>` with
/// the first `n` that is free. Returns that path.
///
/// # Errors
/// What the disk said; the file is then under its old name or under the new one.
pub fn quarantine(disk: &dyn Disk, path: &Path, dir: &Path) -> Result<PathBuf, DiskError> {
    let quarantine_dir = dir.join(QUARANTINE_DIR);
    create_dir_durable(disk, &quarantine_dir)?;
    let taken = disk.list_dir(&quarantine_dir).during("list", &quarantine_dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // One more candidate than there are names: at least one is free.
    let free = (0..=taken.len()).map(|n| format!("{name}.{n}"));
    let free = free.into_iter().find(|candidate| taken.iter().all(|entry| entry.name != *candidate));
    let target = quarantine_dir.join(free.unwrap_or_default());
    rename(disk, path, &target)?;
    Ok(target)
}

fn is_interruption(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    if planted(Bug::SkipDirectorySync) {
        return Ok(());
    }
    disk.sync_dir(dir).during("sync", dir)
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    name.into()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        // A bare name lies in the current directory.
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

#[cfg(test)]
mod tests;
