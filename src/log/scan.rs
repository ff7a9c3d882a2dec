//! Walks over the bytes of a segment and says what is there: chained frames, frames with a rotten payload,
//! stretches that are neither, and what the tail looks like. It judges nothing: see `recovery::plan`.
//!
//! Memory is bounded by one window, which grows to the longest frame found.

use std::io;

use memchr::memmem;

use super::chain::{ChainState, Checked, check_frame};
use crate::codec::footer::{FOOTER_LEN, Footer};
use crate::codec::frame::{self, FRAME_BYTES_MAX, FrameHeader, HEADER_LEN};
use crate::codec::index::IndexEntry;
use crate::disk::{DiskFile, read_exact_at};
use crate::types::num::{to_u64, to_usize};
use crate::types::{FilePosition, OffsetRange};

const WINDOW_BYTES: u64 = 1024 * 1024;

/// The largest block that disks and file systems in use write as one, in bytes.
const BLOCK_BYTES: u64 = 4096;

/// A stretch of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where it begins.
    pub from: FilePosition,
    /// Where it ends, exclusive.
    pub to: FilePosition,
    /// The offsets that it holds, or that are missing in it.
    pub offsets: OffsetRange,
    /// What it is.
    pub kind: ExtentKind,
    /// The chain behind it.
    pub after: ChainState,
}

/// What a stretch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtentKind {
    /// Sound frames, each chained to the one before.
    Frames,
    /// One frame with a sound, chained header, and a payload or delta table that its CRC does not match.
    Rotten(&'static str),
    /// No chained frames; a sound frame of this segment follows it, at its end.
    Gap(&'static str),
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// The stretches, in order and without holes, from where the scan began.
    pub extents: Vec<Extent>,
    /// The chain behind the last stretch.
    pub end: ChainState,
    /// What stands at the end.
    pub tail: Tail,
    /// The greatest position that a sound frame header says was synced.
    pub durable_upto: FilePosition,
    /// The greatest epoch of a sound frame header.
    pub open_epoch: u32,
    /// Index entries for the sound frames, one every so many bytes.
    pub index: Vec<IndexEntry>,
    /// The file's length in bytes.
    pub file_len: u64,
}

/// What stands behind the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing, or only zeros.
    Zeros,
    /// A sound footer, and behind it nothing, or only zeros.
    Footer(Footer),
    /// Something else. `nonzero_end` is the position behind the last byte that is not zero.
    Torn {
        /// Where the zeros begin again, or the file ends.
        nonzero_end: FilePosition,
        /// What is wrong with the bytes at the beginning of the tail.
        what: &'static str,
    },
}

/// Scans `file` from the place that `start` describes to its end.
///
/// # Errors
/// What the disk said.
pub(super) fn scan(
    file: &dyn DiskFile,
    nonce: u64,
    start: ChainState,
    index_interval_bytes: u64,
) -> io::Result<Scan> {
    scan_with(file, nonce, start, index_interval_bytes, &mut |_, _| {})
}

/// The same, and shows each sound frame, header and payload, on the way.
///
/// # Errors
/// What the disk said.
pub(super) fn scan_with(
    file: &dyn DiskFile,
    nonce: u64,
    start: ChainState,
    index_interval_bytes: u64,
    observe: &mut dyn FnMut(&FrameHeader, &[u8]),
) -> io::Result<Scan> {
    let mut scanner = Scanner {
        source: Source { file, file_len: file.len()?, window: Vec::new(), window_at: FilePosition::ZERO },
        nonce,
        index_interval_bytes,
        result: Scan {
            extents: Vec::new(),
            end: start,
            tail: Tail::Zeros,
            durable_upto: FilePosition::ZERO,
            open_epoch: 0,
            index: Vec::new(),
            file_len: file.len()?,
        },
        last_indexed: None,
    };
    scanner.run(observe)?;
    Ok(scanner.result)
}

/// The first sound frame of this segment at or behind `from` and before `until` whose offsets do not lie
/// before `chain`'s.
///
/// # Errors
/// What the disk said.
pub(super) fn find_frame(
    file: &dyn DiskFile,
    nonce: u64,
    chain: ChainState,
    from: FilePosition,
    until: FilePosition,
) -> io::Result<Option<FrameHeader>> {
    let mut source = Source {
        file,
        file_len: file.len()?.min(until.0),
        window: Vec::new(),
        window_at: FilePosition::ZERO,
    };
    source.find_frame(nonce, chain, from).map(|found| found.map(|(header, _)| header))
}

struct Scanner<'a> {
    source: Source<'a>,
    nonce: u64,
    index_interval_bytes: u64,
    result: Scan,
    last_indexed: Option<FilePosition>,
}

impl Scanner<'_> {
    fn run(&mut self, observe: &mut dyn FnMut(&FrameHeader, &[u8])) -> io::Result<()> {
        loop {
            let chain = self.result.end;
            match self.source.check_at(self.nonce, chain)? {
                Checked::Sound(header, crc) => {
                    let frame = self.source.bytes(chain.position, to_usize(header.frame_len()))?;
                    let payload_at = HEADER_LEN + header.deltas_len();
                    observe(&header, frame.get(payload_at..to_usize(header.frame_len())).unwrap_or(&[]));
                    self.see(&header);
                    self.push_frame(&header, chain.after(&header, crc));
                }
                Checked::Rotten(header, crc, what) => {
                    self.see(&header);
                    let after = chain.after(&header, crc);
                    self.push(ExtentKind::Rotten(what), header.offsets, after);
                }
                Checked::Broken(what) => {
                    if self.finish(what)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// At bytes that are no chained frame: goes on behind them if a frame follows, else ends the scan.
    fn finish(&mut self, what: &'static str) -> io::Result<bool> {
        let chain = self.result.end;
        if let Some(footer) = self.source.footer_at(chain.position, self.nonce)? {
            let behind = chain.position.plus(to_u64(FOOTER_LEN));
            if self.source.nonzero_end(behind)? == behind {
                self.result.tail = Tail::Footer(footer);
                return Ok(true);
            }
        }
        match self.source.find_frame(self.nonce, chain, chain.position.plus(1))? {
            Some((header, _)) => {
                let missing = OffsetRange { first: chain.next_offset, end: header.offsets.first };
                self.push(ExtentKind::Gap(what), missing, chain.resumed_at(&header));
                Ok(false)
            }
            None => {
                let nonzero_end = self.source.nonzero_end(chain.position)?;
                if nonzero_end > chain.position {
                    self.result.tail = Tail::Torn { nonzero_end, what };
                }
                Ok(true)
            }
        }
    }

    fn see(&mut self, header: &FrameHeader) {
        self.result.durable_upto = self.result.durable_upto.max(header.durable_upto);
        self.result.open_epoch = self.result.open_epoch.max(header.open_epoch);
    }

    fn push_frame(&mut self, header: &FrameHeader, after: ChainState) {
        let due =
            self.last_indexed.is_none_or(|last| header.position.since(last) >= self.index_interval_bytes);
        if due {
            let max_timestamp_before_ms =
                self.result.end.times.map_or(i64::MIN, |times| times.max_timestamp_ms);
            let entry = IndexEntry {
                offset: header.offsets.first,
                position: header.position,
                max_timestamp_before_ms,
            };
            self.result.index.push(entry);
            self.last_indexed = Some(header.position);
        }
        match self.result.extents.last_mut() {
            Some(extent) if extent.kind == ExtentKind::Frames => {
                extent.to = after.position;
                extent.offsets.end = after.next_offset;
                extent.after = after;
                self.result.end = after;
            }
            _ => self.push(ExtentKind::Frames, header.offsets, after),
        }
    }

    fn push(&mut self, kind: ExtentKind, offsets: OffsetRange, after: ChainState) {
        let from = self.result.end.position;
        self.result.extents.push(Extent { from, to: after.position, offsets, kind, after });
        self.result.end = after;
    }
}

/// A file, read through a window.
struct Source<'a> {
    file: &'a dyn DiskFile,
    file_len: u64,
    window: Vec<u8>,
    window_at: FilePosition,
}

impl Source<'_> {
    /// The bytes from `at` on: at least `wanted` of them, unless the file ends before.
    fn bytes(&mut self, at: FilePosition, wanted: usize) -> io::Result<&[u8]> {
        let available = self.file_len.saturating_sub(at.0);
        let wanted = to_u64(wanted).min(available);
        let have_until = self.window_at.plus(to_u64(self.window.len()));
        if at < self.window_at || at.plus(wanted) > have_until {
            let len = to_usize(available.min(wanted.max(WINDOW_BYTES)));
            self.window.resize(len, 0);
            self.window_at = at;
            if let Err(error) = read_exact_at(self.file, &mut self.window, at) {
                self.window.clear();
                return Err(error);
            }
        }
        Ok(self.window.get(to_usize(at.since(self.window_at))..).unwrap_or(&[]))
    }

    fn check_at(&mut self, nonce: u64, chain: ChainState) -> io::Result<Checked> {
        let at = chain.position;
        let header = self.bytes(at, HEADER_LEN)?;
        let wanted = match FrameHeader::decode(header) {
            Ok((header, _)) => to_usize(header.frame_len()).min(FRAME_BYTES_MAX),
            Err(error) => return Ok(Checked::Broken(error.0)),
        };
        Ok(check_frame(self.bytes(at, wanted)?, nonce, chain))
    }

    fn footer_at(&mut self, at: FilePosition, nonce: u64) -> io::Result<Option<Footer>> {
        let bytes = self.bytes(at, FOOTER_LEN)?;
        Ok(bytes.get(..FOOTER_LEN).and_then(|bytes| Footer::decode(bytes, at, nonce).ok()))
    }

    /// The first sound frame from `from` on that can follow `chain`, if not as the very next one.
    fn find_frame(
        &mut self,
        nonce: u64,
        chain: ChainState,
        from: FilePosition,
    ) -> io::Result<Option<(FrameHeader, u32)>> {
        let (mut at, file_end) = (from, FilePosition(self.file_len));
        while let Some((header, crc)) = self.find_header(nonce, at, file_end)? {
            // Its own word is taken for the frame before it, which is not to be seen; the rest must be right.
            let position = header.position;
            let adopted = ChainState { position, previous_crc: header.previous_crc, ..chain };
            let is_sound = matches!(self.check_at(nonce, adopted)?, Checked::Sound(..));
            if is_sound && !self.is_stale(&header, crc)? {
                return Ok(Some((header, crc)));
            }
            at = position.plus(1);
        }
        Ok(None)
    }

    /// The first sound header of this segment, and in its own place, between `from` and `until`.
    fn find_header(
        &mut self,
        nonce: u64,
        from: FilePosition,
        until: FilePosition,
    ) -> io::Result<Option<(FrameHeader, u32)>> {
        let mut at = from;
        while at < until && at.0 < self.file_len {
            let bytes = self.bytes(at, HEADER_LEN)?;
            let Some(found) = memmem::find(bytes, &frame::MAGIC) else {
                // The magic may straddle the end of the window.
                at = at.plus(to_u64((bytes.len()).saturating_sub(frame::MAGIC.len() - 1).max(1)));
                continue;
            };
            at = at.plus(to_u64(found));
            match FrameHeader::decode(self.bytes(at, HEADER_LEN)?) {
                Ok((header, crc)) if at < until && header.nonce == nonce && header.position == at => {
                    return Ok(Some((header, crc)));
                }
                _ => at = at.plus(1),
            }
        }
        Ok(None)
    }

    /// Whether the frames behind a frame, which nothing connects to those before it, give it the lie: it was
    /// written once, cut off by a recovery, and is back because a later write of its block is lost. That brings
    /// back only frames that lie within the block, so that no more needs to be looked at.
    fn is_stale(&mut self, suspect: &FrameHeader, crc: u32) -> io::Result<bool> {
        let (mut end, mut last_crc) = (suspect.end_position(), crc);
        let (mut at, until) = (end, end.plus(BLOCK_BYTES));
        while let Some((header, crc)) = self.find_header(suspect.nonce, at, until)? {
            if header.position == end && header.previous_crc != last_crc {
                return Ok(true);
            }
            // What was not synced when a frame was written, the same opening had written.
            if header.durable_upto <= suspect.position && header.open_epoch != suspect.open_epoch {
                return Ok(true);
            }
            if header.position == end {
                (end, last_crc) = (header.end_position(), crc);
            }
            at = header.end_position();
        }
        Ok(false)
    }

    /// The position behind the last byte from `from` on that is not zero; `from` where there is none.
    fn nonzero_end(&mut self, from: FilePosition) -> io::Result<FilePosition> {
        let (mut at, mut end) = (from, from);
        while at.0 < self.file_len {
            let bytes = self.bytes(at, 1)?;
            let len = to_u64(bytes.len());
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                end = at.plus(to_u64(last) + 1);
            }
            at = at.plus(len);
        }
        Ok(end)
    }
}
