//! One segment as readers and the writer share it: its file, how far it can be read, where damage lies in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::chain::ChainState;
use super::layout::{index_path, segment_path};
use super::segment_index::SegmentIndex;
use crate::codec::footer::{FOOTER_LEN, Footer, SegmentTimes};
use crate::codec::segment_header::{FRAMES_START, LogIdentity, PreviousSegment, SegmentHeader};
use crate::disk::{Access, Disk, DiskError, DiskFile, DiskResultExt, create_file};
use crate::types::num::to_u64;
use crate::types::{FilePosition, Offset, OffsetRange};

/// Bytes of a segment that cannot be read, and the offsets that are missing for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// Where it begins.
    pub from: FilePosition,
    /// Where the next sound frame, or the end, is.
    pub to: FilePosition,
    /// The offsets that are missing. Empty where the damage hit no record.
    pub offsets: OffsetRange,
    /// What was found.
    pub what: &'static str,
}

/// One segment.
#[derive(Debug)]
pub(super) struct Segment {
    /// The first offset it has, or had; the file's name.
    pub base: Offset,
    /// The nonce that all its frames repeat.
    pub nonce: u64,
    /// The file.
    pub path: PathBuf,
    /// When the file was made, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The sparse index.
    pub index: SegmentIndex,
    /// The CRC that the first frame names.
    pub header_crc: u32,
    file: RwLock<Option<Arc<dyn DiskFile>>>,
    readable_upto: AtomicU64,
    end_offset: AtomicU64,
    times: Mutex<Option<SegmentTimes>>,
    damage: RwLock<Vec<Damage>>,
}

impl Segment {
    /// Creates the file of a new segment, durably.
    pub(super) fn create(
        disk: &dyn Disk,
        directory: &Path,
        header: &SegmentHeader,
    ) -> Result<Segment, DiskError> {
        let (bytes, crc) = header.encode();
        let file = create_file(disk, &segment_path(directory, header.base_offset), &bytes)?;
        let segment = Segment::open(directory, header, crc, SegmentIndex::in_memory(Vec::new()));
        *segment.file.write() = Some(file);
        Ok(segment)
    }

    /// A segment that exists. Nothing of it is readable until [`Segment::publish`].
    pub(super) fn open(
        directory: &Path,
        header: &SegmentHeader,
        header_crc: u32,
        index: SegmentIndex,
    ) -> Segment {
        Segment {
            base: header.base_offset,
            nonce: header.nonce,
            path: segment_path(directory, header.base_offset),
            created_ms: header.created_ms,
            index,
            header_crc,
            file: RwLock::new(None),
            readable_upto: AtomicU64::new(FRAMES_START.0),
            end_offset: AtomicU64::new(header.base_offset.0),
            times: Mutex::new(None),
            damage: RwLock::new(Vec::new()),
        }
    }

    /// The file, opened when it is first asked for. A segment that has been deleted, but is still being read,
    /// fails with `NotFound` unless it was open.
    pub(super) fn file(&self, disk: &dyn Disk) -> Result<Arc<dyn DiskFile>, DiskError> {
        if let Some(file) = &*self.file.read() {
            return Ok(Arc::clone(file));
        }
        let file = disk.open(&self.path, Access::Read).during("open", &self.path)?;
        Ok(Arc::clone(self.file.write().get_or_insert(file)))
    }

    /// Lets go of the descriptor: whoever reads opens the file anew.
    pub(super) fn close_file(&self) {
        *self.file.write() = None;
    }

    /// Whether the file is open, so that reading needs no system call but the read.
    pub(super) fn is_file_open(&self) -> bool {
        self.file.read().is_some()
    }

    /// Hands over the descriptor that the writer uses.
    pub(super) fn set_file(&self, file: Arc<dyn DiskFile>) {
        *self.file.write() = Some(file);
    }

    /// The chain at the beginning of the segment.
    #[must_use]
    pub(super) fn start(&self) -> ChainState {
        ChainState {
            position: FRAMES_START,
            next_offset: self.base,
            previous_crc: self.header_crc,
            open_epoch: 0,
            frame_count: 0,
            times: None,
        }
    }

    /// Lets readers see everything up to `chain`. The position goes last: who sees it sees the rest.
    pub(super) fn publish(&self, chain: &ChainState) {
        let mut times = self.times.lock();
        *times = chain.times;
        self.end_offset.store(chain.next_offset.0, Ordering::Release);
        self.readable_upto.store(chain.position.0, Ordering::Release);
    }

    /// Where what can be read ends: durable frames only.
    #[must_use]
    pub(super) fn readable_upto(&self) -> FilePosition {
        FilePosition(self.readable_upto.load(Ordering::Acquire))
    }

    /// The first offset behind what can be read.
    #[must_use]
    pub(super) fn end_offset(&self) -> Offset {
        Offset(self.end_offset.load(Ordering::Acquire))
    }

    /// Both ends of one moment: an offset must not be counted to bytes that were published before it.
    #[must_use]
    pub(super) fn readable_end(&self) -> (FilePosition, Offset) {
        let _publishing = self.times.lock();
        (self.readable_upto(), self.end_offset())
    }

    /// The times of what can be read.
    #[must_use]
    pub(super) fn times(&self) -> Option<SegmentTimes> {
        *self.times.lock()
    }

    /// What is known to be damaged, by position.
    #[must_use]
    pub(super) fn damage(&self) -> Vec<Damage> {
        self.damage.read().clone()
    }

    /// Remembers damage. What was known already is not added again. Returns whether it is news.
    pub(super) fn add_damage(&self, found: Damage) -> bool {
        let mut damage = self.damage.write();
        if damage.iter().any(|known| known.from <= found.from && found.to <= known.to) {
            return false;
        }
        damage.push(found);
        damage.sort_by_key(|known| known.from);
        true
    }

    /// The damage that `position` lies in, or that begins there.
    #[must_use]
    pub(super) fn damage_at(&self, position: FilePosition) -> Option<Damage> {
        self.damage.read().iter().find(|known| known.from <= position && position < known.to).copied()
    }

    /// The damage that hides `offset`.
    #[must_use]
    pub(super) fn damage_of(&self, offset: Offset) -> Option<Damage> {
        self.damage.read().iter().find(|known| known.offsets.contains(offset)).copied()
    }

    /// Where the index file of this segment lies.
    pub(super) fn index_path(&self, directory: &Path) -> PathBuf {
        index_path(directory, self.base)
    }
}

/// What a new segment's header says.
pub(super) fn new_header(
    identity: LogIdentity,
    base_offset: Offset,
    created_ms: i64,
    previous: Option<PreviousSegment>,
) -> SegmentHeader {
    SegmentHeader { identity, base_offset, nonce: random_nonce(), created_ms, previous }
}

/// Random, so that nobody who publishes records can forge a frame inside one.
fn random_nonce() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1 ^ uuid::Uuid::new_v4().as_u64_pair().0
}

/// The footer for a segment whose frames end at `chain`, and the length of the sealed file.
pub(super) fn footer_for(nonce: u64, chain: &ChainState, is_damaged: bool) -> (Footer, u64) {
    let footer = Footer {
        nonce,
        end_offset: chain.next_offset,
        frames_end: chain.position,
        frame_count: chain.frame_count,
        times: chain.times,
        last_crc: chain.previous_crc,
        is_damaged,
    };
    (footer, chain.position.0 + to_u64(FOOTER_LEN))
}

/// The chain at the end of a sealed segment.
pub(super) fn chain_at(footer: &Footer) -> ChainState {
    ChainState {
        position: footer.frames_end,
        next_offset: footer.end_offset,
        previous_crc: footer.last_crc,
        open_epoch: 0,
        frame_count: footer.frame_count,
        times: footer.times,
    }
}
