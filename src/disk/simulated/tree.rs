//! Directories and what they name, twice as well: as the running system sees them, and as the medium holds
//! them, with the operations in between.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Weak};

use super::content::Content;
use crate::disk::{DirEntry, EntryKind};

/// A file or directory, whatever its names are.
pub(super) type NodeId = u64;

pub(super) const ROOT: NodeId = 0;

pub(super) type Entries = BTreeMap<String, NodeId>;

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(FileNode),
    Directory(Directory),
}

#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    pub(super) content: Content,
    /// The file's own token; each descriptor has another copy.
    pub(super) open: Arc<()>,
    /// The token of the lock on the file, as long as there is one.
    pub(super) lock: Weak<()>,
    /// How many syncs of this file have failed. A descriptor that has not yet heard of the last one reports it.
    pub(super) sync_failures: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) live: Entries,
    pub(super) durable: Entries,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dir: NodeId,
    pub(super) name: String,
}

/// A change of entries that no sync of a directory has made durable yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) sequence: u64,
    pub(super) node: NodeId,
    pub(super) change: Change,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Link(Entry),
    Unlink(Entry),
    /// One change, not two: neither half survives alone, unless a sync of one directory makes it durable.
    Rename {
        from: Entry,
        to: Entry,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) pending: Vec<Pending>,
    pub(super) next: NodeId,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let nodes = BTreeMap::from([(ROOT, Node::Directory(Directory::default()))]);
        Tree { nodes, pending: Vec::new(), next: ROOT + 1 }
    }

    pub(super) fn resolve(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = ROOT;
        for component in path.components() {
            let name = match component {
                Component::RootDir | Component::CurDir => continue,
                Component::Normal(name) => name.to_string_lossy(),
                Component::ParentDir | Component::Prefix(_) => return Err(ErrorKind::InvalidInput.into()),
            };
            node = *self.directory(node)?.live.get(&*name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn resolve_file(&self, path: &Path) -> io::Result<NodeId> {
        let node = self.resolve(path)?;
        if self.is_directory(node) { Err(ErrorKind::IsADirectory.into()) } else { Ok(node) }
    }

    pub(super) fn file(&self, node: NodeId) -> &FileNode {
        match &self.nodes[&node] {
            Node::File(file) => file,
            Node::Directory(_) => panic!("node {node} is a directory"),
        }
    }

    pub(super) fn file_mut(&mut self, node: NodeId) -> &mut FileNode {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => file,
            _ => panic!("node {node} is no file"),
        }
    }

    pub(super) fn create(&mut self, path: &Path, node: Node, sequence: u64) -> io::Result<NodeId> {
        let entry = self.entry(path)?;
        if self.directory(entry.dir)?.live.contains_key(&entry.name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.directory_mut(entry.dir).live.insert(entry.name.clone(), id);
        self.pending.push(Pending { sequence, node: id, change: Change::Link(entry) });
        Ok(id)
    }

    pub(super) fn remove(&mut self, path: &Path, kind: EntryKind, sequence: u64) -> io::Result<()> {
        let node = self.resolve(path)?;
        match (&self.nodes[&node], kind) {
            (Node::File(_), EntryKind::Directory) => return Err(ErrorKind::NotADirectory.into()),
            (Node::Directory(_), EntryKind::File) => return Err(ErrorKind::IsADirectory.into()),
            (Node::Directory(directory), _) if !directory.live.is_empty() => {
                return Err(ErrorKind::DirectoryNotEmpty.into());
            }
            _ => {}
        }
        let entry = self.entry(path)?;
        self.directory_mut(entry.dir).live.remove(&entry.name);
        self.pending.push(Pending { sequence, node, change: Change::Unlink(entry) });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, sequence: u64) -> io::Result<()> {
        let (from_entry, to_entry) = (self.entry(from)?, self.entry(to)?);
        let node = self.resolve(from)?;
        if to.starts_with(from) && to != from {
            return Err(ErrorKind::InvalidInput.into());
        }
        if from.starts_with(to) && to != from {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        if let Some(replaced) = self.directory(to_entry.dir)?.live.get(&to_entry.name) {
            if *replaced == node {
                return Ok(());
            }
            match (&self.nodes[&node], &self.nodes[replaced]) {
                (Node::File(_), Node::File(_)) => {}
                (Node::File(_), Node::Directory(_)) => return Err(ErrorKind::IsADirectory.into()),
                (Node::Directory(_), Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
                (Node::Directory(_), Node::Directory(directory)) if directory.live.is_empty() => {}
                _ => return Err(ErrorKind::DirectoryNotEmpty.into()),
            }
        }
        self.directory_mut(from_entry.dir).live.remove(&from_entry.name);
        self.directory_mut(to_entry.dir).live.insert(to_entry.name.clone(), node);
        let change = Change::Rename { from: from_entry, to: to_entry };
        self.pending.push(Pending { sequence, node, change });
        Ok(())
    }

    /// Makes a directory's entries durable. Of a rename between two directories this is one half.
    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let dir = self.resolve(path)?;
        let live = self.directory(dir)?.live.clone();
        self.directory_mut(dir).durable = live;
        self.pending.retain_mut(|pending| match &pending.change {
            Change::Link(entry) | Change::Unlink(entry) => entry.dir != dir,
            Change::Rename { from, to } => match (from.dir == dir, to.dir == dir) {
                (true, true) => false,
                (false, false) => true,
                (true, false) => {
                    pending.change = Change::Link(to.clone());
                    true
                }
                (false, true) => {
                    pending.change = Change::Unlink(from.clone());
                    true
                }
            },
        });
        Ok(())
    }

    pub(super) fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let entry = |(name, node): (&String, &NodeId)| DirEntry {
            name: name.clone(),
            kind: if self.is_directory(*node) { EntryKind::Directory } else { EntryKind::File },
        };
        Ok(self.directory(self.resolve(path)?)?.live.iter().map(entry).collect())
    }

    /// What all files that have a name, or are open, take together.
    pub(super) fn used_bytes(&self) -> usize {
        let named: BTreeSet<NodeId> = self.walk().into_iter().map(|(_, node)| node).collect();
        let files = self.nodes.iter().filter_map(|(id, node)| match node {
            Node::File(file) if Arc::strong_count(&file.open) > 1 || named.contains(id) => {
                Some(file.content.live().len())
            }
            _ => None,
        });
        files.sum()
    }

    /// All files that have a name, by path.
    pub(super) fn walk(&self) -> Vec<(PathBuf, NodeId)> {
        let mut files = Vec::new();
        let mut directories = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, dir)) = directories.pop() {
            let Node::Directory(directory) = &self.nodes[&dir] else { continue };
            for (name, node) in &directory.live {
                if self.is_directory(*node) {
                    directories.push((path.join(name), *node));
                } else {
                    files.push((path.join(name), *node));
                }
            }
        }
        files.sort();
        files
    }

    fn entry(&self, path: &Path) -> io::Result<Entry> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let dir = self.resolve(parent)?;
        self.directory(dir)?;
        Ok(Entry { dir, name: name.to_string_lossy().into_owned() })
    }

    fn is_directory(&self, node: NodeId) -> bool {
        matches!(self.nodes[&node], Node::Directory(_))
    }

    fn directory(&self, node: NodeId) -> io::Result<&Directory> {
        match &self.nodes[&node] {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn directory_mut(&mut self, node: NodeId) -> &mut Directory {
        match self.nodes.get_mut(&node) {
            Some(Node::Directory(directory)) => directory,
            _ => panic!("node {node} is no directory"),
        }
    }
}
