//! Descriptors of the simulated disk.

use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustix::io::Errno;

use super::faults::Turn;
use super::tree::NodeId;
use super::{Access, Effect, OperationKind, SimulatedDisk, State, is_simulated_crash};
use crate::disk::{DiskFile, DiskLock, Mapping};
use crate::types::FilePosition;
use crate::types::num::{to_u64, to_usize};

#[derive(Debug)]
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    node: NodeId,
    path: PathBuf,
    access: Access,
    /// The failed syncs of the file that this descriptor has reported, or that were before its time.
    sync_failures_seen: Mutex<u64>,
    _open: Arc<()>,
}

impl SimulatedFile {
    pub(super) fn open(
        disk: SimulatedDisk,
        state: &State,
        node: NodeId,
        path: &Path,
        access: Access,
    ) -> SimulatedFile {
        let file = state.tree.file(node);
        let sync_failures_seen = Mutex::new(file.sync_failures);
        let _open = Arc::clone(&file.open);
        SimulatedFile { disk, node, path: path.to_owned(), access, sync_failures_seen, _open }
    }

    fn read<T>(&self, read: impl FnOnce(&[u8], Effect) -> T) -> io::Result<T> {
        let mut state = self.disk.state();
        let Turn { effect, error, .. } = state.begin(OperationKind::Read, &self.path)?;
        match error {
            None => Ok(read(state.tree.file(self.node).content.live(), effect)),
            Some(error) => Err(error),
        }
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.access {
            Access::Read => Err(Errno::BADF.into()),
            Access::ReadWrite => Ok(()),
        }
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<usize> {
        self.read(|bytes, effect| {
            let rest = bytes.get(to_usize(at.0)..).unwrap_or_default();
            let len = transferred(rest.len().min(buf.len()), effect);
            buf[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    fn read_cached_at(&self, buf: &mut [u8], at: FilePosition) -> io::Result<Option<usize>> {
        self.read_at(buf, at).map(Some)
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: FilePosition) -> io::Result<usize> {
        self.check_writable()?;
        let mut state = self.disk.state();
        let Turn { sequence, effect, error } = state.begin(OperationKind::Write, &self.path)?;
        let len = bufs.iter().map(|buf| buf.len()).sum();
        let mut at = to_usize(at.0);
        let mut left = match (effect, &error) {
            (Effect::Half, Some(_)) => len / 2,
            _ => transferred(len, effect),
        };
        let growth = state.tree.file(self.node).content.growth(at, left);
        let missing = growth.saturating_sub(state.free_bytes());
        if missing >= left && missing > 0 && error.is_none() {
            return Err(Errno::NOSPC.into());
        }
        left = left.saturating_sub(missing);
        let written = left;
        let content = &mut state.tree.file_mut(self.node).content;
        for buf in bufs {
            let part = &buf[..buf.len().min(left)];
            content.write(at, part, sequence);
            at += part.len();
            left -= part.len();
        }
        error.map_or(Ok(written), Err)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let Turn { effect, error, .. } = state.begin(OperationKind::Sync, &self.path)?;
        let file = state.tree.file_mut(self.node);
        match &error {
            None => file.content.sync(),
            Some(error) if is_simulated_crash(error) || error.kind() == ErrorKind::Interrupted => {
                if effect == Effect::Everything {
                    file.content.sync();
                }
            }
            Some(_) => {
                match effect {
                    Effect::Everything => file.content.sync(),
                    Effect::Half => file.content.fail_sync(file.content.dirty_sectors() / 2),
                    Effect::Nothing => file.content.fail_sync(0),
                }
                file.sync_failures += 1;
            }
        }
        let sync_failures = file.sync_failures;
        let seen = std::mem::replace(&mut *self.sync_failures_seen.lock(), sync_failures);
        match error {
            Some(error) => Err(error),
            // Another descriptor's sync has failed since: the kernel tells each one once.
            None if seen != sync_failures => Err(Errno::IO.into()),
            None => Ok(()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.disk.state().run(OperationKind::SetLen, &self.path, |state, sequence| {
            let growth = state.tree.file(self.node).content.growth(to_usize(len), 0);
            if growth > 0 && growth > state.free_bytes() {
                return Err(Errno::NOSPC.into());
            }
            state.tree.file_mut(self.node).content.set_len(to_usize(len), sequence);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.read(|bytes, _| to_u64(bytes.len()))
    }

    fn map(&self) -> io::Result<Mapping> {
        self.read(|bytes, _| Mapping::new(bytes.to_vec()))
    }
}

/// How many of `len` bytes a successful call transfers: never none, for that would mean the end of the file.
fn transferred(len: usize, effect: Effect) -> usize {
    match effect {
        Effect::Nothing => 0,
        Effect::Half => len.div_ceil(2),
        Effect::Everything => len,
    }
}

/// The lock lasts as long as its token.
#[derive(Debug)]
pub(super) struct SimulatedLock {
    _token: Arc<()>,
}

impl SimulatedLock {
    /// Takes the lock on a file.
    pub(super) fn take(lock: &mut Weak<()>) -> io::Result<SimulatedLock> {
        if lock.strong_count() > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let token = Arc::new(());
        *lock = Arc::downgrade(&token);
        Ok(SimulatedLock { _token: token })
    }
}

impl DiskLock for SimulatedLock {}
