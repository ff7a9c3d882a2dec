//! A segment's sparse index in memory: growing while the segment is the head, mapped from its file once it is
//! sealed and somebody looks something up, and rebuilt by a scan where that file is missing or damaged.

use std::path::Path;

use parking_lot::{Mutex, RwLock};

use super::chain::ChainState;
use super::scan::scan;
use crate::codec::index::{self, INDEX_BYTES_MAX, IndexEntry, IndexView};
use crate::disk::{
    Access, Disk, DiskError, DiskFile, DiskResultExt, Mapping, quarantine, read_file, replace_file,
};
use crate::types::FilePosition;

/// The index of one segment.
#[derive(Debug)]
pub(super) struct SegmentIndex {
    state: RwLock<State>,
    /// Held by who loads or rebuilds, so that readers of other parts, who must not wait, never meet it.
    loading: Mutex<()>,
}

#[derive(Debug)]
enum State {
    /// Of a sealed segment that nobody has looked into yet.
    Unloaded,
    Memory(Vec<IndexEntry>),
    Mapped(Mapping),
}

/// What is needed to load or rebuild an index.
pub(super) struct IndexSource<'a> {
    pub disk: &'a dyn Disk,
    pub directory: &'a Path,
    /// The index file.
    pub path: &'a Path,
    pub segment: &'a dyn DiskFile,
    pub segment_path: &'a Path,
    pub nonce: u64,
    /// The beginning of the segment.
    pub start: ChainState,
    /// The end of its frames.
    pub end: FilePosition,
    pub interval_bytes: u64,
}

impl SegmentIndex {
    pub(super) fn in_memory(entries: Vec<IndexEntry>) -> SegmentIndex {
        SegmentIndex { state: RwLock::new(State::Memory(entries)), loading: Mutex::new(()) }
    }

    pub(super) fn unloaded() -> SegmentIndex {
        SegmentIndex { state: RwLock::new(State::Unloaded), loading: Mutex::new(()) }
    }

    /// Adds those of the frames' entries that lie `interval_bytes` behind the one before. Only heads grow.
    pub(super) fn push_due(&self, frames: &[IndexEntry], interval_bytes: u64) {
        if let State::Memory(entries) = &mut *self.state.write() {
            for frame in frames {
                let last = entries.last();
                if last.is_none_or(|last| frame.position.since(last.position) >= interval_bytes) {
                    entries.push(*frame);
                }
            }
        }
    }

    /// The last entry of those at the beginning for which `is_before` holds; `None` where there is none. Loads
    /// the index where that has not been done.
    pub(super) fn last_where(
        &self,
        source: &IndexSource<'_>,
        is_before: impl Fn(&IndexEntry) -> bool,
    ) -> Result<Option<IndexEntry>, DiskError> {
        if let Some(found) = self.search(source.nonce, &is_before) {
            return Ok(found);
        }
        let loading = self.loading.lock();
        if !self.is_loaded() {
            let loaded = load_or_rebuild(source)?;
            *self.state.write() = loaded;
        }
        drop(loading);
        Ok(self.search(source.nonce, &is_before).flatten())
    }

    /// Whether a look-up would have to wait for the disk.
    pub(super) fn is_loaded(&self) -> bool {
        !matches!(*self.state.read(), State::Unloaded)
    }

    /// The file's bytes, for an index in memory that covers the segment up to `covers_upto`.
    pub(super) fn encode(&self, nonce: u64, covers_upto: FilePosition) -> Option<Vec<u8>> {
        match &*self.state.read() {
            State::Memory(entries) if entries.len() <= index::ENTRIES_MAX => {
                Some(index::encode(nonce, covers_upto, entries))
            }
            // One that is too long for a file is rebuilt where it is needed.
            _ => None,
        }
    }

    /// Gives the memory back: the file has been written, and will be mapped when it is needed.
    pub(super) fn unload(&self) {
        *self.state.write() = State::Unloaded;
    }

    fn search(&self, nonce: u64, is_before: &impl Fn(&IndexEntry) -> bool) -> Option<Option<IndexEntry>> {
        match &*self.state.read() {
            State::Unloaded => None,
            State::Memory(entries) => {
                let count = entries.partition_point(is_before);
                Some(count.checked_sub(1).and_then(|last| entries.get(last).copied()))
            }
            State::Mapped(mapping) => {
                Some(IndexView::reopen(mapping, nonce).and_then(|view| view.last_where(is_before)))
            }
        }
    }
}

/// The entries that a head's index file has for what lies before `upto`; `None` where they cannot be had whole.
pub(super) fn load_head_entries(
    disk: &dyn Disk,
    path: &Path,
    nonce: u64,
    upto: FilePosition,
) -> Option<Vec<IndexEntry>> {
    let bytes = read_file(disk, path, INDEX_BYTES_MAX).ok()?;
    let view = IndexView::parse(&bytes, nonce).ok()?;
    let entries = view.entries().filter(|entry| entry.position < upto).collect();
    (view.covers_upto >= upto).then_some(entries)
}

fn load_or_rebuild(source: &IndexSource<'_>) -> Result<State, DiskError> {
    match load(source) {
        Ok(Some(mapping)) => return Ok(State::Mapped(mapping)),
        Ok(None) => {
            tracing::warn!(path = %source.path.display(), "index is damaged: set aside and rebuilt");
            if let Err(error) = quarantine(source.disk, source.path, source.directory) {
                tracing::warn!(%error, "the damaged index could not be set aside");
            }
        }
        // It is derived: whatever keeps it from being read, the segment itself may be readable.
        Err(error) => tracing::info!(%error, "an index is missing, or cannot be read: rebuilt"),
    }
    let entries = rebuild(source)?;
    if entries.len() <= index::ENTRIES_MAX {
        // An index that cannot be written costs time at the next opening, nothing else.
        let bytes = index::encode(source.nonce, source.end, &entries);
        if let Err(error) = replace_file(source.disk, source.path, &bytes) {
            tracing::warn!(%error, "the rebuilt index could not be written");
        }
    }
    Ok(State::Memory(entries))
}

/// `None` where the file is not a sound index of the whole segment. It is read once before it is mapped: a bad
/// sector is an error to a read, and the end of the process to a mapping.
fn load(source: &IndexSource<'_>) -> Result<Option<Mapping>, DiskError> {
    let path = source.path;
    let bytes = match read_file(source.disk, path, INDEX_BYTES_MAX) {
        Err(error) if error.source.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
        other => other?,
    };
    let is_sound = IndexView::parse(&bytes, source.nonce).is_ok_and(|view| view.covers_upto >= source.end);
    if !is_sound {
        return Ok(None);
    }
    let file = source.disk.open(path, Access::Read).during("open", path)?;
    file.map().during("map", path).map(Some)
}

pub(super) fn rebuild(source: &IndexSource<'_>) -> Result<Vec<IndexEntry>, DiskError> {
    let scan = scan(source.segment, source.nonce, source.start, source.interval_bytes)
        .during("read", source.segment_path)?;
    Ok(scan.index)
}
