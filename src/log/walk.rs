//! One walk over the frames of a segment, for a read: from a place at or before the wanted offset, chunk by
//! chunk, until enough has been gathered. Batches are slices of the chunk they lie in.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::chain::{ChainState, Place, check_body, check_place};
use super::cursor::Residency;
use super::error::ReadError;
use super::scan::find_frame;
use super::segment::{Damage, Segment};
use crate::codec::frame::{FrameHeader, HEADER_LEN, decode_deltas};
use crate::disk::{DiskFile, DiskResultExt, read_exact_at};
use crate::types::num::{to_u64, to_usize, u32_to_usize};
use crate::types::{FilePosition, Offset, OffsetRange, StoredBatch};

/// While frames before the wanted one are passed over, only so much is read at once.
const SEEK_CHUNK_BYTES: usize = 64 * 1024;

const CUT_SHORT: &str = "a frame cut short by the end of the file";

pub(super) struct Walk<'a> {
    pub(super) file: &'a dyn DiskFile,
    pub(super) segment: &'a Segment,
    pub(super) wanted: Offset,
    /// Frames from this offset on are not read.
    pub(super) limit: Offset,
    pub(super) bytes_max: usize,
    pub(super) residency: Residency,
    /// What is known of the next frame.
    pub(super) next: Place,
    pub(super) batches: Vec<StoredBatch>,
}

/// Why a walk has stopped.
pub(super) enum Stop {
    /// Enough was gathered, or the end was reached.
    Done,
    /// The bytes at the walk's position are not the next frame.
    Broken(&'static str),
}

/// What to do behind a frame.
enum Step {
    Next,
    /// The frame does not lie in the chunk as a whole; this many bytes from its beginning are wanted.
    Need(usize),
    Stop(Stop),
}

impl Walk<'_> {
    pub(super) fn run(&mut self) -> Result<Stop, ReadError> {
        let end = self.segment.readable_upto();
        let mut len_wanted = self.chunk_len();
        while self.next.position < end {
            let chunk_at = self.next.position;
            let len = to_usize(end.since(chunk_at)).min(len_wanted);
            let chunk = self.read_chunk(len)?;
            len_wanted = loop {
                let rest = chunk.slice(to_usize(self.next.position.since(chunk_at)).min(chunk.len())..);
                match self.step(&rest, end) {
                    Step::Next => {}
                    Step::Stop(stop) => return Ok(stop),
                    Step::Need(_) if !self.batches.is_empty() => return Ok(Stop::Done),
                    // Reading the same again would give the same: the rest is not in memory, or gone.
                    Step::Need(_) if self.next.position == chunk_at && chunk.len() < len => {
                        return match self.residency {
                            Residency::CachedOnly => Err(ReadError::NotCached),
                            Residency::MayBlock => Ok(Stop::Broken(CUT_SHORT)),
                        };
                    }
                    Step::Need(len) => break len,
                }
            };
        }
        Ok(Stop::Done)
    }

    fn chunk_len(&self) -> usize {
        let len = if self.next.next_offset >= self.wanted { self.bytes_max } else { SEEK_CHUNK_BYTES };
        len.saturating_add(HEADER_LEN)
    }

    /// The bytes at the walk's position: all of them if it may block, as far as the file goes; otherwise as
    /// many as are in memory.
    fn read_chunk(&self, len: usize) -> Result<Bytes, ReadError> {
        let path = &self.segment.path;
        let mut buf = vec![0; len];
        match self.residency {
            Residency::MayBlock => self.fill(&mut buf).during("read", path)?,
            Residency::CachedOnly => match self.file.read_cached_at(&mut buf, self.next.position) {
                Ok(Some(read)) if read > 0 => buf.truncate(read),
                Ok(_) => return Err(ReadError::NotCached),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(ReadError::NotCached),
                Err(error) => return Err(error).during("read", path).map_err(ReadError::Io),
            },
        }
        Ok(Bytes::from(buf))
    }

    /// Fills `buf` from the walk's position. A file that is shorter than it was is damaged, and what is left
    /// of it can be read: that is no failure of the disk.
    fn fill(&self, buf: &mut Vec<u8>) -> io::Result<()> {
        match read_exact_at(self.file, buf, self.next.position) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let left = self.file.len()?.saturating_sub(self.next.position.0);
                buf.truncate(to_usize(left));
                read_exact_at(self.file, buf, self.next.position)
            }
            other => other,
        }
    }

    fn step(&mut self, rest: &Bytes, end: FilePosition) -> Step {
        if self.next.position >= end {
            return Step::Stop(Stop::Done);
        }
        if rest.len() < HEADER_LEN {
            let is_cut_short = end.since(self.next.position) < to_u64(HEADER_LEN);
            return if is_cut_short {
                Step::Stop(Stop::Broken(CUT_SHORT))
            } else {
                Step::Need(self.chunk_len())
            };
        }
        let (header, crc) = match self.check_header(rest) {
            Ok(checked) => checked,
            Err(what) => return Step::Stop(Stop::Broken(what)),
        };
        if header.end_position() > end {
            return Step::Stop(Stop::Broken(CUT_SHORT));
        }
        if header.is_empty() || header.offsets.end <= self.wanted {
            self.pass(&header, crc);
            return Step::Next;
        }
        let is_enough =
            !self.batches.is_empty() && self.gathered() + u32_to_usize(header.payload_len) > self.bytes_max;
        if is_enough || header.offsets.first >= self.limit {
            return Step::Stop(Stop::Done);
        }
        let frame_len = to_usize(header.frame_len());
        let Some(frame) = rest.get(..frame_len) else {
            return Step::Need(frame_len);
        };
        if let Err(what) = check_body(&header, frame) {
            return Step::Stop(Stop::Broken(what));
        }
        self.batches.push(stored_batch(&header, rest));
        self.pass(&header, crc);
        Step::Next
    }

    fn check_header(&self, rest: &[u8]) -> Result<(FrameHeader, u32), &'static str> {
        let (header, crc) = FrameHeader::decode(rest).map_err(|error| error.0)?;
        check_place(&header, self.segment.nonce, self.next)?;
        Ok((header, crc))
    }

    fn pass(&mut self, header: &FrameHeader, crc: u32) {
        self.next = Place {
            position: header.end_position(),
            next_offset: header.offsets.end,
            previous_crc: Some(crc),
            open_epoch: header.open_epoch,
        };
    }

    fn gathered(&self) -> usize {
        self.batches.iter().map(|batch| batch.payload.len()).sum()
    }

    /// How far the damage at the walk's position reaches, and which offsets it hides.
    pub(super) fn measure_damage(&self, what: &'static str) -> Result<Damage, ReadError> {
        if self.residency == Residency::CachedOnly {
            return Err(ReadError::NotCached);
        }
        let path = &self.segment.path;
        let (from, end) = (self.next.position, self.segment.readable_upto());
        let mut header_bytes = vec![0; HEADER_LEN.min(to_usize(end.since(from)))];
        self.fill(&mut header_bytes).during("read", path)?;
        // A sound header over a rotten payload names its offsets exactly.
        if let Ok((header, _)) = self.check_header(&header_bytes)
            && header.end_position() <= end
        {
            return Ok(Damage { from, to: header.end_position(), offsets: header.offsets, what });
        }
        let Place { next_offset, open_epoch, .. } = self.next;
        let chain = ChainState { position: from, next_offset, open_epoch, ..self.segment.start() };
        let next =
            find_frame(self.file, self.segment.nonce, chain, from.plus(1), end).during("read", path)?;
        let (to, end_offset) = match next {
            Some(header) => (header.position, header.offsets.first),
            None => (end, self.segment.end_offset()),
        };
        let offsets =
            OffsetRange { first: self.next.next_offset, end: end_offset.max(self.next.next_offset) };
        Ok(Damage { from, to, offsets, what })
    }
}

/// The batch of a frame that has been checked and lies in `frame`.
fn stored_batch(header: &FrameHeader, frame: &Bytes) -> StoredBatch {
    let body_at = HEADER_LEN + header.deltas_len();
    let deltas = frame.get(HEADER_LEN..body_at).filter(|_| header.has_deltas);
    StoredBatch {
        offsets: header.offsets,
        offset_deltas: deltas.and_then(|bytes| decode_deltas(header, bytes).ok()).map(Arc::from),
        record_count: header.record_count,
        append_time_ms: header.append_time_ms,
        max_timestamp_ms: header.max_timestamp_ms,
        timestamp_type: header.timestamp_type,
        compression: header.compression,
        payload: frame.slice(body_at.min(frame.len())..to_usize(header.frame_len()).min(frame.len())),
    }
}
