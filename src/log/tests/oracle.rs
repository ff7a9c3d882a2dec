//! What a damaged log may answer, and nothing else: every batch whose bytes are whole is served as it was, at
//! its offset; every other one is named; only behind what is proved durable may the end of the log be taken
//! for a torn write.

use std::path::Path;

use super::damage_lab::*;
use super::support::*;
use crate::codec::segment_header::SegmentHeader;
use crate::disk::simulated::SimulatedDisk;
use crate::log::recovery::OpeningReport;
use crate::log::{Log, LogReader, ReadCursor, ReadError, Residency};
use crate::types::num::{to_u64, to_usize};
use crate::types::{Offset, StoredBatch};

/// What must become of a frame's offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its bytes are whole: served.
    Served,
    /// They are not: the offsets are named as damaged.
    Named,
    /// It lies in the documented window: gone, or as its bytes say.
    Window,
}

/// Whether the log was open when it was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) enum When {
    AtRest,
    UnderOpenLog,
}

/// The judge of one damaged file.
pub(in crate::log) struct Oracle<'a> {
    image: &'a Image,
    damaged: Vec<u8>,
    fates: Vec<Fate>,
    is_touched: Vec<bool>,
    /// What was appended since.
    appended: Vec<StoredBatch>,
}

impl<'a> Oracle<'a> {
    /// The judge of `disk`, which is `image` but for the file at `path`.
    pub(in crate::log) fn new(image: &'a Image, disk: &SimulatedDisk, path: &Path, when: When) -> Oracle<'a> {
        let damaged = disk.read_all(path);
        let original = &image.files[path];
        let segment = segment_of(path);
        let is_touched: Vec<bool> = image
            .frames
            .iter()
            .map(|frame| {
                Some(frame.segment) == segment
                    && damaged.get(frame.from..frame.to) != original.get(frame.from..frame.to)
            })
            .collect();
        let mut oracle = Oracle { image, damaged, fates: Vec::new(), is_touched, appended: Vec::new() };
        oracle.fates = oracle.decide(segment, original, when);
        oracle
    }

    fn decide(&self, segment: Option<Offset>, original: &[u8], when: When) -> Vec<Fate> {
        let header = |bytes: &[u8]| SegmentHeader::decode(&bytes[..bytes.len().min(1024)]).map(|h| h.header);
        let is_header_lost =
            segment.is_some() && when == When::AtRest && header(&self.damaged) != header(original);
        let is_head = segment == Some(self.image.head);
        let window = if is_head && when == When::AtRest { self.window_from() } else { None };
        let frames = self.image.frames.iter().zip(&self.is_touched);
        frames
            .map(|(frame, is_touched)| match () {
                () if Some(frame.segment) != segment => Fate::Served,
                () if is_header_lost && is_head => Fate::Window,
                () if is_header_lost => Fate::Named,
                () if window.is_some_and(|from| frame.from >= from) => Fate::Window,
                () if *is_touched => Fate::Named,
                () => Fate::Served,
            })
            .collect()
    }

    /// Where the documented window of the head opens: at the first frame that is hurt and lies behind all that
    /// is proved by the checkpoint and by the frames that are whole.
    fn window_from(&self) -> Option<usize> {
        let head = || {
            let frames = self.image.frames.iter().zip(&self.is_touched);
            frames.filter(|(frame, _)| frame.segment == self.image.head)
        };
        let vouched = head().filter(|(_, touched)| !**touched).map(|(frame, _)| frame.header.durable_upto.0);
        let proof = &self.image.proof;
        let checkpointed = if proof.segment == self.image.head { proof.position.0 } else { 0 };
        let proved = to_usize(vouched.max().unwrap_or(0).max(checkpointed));
        head().filter(|(frame, touched)| **touched && frame.from >= proved).map(|(frame, _)| frame.from).min()
    }

    /// How many batches must be named.
    pub(in crate::log) fn named(&self) -> usize {
        let frames = self.image.frames.iter().zip(&self.fates);
        frames.filter(|(frame, fate)| **fate == Fate::Named && frame.batch.is_some()).count()
    }

    /// Reads everything, in pieces of `bytes_max`, and judges it.
    pub(in crate::log) fn judge(&self, reader: &LogReader, bytes_max: usize) {
        let mut cursor = ReadCursor::at(reader.log_start_offset());
        assert_eq!(cursor.next, Offset::ZERO);
        let durable = reader.durable_offset();
        while cursor.next < durable {
            let before = cursor.next;
            match reader.read(&mut cursor, bytes_max, Residency::MayBlock) {
                Ok(batches) => self.judge_batches(before, &batches),
                Err(ReadError::Corrupt(range)) => {
                    assert!(range.offsets.contains(before), "{before} is refused for {range:?}");
                    self.judge_refusal(range.offsets.first, range.offsets.end);
                    cursor = ReadCursor::at(range.offsets.end);
                }
                Err(error) => panic!("offset {before}: {error:?}"),
            }
            assert!(cursor.next > before);
        }
        for (frame, fate) in self.image.frames.iter().zip(&self.fates) {
            let is_there = frame.header.offsets.end <= durable || frame.header.is_empty();
            assert!(is_there || *fate == Fate::Window, "{fate:?} {frame:?} lies behind the end, {durable}");
        }
    }

    fn judge_batches(&self, from: Offset, batches: &[StoredBatch]) {
        assert!(!batches.is_empty(), "nothing is read at {from}");
        let mut next = from;
        for batch in batches {
            assert_eq!(batch.base_offset(), next, "a gap or a repetition");
            next = batch.offsets.end;
            let (expected, is_touched) = self.expected(batch.base_offset());
            assert!(!is_touched, "a batch whose bytes are damaged is served: {batch:?}");
            assert_eq!(Some(batch), expected, "wrong bytes");
        }
    }

    fn expected(&self, base: Offset) -> (Option<&StoredBatch>, bool) {
        if let Some(batch) = self.appended.iter().find(|batch| batch.base_offset() == base) {
            return (Some(batch), false);
        }
        let is_it = |frame: &PlacedFrame| frame.batch.is_some() && frame.header.offsets.first == base;
        let index = self.image.frames.iter().position(is_it).unwrap_or_else(|| panic!("{base} is no batch"));
        (self.image.frames[index].batch.as_ref(), self.is_touched[index])
    }

    /// Only what is hurt may be refused.
    fn judge_refusal(&self, first: Offset, end: Offset) {
        for (index, frame) in self.image.frames.iter().enumerate() {
            let offsets = frame.header.offsets;
            if offsets.first < end && first < offsets.end {
                let may_be = self.fates[index] != Fate::Served;
                assert!(may_be, "{first}..{end} is refused, but {offsets} is whole: {frame:?}");
            }
        }
        for batch in &self.appended {
            let overlaps = batch.offsets.first < end && first < batch.offsets.end;
            assert!(!overlaps, "{first}..{end} is refused, but {} was appended later", batch.offsets);
        }
    }

    /// What was cut off is kept elsewhere; what was not is as it was found.
    pub(in crate::log) fn judge_evidence(&self, disk: &SimulatedDisk, path: &Path, report: &OpeningReport) {
        if segment_of(path).is_none() {
            return;
        }
        let found = &self.damaged;
        let kept = disk.read_all(path);
        let frames_to = segment_of(path).map_or(0, |base| self.image.frames_end(base)).min(found.len());
        match &report.torn {
            Some((len, evidence)) => {
                let name = evidence.file_name().unwrap().to_str().unwrap();
                let from: usize = name.split('.').nth(1).unwrap().parse().unwrap();
                assert_eq!(disk.read_all(evidence), found[from..from + to_usize(*len)]);
                assert_eq!(kept[..from], found[..from]);
            }
            None => assert_eq!(kept[..frames_to], found[..frames_to]),
        }
    }

    /// Appends, which must work, at an offset that nothing served has.
    pub(in crate::log) fn append(&mut self, log: &mut Log) {
        let (reader, durable) = (log.reader(), log.reader().durable_offset());
        let base = append(log, to_u64(self.appended.len()) + 77, 3, 150);
        assert_eq!(base, durable);
        let read = read_from(&reader, base).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].payload, payload(to_u64(self.appended.len()) + 77, 150));
        self.appended.extend(read);
    }
}
