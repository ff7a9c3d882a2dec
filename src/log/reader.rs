//! Reading by offset and by time, beside the writer: what is below the durable offset, and nothing else.
//!
//! Every frame is checked where it is read, header and payload, against its CRCs and against its place. The
//! index and a cursor's hint only say where to begin: what they lead to must prove itself.

use std::sync::Arc;

use super::chain::{ChainState, Place};
use super::cursor::{ReadCursor, ReadHint, Residency};
use super::error::{DamagedRange, ReadError};
use super::segment::{Damage, Segment};
use super::shared::{Shared, name_damage};
use super::walk::{Stop, Walk};
use crate::codec::index::IndexEntry;
use crate::types::{Offset, OffsetRange, StoredBatch};

/// Reads a log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
}

/// Figures about a log, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// What the segment files hold, in bytes; zeros written ahead are not counted.
    pub size_bytes: u64,
    /// How many segments there are.
    pub segment_count: usize,
    /// What is known to be damaged.
    pub damaged_ranges: Vec<DamagedRange>,
    /// The largest time of a record, in milliseconds since the Unix epoch.
    pub newest_timestamp_ms: Option<i64>,
    /// Whether appends are accepted: no write or sync has failed, and the end of the log is known.
    pub is_writable: bool,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>) -> LogReader {
        LogReader { shared }
    }

    /// The first offset that can still be read.
    #[must_use]
    pub fn log_start_offset(&self) -> Offset {
        self.shared.log_start()
    }

    /// The first offset that is not yet durable.
    #[must_use]
    pub fn durable_offset(&self) -> Offset {
        self.shared.durable()
    }

    /// Reads whole batches; see `StoreReader::read`, which this implements.
    ///
    /// # Errors
    /// See [`ReadError`]; the cursor then has not moved.
    pub fn read(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        self.read_segment(cursor, bytes_max, residency).map_err(|error| match error {
            // Retention has overtaken the read: what it ran into is not the disk's fault.
            ReadError::Io(_) | ReadError::Corrupt(_) if cursor.next < self.shared.log_start() => {
                ReadError::OutOfRange { available: self.available() }
            }
            error => error,
        })
    }

    fn available(&self) -> OffsetRange {
        OffsetRange { first: self.shared.log_start(), end: self.shared.durable() }
    }

    fn read_segment(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        let available = self.available();
        if cursor.next == available.end {
            return Ok(Vec::new());
        }
        if !available.contains(cursor.next) {
            return Err(ReadError::OutOfRange { available });
        }
        let segment = self.segment_of(cursor.next, available)?;
        if let Some(damage) = segment.damage_of(cursor.next) {
            return Err(ReadError::Corrupt(name_damage(&segment, &damage)));
        }
        let file = segment.file(&*self.shared.disk)?;
        let walk = Walk {
            file: &*file,
            segment: &segment,
            wanted: cursor.next,
            limit: available.end,
            bytes_max,
            residency,
            next: place_of(&segment.start()),
            batches: Vec::new(),
        };
        let walk = match self.walk_from_hint(&walk, cursor)? {
            Some(walk) => walk,
            None => self.walk_from_index(walk)?,
        };
        // The segment ended before the offset that was looked for: nothing of it is left in the file.
        let last =
            walk.batches.last().ok_or_else(|| ReadError::Corrupt(self.rest_of(&segment, cursor.next)))?;
        let hint = walk.next.previous_crc.map(|previous_crc| ReadHint {
            segment: segment.base,
            position: walk.next.position,
            previous_crc,
        });
        *cursor = ReadCursor { next: last.offsets.end, hint };
        Ok(walk.batches)
    }

    /// A cursor from which the first record whose time is not before `timestamp_ms` will be met; see
    /// `StoreReader::seek_time`, which this implements.
    ///
    /// # Errors
    /// What the disk said.
    pub fn seek_time(&self, timestamp_ms: i64) -> Result<ReadCursor, ReadError> {
        let start = self.shared.log_start();
        for segment in &**self.shared.segments.load() {
            let newest = segment.times().map_or(i64::MIN, |times| times.max_timestamp_ms);
            if segment.end_offset() <= start || newest < timestamp_ms {
                continue;
            }
            let entry = self.look_up(segment, |entry| entry.max_timestamp_before_ms < timestamp_ms)?;
            let offset = entry.map_or(segment.base, |entry| entry.offset);
            return Ok(ReadCursor::at(offset.max(start)));
        }
        Ok(ReadCursor::at(self.shared.durable()))
    }

    /// Figures for people.
    #[must_use]
    pub fn info(&self) -> LogInfo {
        let segments = self.shared.segments.load();
        LogInfo {
            size_bytes: segments.iter().map(|segment| segment.readable_upto().0).sum(),
            segment_count: segments.len(),
            damaged_ranges: self.shared.damaged_ranges(),
            newest_timestamp_ms: segments
                .iter()
                .filter_map(|segment| segment.times())
                .map(|times| times.max_timestamp_ms)
                .max(),
            is_writable: self.shared.is_writable(),
        }
    }

    /// The segment that holds `offset`, which lies in what is available.
    fn segment_of(&self, offset: Offset, available: OffsetRange) -> Result<Arc<Segment>, ReadError> {
        if let Some(missing) = self.shared.missing.read().iter().find(|range| range.offsets.contains(offset))
        {
            return Err(ReadError::Corrupt(missing.clone()));
        }
        let segments = self.shared.segments.load();
        let count = segments.partition_point(|segment| segment.base <= offset);
        match count.checked_sub(1).and_then(|last| segments.get(last)) {
            Some(segment) => Ok(Arc::clone(segment)),
            // Retention has moved the log start since it was looked at.
            None => Err(ReadError::OutOfRange {
                available: OffsetRange { first: self.shared.log_start(), end: available.end },
            }),
        }
    }

    /// The walk from where the last read has ended; `None` where that leads to nothing.
    fn walk_from_hint<'a>(
        &self,
        walk: &Walk<'a>,
        cursor: &ReadCursor,
    ) -> Result<Option<Walk<'a>>, ReadError> {
        let Some(hint) = cursor.hint.filter(|hint| hint.segment == walk.segment.base) else {
            return Ok(None);
        };
        let next = Place {
            position: hint.position,
            next_offset: cursor.next,
            previous_crc: Some(hint.previous_crc),
            open_epoch: 0,
        };
        let mut walk = Walk { next, batches: Vec::new(), ..*walk };
        walk.run()?;
        // A hint that is wrong may lead to a sound frame, but not to the one that was asked for.
        let leads_on = walk.batches.first().is_some_and(|batch| batch.offsets.contains(cursor.next));
        Ok(leads_on.then_some(walk))
    }

    /// The walk from the index. Passes over damage that hides other offsets.
    fn walk_from_index<'a>(&self, mut walk: Walk<'a>) -> Result<Walk<'a>, ReadError> {
        if walk.residency == Residency::CachedOnly && !walk.segment.index.is_loaded() {
            return Err(ReadError::NotCached);
        }
        let (wanted, beginning) = (walk.wanted, walk.next);
        walk.next = self.place_before(walk.segment, wanted)?.unwrap_or(beginning);
        let mut is_from_index = walk.next != beginning;
        // Each turn ends the read or passes over one stretch of damage, which lies further on than the last.
        loop {
            let Stop::Broken(what) = walk.run()? else { return Ok(walk) };
            if is_from_index && walk.segment.damage_at(walk.next.position).is_none() {
                // Either this is news, or the place that the index led to is the one that is damaged. Only a
                // chain that begins at the segment's header can tell which frame is to be blamed.
                walk.next = beginning;
                walk.batches.clear();
                is_from_index = false;
                continue;
            }
            let found = self.damage_at(&walk, what)?;
            if !walk.batches.is_empty() {
                return Ok(walk);
            }
            if found.offsets.contains(wanted) {
                return Err(ReadError::Corrupt(name_damage(walk.segment, &found)));
            }
            walk.next = Place {
                position: found.to,
                next_offset: walk.next.next_offset.max(found.offsets.end),
                previous_crc: None,
                ..walk.next
            };
        }
    }

    /// A place in the index from which a walk meets `wanted`: one entry earlier than needed, so that a frame is
    /// only served where it follows the one before it.
    fn place_before(&self, segment: &Segment, wanted: Offset) -> Result<Option<Place>, ReadError> {
        let Some(nearest) = self.look_up(segment, |entry| entry.offset <= wanted)? else { return Ok(None) };
        let before = self.look_up(segment, |entry| entry.offset < nearest.offset)?;
        Ok(before.map(|entry| Place {
            position: entry.position,
            next_offset: entry.offset,
            previous_crc: None,
            open_epoch: 0,
        }))
    }

    fn look_up(
        &self,
        segment: &Segment,
        is_before: impl Fn(&IndexEntry) -> bool,
    ) -> Result<Option<IndexEntry>, ReadError> {
        let file = segment.file(&*self.shared.disk)?;
        let path = segment.index_path(&self.shared.directory);
        let source = self.shared.index_source(segment, &*file, &path);
        Ok(segment.index.last_where(&source, is_before)?)
    }

    /// The damage that stands where the walk has stopped; looks how far it reaches, if that is not known yet.
    fn damage_at(&self, walk: &Walk<'_>, what: &'static str) -> Result<Damage, ReadError> {
        let segment = walk.segment;
        if let Some(known) = segment.damage_at(walk.next.position) {
            return Ok(known);
        }
        let found = walk.measure_damage(what)?;
        if segment.add_damage(found) {
            tracing::error!(
                path = %segment.path.display(), position = %found.from, offsets = %found.offsets, what,
                "damage found while reading: these offsets cannot be served"
            );
        }
        Ok(found)
    }

    fn rest_of(&self, segment: &Segment, first: Offset) -> DamagedRange {
        let segments = self.shared.segments.load();
        let following = segments.iter().map(|other| other.base).find(|base| *base > segment.base);
        let end = following.unwrap_or_else(|| self.shared.durable());
        DamagedRange {
            offsets: OffsetRange { first, end: end.max(first.plus(1)) },
            segment: segment.base,
            position: segment.readable_upto(),
            what: "records missing at the end of a segment",
        }
    }
}

fn place_of(chain: &ChainState) -> Place {
    Place {
        position: chain.position,
        next_offset: chain.next_offset,
        previous_crc: Some(chain.previous_crc),
        open_epoch: chain.open_epoch,
    }
}
