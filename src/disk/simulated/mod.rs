//! A disk in memory, for tests: it crashes where it is told to, loses what was not synced, fails on request,
//! and does the same again for the same seed.
//!
//! It keeps everything twice, as the running system sees it and as the medium holds it. A scenario runs until
//! [`SimulatedDisk::crash_at`] ends it; then [`SimulatedDisk::after_process_crash`] and
//! [`SimulatedDisk::after_power_cut`] give the disks that the next start may find, each independent of the
//! first, so that one run yields many:
//!
//! | | file bytes | length | directory entries |
//! | --- | --- | --- | --- |
//! | process crash | live | live | live; what is unsynced stays so |
//! | power cut | durable, and any subset of the unsynced sectors | old, new, or the shortest in between; as long as the surviving sectors need | durable, and any subset of the unsynced changes |
//!
//! Where it is harsher than file systems are, that is on purpose: the log may rely only on what [`super`]
//! lists. A sector written twice between syncs may survive in either version. After a failed sync the bytes
//! can be read but are clean: no later sync writes them, and on the medium they are missing. A rename between
//! directories is one change until a sync of one of the two makes its half durable.

mod content;
mod crash;
mod faults;
mod file;
mod raw;
pub(crate) mod rng;
mod survival;
mod tests;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::{Access, DirEntry, Disk, DiskFile, DiskLock, EntryKind};
pub(crate) use faults::{
    CrashPoint, Effect, Fault, FaultPlan, OperationFilter, OperationKind, is_simulated_crash,
};
use faults::{Faults, Turn};
use file::{SimulatedFile, SimulatedLock};
use tree::{Directory, FileNode, Node, NodeId, Tree};

/// A handle on a disk in memory; clones are handles on the same disk. It starts out with an empty root
/// directory.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    tree: Tree,
    faults: Faults,
    capacity_bytes: Option<usize>,
}

impl SimulatedDisk {
    pub(crate) fn new() -> SimulatedDisk {
        SimulatedDisk::holding(Tree::new(), Faults::default(), None)
    }

    /// A disk on which this directory, and its parents, already exist durably.
    pub(crate) fn with_directory(path: &Path) -> SimulatedDisk {
        let disk = SimulatedDisk::new();
        let mut state = disk.state.lock();
        let mut dirs: Vec<&Path> = path.ancestors().filter(|dir| dir.file_name().is_some()).collect();
        dirs.reverse();
        for dir in dirs {
            state.tree.create(dir, Node::Directory(Directory::default()), 0).unwrap();
            state.tree.sync_dir(dir.parent().unwrap()).unwrap();
        }
        drop(state);
        disk
    }

    /// From the given operation on, every call fails with an error that [`is_simulated_crash`] knows.
    pub(crate) fn crash_at(&self, point: CrashPoint) {
        self.state.lock().faults.crash_at(point);
    }

    /// Whether the point of [`SimulatedDisk::crash_at`] has been reached.
    pub(crate) fn is_crashed(&self) -> bool {
        self.state.lock().faults.is_crashed()
    }

    /// Adds to what is to go wrong.
    pub(crate) fn fail(&self, plan: FaultPlan) {
        self.state.lock().faults.add(plan);
    }

    /// From now on nothing goes wrong any more, but for a crash.
    pub(crate) fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Runs `body` while nothing goes wrong but for a crash: for tests that look at a disk that is to fail on.
    pub(crate) fn without_faults<T>(&self, body: impl FnOnce() -> T) -> T {
        self.state().faults.suspend(true);
        let result = body();
        self.state().faults.suspend(false);
        result
    }

    /// How much all files together may hold; `None`, as at the start, for no bound.
    pub(crate) fn set_capacity(&self, bytes: Option<usize>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// How many such operations there have been on this disk.
    pub(crate) fn operations(&self, filter: OperationFilter) -> u64 {
        self.state.lock().faults.log().iter().filter(|(kind, _)| filter.matches(*kind)).count() as u64
    }

    /// What the operations were, to tell people where a failing test had crashed. A file goes by the path
    /// under which it was opened.
    pub(crate) fn operation_log(&self) -> Vec<(OperationKind, PathBuf)> {
        self.state.lock().faults.log().to_vec()
    }

    /// The disk as the next process finds it when this one is killed: everything but descriptors and locks,
    /// and what was not synced still is not. Nothing is to go wrong on it.
    pub(crate) fn after_process_crash(&self) -> SimulatedDisk {
        let state = self.state.lock();
        let faults = Faults::after(state.faults.last_sequence());
        SimulatedDisk::holding(state.tree.after_process_crash(), faults, state.capacity_bytes)
    }

    /// The disk as it may be found when the power comes back. Seeds 0 to 4 are the extremes: nothing unsynced
    /// survives; everything; only the last operation; entries and lengths but no bytes; bytes but neither
    /// entries nor lengths. From 5 on it is any subset. Nothing is to go wrong on it.
    pub(crate) fn after_power_cut(&self, seed: u64) -> SimulatedDisk {
        let state = self.state.lock();
        SimulatedDisk::holding(state.tree.after_power_cut(seed), Faults::default(), state.capacity_bytes)
    }

    fn holding(tree: Tree, faults: Faults, capacity_bytes: Option<usize>) -> SimulatedDisk {
        let state = State { tree, faults, capacity_bytes };
        SimulatedDisk { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn opened(&self, state: &State, node: NodeId, path: &Path, access: Access) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile::open(self.clone(), state, node, path, access))
    }
}

impl State {
    fn begin(&mut self, kind: OperationKind, path: &Path) -> io::Result<Turn> {
        self.faults.begin(kind, path)
    }

    /// Runs an operation that happens either whole or not at all.
    fn run<T>(
        &mut self,
        kind: OperationKind,
        path: &Path,
        operation: impl FnOnce(&mut State, u64) -> io::Result<T>,
    ) -> io::Result<T> {
        let turn = self.begin(kind, path)?;
        match (turn.error, turn.effect) {
            (None, _) => operation(self, turn.sequence),
            (Some(error), Effect::Everything) => {
                // The outcome is what the caller does not learn.
                let _ = operation(self, turn.sequence);
                Err(error)
            }
            (Some(error), Effect::Half | Effect::Nothing) => Err(error),
        }
    }

    fn free_bytes(&self) -> usize {
        self.capacity_bytes.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.tree.used_bytes()))
    }
}

impl Disk for SimulatedDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.state().run(OperationKind::Create, path, |state, sequence| {
            let node = state.tree.create(path, Node::File(FileNode::default()), sequence)?;
            Ok(self.opened(state, node, path, Access::ReadWrite))
        })
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.state().run(OperationKind::Open, path, |state, _| {
            let node = state.tree.resolve_file(path)?;
            Ok(self.opened(state, node, path, access))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().run(OperationKind::Rename, from, |state, sequence| state.tree.rename(from, to, sequence))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.state().run(OperationKind::Remove, path, |state, sequence| {
            state.tree.remove(path, EntryKind::File, sequence)
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state().run(OperationKind::CreateDir, path, |state, sequence| {
            state.tree.create(path, Node::Directory(Directory::default()), sequence).map(drop)
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.state().run(OperationKind::RemoveDir, path, |state, sequence| {
            state.tree.remove(path, EntryKind::Directory, sequence)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.state().run(OperationKind::SyncDir, path, |state, _| state.tree.sync_dir(path))
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.state().run(OperationKind::Read, path, |state, _| state.tree.list_dir(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        self.state().run(OperationKind::Lock, path, |state, sequence| {
            let node = match state.tree.resolve_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    state.tree.create(path, Node::File(FileNode::default()), sequence)?
                }
                other => other?,
            };
            let lock = SimulatedLock::take(&mut state.tree.file_mut(node).lock)?;
            Ok(Box::new(lock) as Box<dyn DiskLock>)
        })
    }
}
