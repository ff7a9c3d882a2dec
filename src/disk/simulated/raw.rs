//! The tests' own hands on the medium: looking, and doing damage, past the file system. No operation is
//! counted, and no fault strikes. Paths that are not there are errors in the test, and panic.

use std::path::{Path, PathBuf};

use super::content::Content;
use super::tree::{FileNode, Node, NodeId};
use super::{EntryKind, SimulatedDisk, State};

impl SimulatedDisk {
    /// All files, sorted, as absolute paths.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.state().tree.walk().into_iter().map(|(path, _)| path).collect()
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.state().tree.resolve(path).is_ok()
    }

    /// The bytes that a reader sees.
    pub(crate) fn read_all(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.tree.file(state.find(path)).content.live().to_vec()
    }

    /// The bytes that are sure to survive, if the file's entry does.
    pub(crate) fn durable_bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.tree.file(state.find(path)).content.durable().to_vec()
    }

    /// Puts other bytes into a file, in memory and on the medium.
    pub(crate) fn overwrite(&self, path: &Path, position: usize, bytes: &[u8]) {
        self.state().content_mut(path).damage(position, bytes);
    }

    /// Flips one bit of a file, counted from the lowest of the first byte.
    pub(crate) fn flip_bit(&self, path: &Path, bit: usize) {
        let mut state = self.state();
        let content = state.content_mut(path);
        let flipped = content.live()[bit / 8] ^ (1 << (bit % 8));
        content.damage(bit / 8, &[flipped]);
    }

    /// Cuts a file, in memory and on the medium.
    pub(crate) fn truncate_raw(&self, path: &Path, len: usize) {
        self.state().content_mut(path).damage_len(len);
    }

    /// Makes a file with these bytes, or replaces one, durably; all entries of its directory become durable.
    pub(crate) fn put_raw(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let content = Content::settled(bytes.to_vec());
        match state.tree.resolve_file(path) {
            Ok(node) => state.tree.file_mut(node).content = content,
            Err(_) => {
                let node = Node::File(FileNode { content, ..FileNode::default() });
                state.tree.create(path, node, 0).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            }
        }
        state.tree.sync_dir(path.parent().unwrap()).unwrap();
    }

    /// Copies a file, durably, over another where there is one.
    pub(crate) fn copy_raw(&self, from: &Path, to: &Path) {
        let bytes = self.read_all(from);
        self.put_raw(to, &bytes);
    }

    /// Removes a file, durably; all entries of its directory become durable.
    pub(crate) fn remove_raw(&self, path: &Path) {
        let mut state = self.state();
        let removed = state.tree.remove(path, EntryKind::File, 0);
        removed.unwrap_or_else(|error| panic!("{path:?}: {error}"));
        state.tree.sync_dir(path.parent().unwrap()).unwrap();
    }
}

impl State {
    fn find(&self, path: &Path) -> NodeId {
        self.tree.resolve_file(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    fn content_mut(&mut self, path: &Path) -> &mut Content {
        let node = self.find(path);
        &mut self.tree.file_mut(node).content
    }
}
