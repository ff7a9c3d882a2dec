//! What is left of a tree of files after a crash.

use std::collections::BTreeMap;

use super::content::Content;
use super::survival::Survival;
use super::tree::{Change, Directory, Entries, Entry, FileNode, Node, NodeId, Pending, ROOT, Tree};

impl Tree {
    /// What the next process finds after this one has died: everything but its descriptors and locks.
    pub(super) fn after_process_crash(&self) -> Tree {
        let mut tree = self.clone();
        for node in tree.nodes.values_mut() {
            if let Node::File(file) = node {
                *file = FileNode { content: std::mem::take(&mut file.content), ..FileNode::default() };
            }
        }
        tree
    }

    /// What the next boot finds after a power cut. Files that no directory names any more are gone.
    pub(super) fn after_power_cut(&self, seed: u64) -> Tree {
        let mut survival = self.survival(seed);
        let mut directories = DurableDirectories::of(self);
        for pending in &self.pending {
            if survival.entry(pending.sequence) {
                directories.apply(pending);
            }
        }
        let mut nodes = BTreeMap::new();
        let mut reached = vec![ROOT];
        while let Some(id) = reached.pop() {
            if nodes.contains_key(&id) {
                continue;
            }
            let node = match &self.nodes[&id] {
                Node::File(file) => {
                    let content = Content::settled(file.content.survive(&mut survival));
                    Node::File(FileNode { content, ..FileNode::default() })
                }
                Node::Directory(_) => {
                    let durable = directories.take(id);
                    reached.extend(durable.values());
                    Node::Directory(Directory { live: durable.clone(), durable })
                }
            };
            nodes.insert(id, node);
        }
        Tree { nodes, pending: Vec::new(), next: self.next }
    }

    fn survival(&self, seed: u64) -> Survival {
        let (mut changes, mut last) = (0, 0);
        for pending in &self.pending {
            changes += 1;
            last = pending.sequence.max(last);
        }
        for node in self.nodes.values() {
            if let Node::File(file) = node {
                changes += file.content.unsynced_changes();
                last = file.content.last_unsynced_sequence().max(last);
            }
        }
        Survival::new(seed, changes, last)
    }
}

/// The entries that the medium holds, by directory.
struct DurableDirectories(BTreeMap<NodeId, Entries>);

impl DurableDirectories {
    fn of(tree: &Tree) -> DurableDirectories {
        let directories = tree.nodes.iter().filter_map(|(id, node)| match node {
            Node::Directory(directory) => Some((*id, directory.durable.clone())),
            Node::File(_) => None,
        });
        DurableDirectories(directories.collect())
    }

    /// Applies a change that survives, if it still makes sense: those that prepared it may be lost.
    fn apply(&mut self, pending: &Pending) {
        let node = pending.node;
        match &pending.change {
            Change::Link(entry) => self.link(entry, node),
            Change::Unlink(entry) => {
                // No medium loses a directory while it still holds something that was only moved away.
                let occupied = self.0.get(&node).is_some_and(|entries| !entries.is_empty());
                if !occupied {
                    self.unlink(entry, node);
                }
            }
            Change::Rename { from, to } => {
                if self.unlink(from, node) {
                    self.link(to, node);
                }
            }
        }
    }

    fn link(&mut self, entry: &Entry, node: NodeId) {
        self.0.entry(entry.dir).or_default().insert(entry.name.clone(), node);
    }

    fn unlink(&mut self, entry: &Entry, node: NodeId) -> bool {
        let entries = self.0.entry(entry.dir).or_default();
        let names_it = entries.get(&entry.name) == Some(&node);
        if names_it {
            entries.remove(&entry.name);
        }
        names_it
    }

    fn take(&mut self, dir: NodeId) -> Entries {
        self.0.remove(&dir).unwrap_or_default()
    }
}
