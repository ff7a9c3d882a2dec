//! A log to be damaged: a sealed segment and a head, about 64 KiB together, whose every frame is known, on a
//! disk that can be had again and again; and the wounds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::support::*;
use crate::codec::checkpoint::Proof;
use crate::codec::frame::FrameHeader;
use crate::codec::segment_header::FRAMES_START;
use crate::disk::simulated::SimulatedDisk;
use crate::disk::simulated::rng::SplitMix64;
use crate::log::Log;
use crate::log::checkpoints::Checkpoints;
use crate::log::layout::parse_segment_name;
use crate::types::num::to_usize;
use crate::types::{LogConfig, Offset, StoredBatch};

/// How the log was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) enum Ending {
    /// Nothing vouches for the last group: the documented window is open.
    Unvouched,
    /// A vouching frame follows the last group.
    Vouched,
    /// It was closed.
    Closed,
}

/// A frame, where it lies.
#[derive(Clone, Debug)]
pub(in crate::log) struct PlacedFrame {
    pub(in crate::log) segment: Offset,
    pub(in crate::log) from: usize,
    pub(in crate::log) to: usize,
    pub(in crate::log) header: FrameHeader,
    /// None for a vouching frame.
    pub(in crate::log) batch: Option<StoredBatch>,
}

/// A log at rest, and all that is known of it.
#[derive(Debug)]
pub(in crate::log) struct Image {
    disk: SimulatedDisk,
    pub(in crate::log) frames: Vec<PlacedFrame>,
    pub(in crate::log) files: BTreeMap<PathBuf, Vec<u8>>,
    /// The files as they were at earlier times.
    pub(in crate::log) stale: Vec<BTreeMap<PathBuf, Vec<u8>>>,
    pub(in crate::log) head: Offset,
    pub(in crate::log) proof: Proof,
}

/// Settings under which the image has two segments, and several checkpoints.
pub(in crate::log) fn lab_config() -> LogConfig {
    LogConfig {
        segment_bytes: 40 * 1024,
        index_interval_bytes: 2048,
        write_ahead_bytes_max: 8 * 1024,
        checkpoint_interval_bytes: 12 * 1024,
        ..small_config()
    }
}

fn open_lab(disk: &SimulatedDisk) -> Log {
    open_with(disk, lab_config()).unwrap().log
}

impl Image {
    pub(in crate::log) fn new(ending: Ending) -> Image {
        let mut rng = SplitMix64::new(4);
        let disk = disk_with_log();
        let mut log = open_lab(&disk);
        let mut stale = Vec::new();
        grow(&mut log, &mut rng, |log| log.shared.segments.load().len() == 2);
        grow(&mut log, &mut rng, |log| head_len(log) > 9_000);
        stale.push(snapshot(&disk));
        let (disk, mut log) = lose_a_frame(&disk, log, &mut rng, &mut stale);
        grow(&mut log, &mut rng, |log| head_len(log) > 22_000);
        vouch_without_checkpoint(&mut log);
        append_group(&mut log, &mut rng, 3);
        match ending {
            Ending::Unvouched => {}
            Ending::Vouched => vouch_without_checkpoint(&mut log),
            Ending::Closed => log.close().unwrap(),
        }
        run_jobs(&mut log);
        let batches = read_all(&log);
        let head = log.shared.segments.load()[1].base;
        drop(log);
        let disk = disk.after_power_cut(0);
        let proof = Checkpoints::peek(&disk, &directory(), IDENTITY).unwrap().proof;
        let files = snapshot(&disk);
        let frames = place_frames(&files, &batches);
        Image { disk, frames, files, stale, head, proof }
    }

    /// A disk of its own with the log on it.
    pub(in crate::log) fn disk(&self) -> SimulatedDisk {
        self.disk.after_power_cut(0)
    }

    /// The segment files, in order.
    pub(in crate::log) fn segments(&self) -> Vec<(Offset, PathBuf)> {
        self.files.keys().filter_map(|path| Some((segment_of(path)?, path.clone()))).collect()
    }

    /// Where the frames of a segment end.
    pub(in crate::log) fn frames_end(&self, segment: Offset) -> usize {
        self.frames.iter().filter(|frame| frame.segment == segment).map(|frame| frame.to).max().unwrap_or(0)
    }

    /// Indexes and checkpoints.
    pub(in crate::log) fn small_files(&self) -> Vec<PathBuf> {
        self.files.keys().filter(|path| segment_of(path).is_none() && !is_evidence(path)).cloned().collect()
    }
}

/// As after a crash between the two: with the checkpoint, the opening would look at nothing before it.
fn vouch_without_checkpoint(log: &mut Log) {
    run_jobs(log);
    log.vouch().unwrap();
    drop(log.background_job());
}

pub(in crate::log) fn segment_of(path: &Path) -> Option<Offset> {
    parse_segment_name(path.file_name()?.to_str()?)
}

fn is_evidence(path: &Path) -> bool {
    path.parent().is_some_and(|parent| parent != directory())
}

pub(in crate::log) fn snapshot(disk: &SimulatedDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    disk.paths().into_iter().map(|path| (path.clone(), disk.read_all(&path))).collect()
}

fn head_len(log: &Log) -> u64 {
    log.shared.segments.load().last().map_or(0, |segment| segment.readable_upto().0)
}

fn grow(log: &mut Log, rng: &mut SplitMix64, is_enough: impl Fn(&Log) -> bool) {
    while !is_enough(log) {
        let batches = 1 + rng.below(3);
        append_group(log, rng, batches);
        if rng.chance(1, 4) {
            log.vouch().unwrap();
            run_jobs(log);
        }
    }
}

/// Appends that many batches, small and large ones, in one commit.
fn append_group(log: &mut Log, rng: &mut SplitMix64, batches: u64) {
    let batches: Vec<_> = (0..batches)
        .map(|_| {
            let len = [8 + rng.below(40), 100 + rng.below(300), 600 + rng.below(900)][to_usize(rng.below(3))];
            batch(rng.next_u64(), 1 + rng.below(4) as u32, to_usize(len))
        })
        .collect();
    log.append(&batches, 1_000).unwrap();
    log.sync().unwrap();
    run_jobs(log);
}

/// The history of scenario 18: of a commit that was never synced, the first frame is lost and the others are
/// found; recovery cuts them off. The commit that follows puts other frames of the same lengths in their
/// places. A stale sector of before is then a sound frame, in the right segment and at the right place.
fn lose_a_frame(
    disk: &SimulatedDisk,
    mut log: Log,
    rng: &mut SplitMix64,
    stale: &mut Vec<BTreeMap<PathBuf, Vec<u8>>>,
) -> (SimulatedDisk, Log) {
    let position = to_usize(head_len(&log));
    log.append(&small_group(rng), 1_000).unwrap();
    let path = log.shared.segments.load()[1].path.clone();
    drop(log);
    let disk = disk.after_power_cut(1);
    disk.overwrite(&path, position, &[0; 128]);
    stale.push(snapshot(&disk));
    let opened = open_with(&disk, lab_config()).unwrap();
    assert!(opened.report.torn.is_some());
    let mut log = opened.log;
    log.append(&small_group(rng), 1_000).unwrap();
    log.sync().unwrap();
    run_jobs(&mut log);
    (disk, log)
}

fn small_group(rng: &mut SplitMix64) -> Vec<crate::types::NewBatch> {
    (0..12).map(|_| batch(rng.next_u64(), 2, 16)).collect()
}

fn place_frames(files: &BTreeMap<PathBuf, Vec<u8>>, batches: &[StoredBatch]) -> Vec<PlacedFrame> {
    let mut frames = Vec::new();
    for (path, bytes) in files {
        let Some(segment) = segment_of(path) else { continue };
        let mut from = to_usize(FRAMES_START.0);
        while let Ok((header, _)) = FrameHeader::decode(bytes.get(from..).unwrap_or(&[])) {
            let to = from + to_usize(header.frame_len());
            let batch = batches.iter().find(|b| !header.is_empty() && b.offsets == header.offsets).cloned();
            assert_eq!(batch.is_none(), header.is_empty());
            frames.push(PlacedFrame { segment, from, to, header, batch });
            from = to;
        }
    }
    let placed = frames.iter().filter(|frame| frame.batch.is_some()).count();
    assert_eq!(placed, batches.len(), "every batch has its frame");
    frames
}

/// What is done to a file.
#[derive(Clone, Debug)]
pub(in crate::log) enum Wound {
    FlipBit(usize),
    Cut(usize),
    Put(usize, Vec<u8>),
}

impl Wound {
    pub(in crate::log) fn inflict(&self, disk: &SimulatedDisk, path: &Path) {
        match self {
            Wound::FlipBit(bit) => disk.flip_bit(path, *bit),
            Wound::Cut(len) => disk.truncate_raw(path, *len),
            Wound::Put(at, bytes) => disk.overwrite(path, *at, bytes),
        }
    }
}
