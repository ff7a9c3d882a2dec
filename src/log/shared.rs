//! What the writer of a log and its readers share: the list of segments, which the writer swaps, and the
//! offsets that bound what can be read.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::RwLock;

use super::error::DamagedRange;
use super::segment::{Damage, Segment};
use super::segment_index::IndexSource;
use crate::disk::{Disk, DiskFile};
use crate::types::{Offset, OffsetRange};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    pub(super) index_interval_bytes: u64,
    /// By base offset. Never empty, unless every file of the partition is gone.
    pub(super) segments: ArcSwap<Vec<Arc<Segment>>>,
    /// Offsets for which there is no file.
    pub(super) missing: RwLock<Vec<DamagedRange>>,
    log_start: AtomicU64,
    durable: AtomicU64,
    latched: AtomicBool,
    is_end_unknown: bool,
}

impl Shared {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        index_interval_bytes: u64,
        segments: Vec<Arc<Segment>>,
        readable: OffsetRange,
        is_end_unknown: bool,
    ) -> Shared {
        Shared {
            disk,
            directory,
            index_interval_bytes,
            segments: ArcSwap::from_pointee(segments),
            missing: RwLock::new(Vec::new()),
            log_start: AtomicU64::new(readable.first.0),
            durable: AtomicU64::new(readable.end.0),
            latched: AtomicBool::new(false),
            is_end_unknown,
        }
    }

    pub(super) fn log_start(&self) -> Offset {
        Offset(self.log_start.load(Ordering::Acquire))
    }

    pub(super) fn set_log_start(&self, offset: Offset) {
        self.log_start.store(offset.0, Ordering::Release);
    }

    pub(super) fn durable(&self) -> Offset {
        Offset(self.durable.load(Ordering::Acquire))
    }

    pub(super) fn set_durable(&self, offset: Offset) {
        self.durable.store(offset.0, Ordering::Release);
    }

    /// Whether a write or sync has failed: nothing more may be appended.
    pub(super) fn is_latched(&self) -> bool {
        self.latched.load(Ordering::Acquire)
    }

    /// Whether appends are accepted, as far as is known.
    pub(super) fn is_writable(&self) -> bool {
        !self.is_latched() && !self.is_end_unknown
    }

    pub(super) fn latch(&self) {
        self.latched.store(true, Ordering::Release);
    }

    /// All that is known to be damaged, above the log start.
    pub(super) fn damaged_ranges(&self) -> Vec<DamagedRange> {
        let start = self.log_start();
        let mut ranges = self.missing.read().clone();
        for segment in &**self.segments.load() {
            ranges.extend(segment.damage().iter().map(|damage| name_damage(segment, damage)));
        }
        ranges.retain(|range| range.offsets.end > start && range.offsets.first < range.offsets.end);
        ranges.sort_by_key(|range| range.offsets.first);
        ranges
    }

    pub(super) fn index_source<'a>(
        &'a self,
        segment: &'a Segment,
        file: &'a dyn DiskFile,
        index_path: &'a std::path::Path,
    ) -> IndexSource<'a> {
        IndexSource {
            disk: &*self.disk,
            directory: &self.directory,
            path: index_path,
            segment: file,
            segment_path: &segment.path,
            nonce: segment.nonce,
            start: segment.start(),
            end: segment.readable_upto(),
            interval_bytes: self.index_interval_bytes,
        }
    }
}

/// Damage of a segment, as it is told to others.
pub(super) fn name_damage(segment: &Segment, damage: &Damage) -> DamagedRange {
    DamagedRange { offsets: damage.offsets, segment: segment.base, position: damage.from, what: damage.what }
}
