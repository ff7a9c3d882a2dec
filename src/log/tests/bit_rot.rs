//! Row 4 of the test matrix: every bit, every cut, every sector. The ordinary run takes a sample, whose seed it
//! prints; `HIGHWATER_DAMAGE_STATES=all` takes all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::damage_lab::*;
use super::oracle::{Oracle, When};
use super::support::*;
use crate::disk::SECTOR_BYTES;
use crate::disk::simulated::rng::SplitMix64;
use crate::log::Log;
use crate::types::planted::{Bug, with_planted};

const ENDINGS: [Ending; 3] = [Ending::Unvouched, Ending::Vouched, Ending::Closed];

/// The states to be tried, and the seed that picked them.
struct Sample {
    seed: u64,
    is_all: bool,
    rng: SplitMix64,
}

impl Sample {
    fn new() -> Sample {
        let seed =
            std::env::var("HIGHWATER_DAMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        let is_all = std::env::var("HIGHWATER_DAMAGE_STATES").is_ok_and(|states| states == "all");
        Sample { seed, is_all, rng: SplitMix64::new(seed) }
    }

    /// All numbers below `bound`, or `wanted` of them.
    fn pick(&mut self, bound: usize, wanted: usize) -> Vec<usize> {
        if self.is_all || wanted >= bound {
            return (0..bound).collect();
        }
        (0..wanted).map(|_| self.rng.below(bound as u64) as usize).collect()
    }

    /// Tries each state; says which failed, and how to see it again.
    fn run(&mut self, image: &Image, when: When, states: Vec<(PathBuf, Wound)>) {
        assert!(!states.is_empty());
        for (number, (path, wound)) in states.iter().enumerate() {
            let result = catch_unwind(AssertUnwindSafe(|| match when {
                When::AtRest => open_damaged(image, path, wound, number),
                When::UnderOpenLog => damage_under_open_log(image, path, wound, number),
            }));
            if let Err(panic) = result {
                let wound = format!("{wound:?}").chars().take(200).collect::<String>();
                println!("HIGHWATER_DAMAGE_SEED={} state {number}: {path:?} {wound}", self.seed);
                std::panic::resume_unwind(panic);
            }
        }
        println!("{} states, seed {}", states.len(), self.seed);
    }
}

/// Damages the log at rest, opens it, reads it, appends, reads again, opens it again, reads again.
fn open_damaged(image: &Image, path: &Path, wound: &Wound, number: usize) {
    let disk = image.disk();
    wound.inflict(&disk, path);
    let mut oracle = Oracle::new(image, &disk, path, When::AtRest);
    let opened = open_with(&disk, lab_config()).unwrap();
    let mut log = opened.log;
    oracle.judge_evidence(&disk, path, &opened.report);
    oracle.judge(&log.reader(), [700, 3_000, 100_000][number % 3]);
    if opened.report.end_unknown.is_some() {
        assert!(!log.is_writable());
    } else {
        oracle.append(&mut log);
    }
    judge_around(&oracle, &log);
    drop(log);
    if number.is_multiple_of(4) {
        let again = open_with(&disk.after_power_cut(0), lab_config()).unwrap();
        assert_eq!(again.report.end_unknown.is_some(), opened.report.end_unknown.is_some());
        assert_eq!(again.report.torn, None, "the first opening has cut what was torn");
        oracle.judge(&again.log.reader(), 100_000);
    }
}

/// Damages the log while it is open and has not read a byte yet.
fn damage_under_open_log(image: &Image, path: &Path, wound: &Wound, number: usize) {
    let disk = image.disk();
    let mut log = open_with(&disk, lab_config()).unwrap().log;
    wound.inflict(&disk, path);
    let mut oracle = Oracle::new(image, &disk, path, When::UnderOpenLog);
    oracle.judge(&log.reader(), [700, 3_000, 100_000][number % 3]);
    assert!(oracle.named() == 0 || !log.reader().info().damaged_ranges.is_empty(), "damage is remembered");
    oracle.append(&mut log);
    judge_around(&oracle, &log);
}

fn judge_around(oracle: &Oracle<'_>, log: &Log) {
    oracle.judge(&log.reader(), 1_500);
}

fn bit_flips(sample: &mut Sample, path: &Path, len: usize, wanted: usize) -> Vec<(PathBuf, Wound)> {
    let bits = sample.pick(len * 8, wanted);
    bits.into_iter().map(|bit| (path.to_owned(), Wound::FlipBit(bit))).collect()
}

#[test]
fn flipped_bits_of_segments_are_named_and_served_around() {
    let mut sample = Sample::new();
    for ending in ENDINGS {
        let image = Image::new(ending);
        for (_, path) in image.segments() {
            let states = bit_flips(&mut sample, &path, image.files[&path].len(), 500);
            sample.run(&image, When::AtRest, states);
        }
    }
}

#[test]
fn flipped_bits_of_frame_headers_are_named_and_served_around() {
    let mut sample = Sample::new();
    let image = Image::new(Ending::Unvouched);
    let mut states = Vec::new();
    for frame in &image.frames {
        let path = image.segments().into_iter().find(|(base, _)| *base == frame.segment).unwrap().1;
        for bit in sample.pick(128 * 8, 10) {
            states.push((path.clone(), Wound::FlipBit(frame.from * 8 + bit)));
        }
    }
    sample.run(&image, When::AtRest, states);
}

#[test]
fn bits_flipped_under_an_open_log_are_named_and_served_around() {
    let mut sample = Sample::new();
    let image = Image::new(Ending::Unvouched);
    for (base, path) in image.segments() {
        let states = bit_flips(&mut sample, &path, image.frames_end(base), 800);
        sample.run(&image, When::UnderOpenLog, states);
    }
}

#[test]
fn cut_segments_are_named_and_served_around() {
    let mut sample = Sample::new();
    for ending in ENDINGS {
        let image = Image::new(ending);
        for (base, path) in image.segments() {
            let mut cuts = sample.pick(image.files[&path].len(), 350);
            let frames = image.frames.iter().filter(|frame| frame.segment == base);
            cuts.extend(frames.map(|frame| frame.from));
            let states = cuts.into_iter().map(|len| (path.clone(), Wound::Cut(len))).collect();
            sample.run(&image, When::AtRest, states);
        }
    }
}

#[test]
fn segments_cut_under_an_open_log_are_named_and_served_around() {
    let mut sample = Sample::new();
    let image = Image::new(Ending::Unvouched);
    let (_, sealed) = image.segments().remove(0);
    let cuts = sample.pick(image.files[&sealed].len(), 300);
    let states = cuts.into_iter().map(|len| (sealed.clone(), Wound::Cut(len))).collect();
    sample.run(&image, When::UnderOpenLog, states);
}

/// Each sector of a segment: zeroed, copied from elsewhere in the file and from the other file, restored.
fn lost_sectors(sample: &mut Sample, image: &Image) -> Vec<(PathBuf, Wound)> {
    let segments = image.segments();
    let mut states = Vec::new();
    for (index, (_, path)) in segments.iter().enumerate() {
        let (bytes, other) = (&image.files[path], &image.files[&segments[1 - index].1]);
        for sector in 0..bytes.len() / SECTOR_BYTES {
            let at = sector * SECTOR_BYTES;
            let mut put = |sector_bytes: &[u8]| {
                let len = sector_bytes.len().min(bytes.len() - at);
                states.push((path.clone(), Wound::Put(at, sector_bytes[..len].to_vec())));
            };
            put(&[0; SECTOR_BYTES]);
            for source in [bytes, other] {
                let from = sample.rng.below((source.len() / SECTOR_BYTES) as u64) as usize * SECTOR_BYTES;
                put(&source[from..from + SECTOR_BYTES]);
            }
            for stale in &image.stale {
                let Some(stale) = stale.get(path) else { continue };
                let mut sector = stale.get(at..).unwrap_or(&[]).to_vec();
                sector.resize(SECTOR_BYTES, 0);
                put(&sector);
            }
        }
    }
    states
}

#[test]
fn sectors_zeroed_copied_or_stale_are_named_and_served_around() {
    let mut sample = Sample::new();
    for ending in ENDINGS {
        let image = Image::new(ending);
        let states = lost_sectors(&mut sample, &image);
        sample.run(&image, When::AtRest, states);
    }
}

#[test]
fn sectors_zeroed_copied_or_stale_under_an_open_log_are_named_and_served_around() {
    let mut sample = Sample::new();
    let image = Image::new(Ending::Unvouched);
    let mut states = lost_sectors(&mut sample, &image);
    // Opening the log has given back the zeros ahead.
    states.retain(|(path, wound)| {
        let frames_end = image.frames_end(segment_of(path).unwrap());
        matches!(wound, Wound::Put(at, bytes) if at + bytes.len() <= frames_end)
    });
    sample.run(&image, When::UnderOpenLog, states);
}

#[test]
fn damage_to_one_small_file_costs_nothing_that_is_stored() {
    let mut sample = Sample::new();
    let image = Image::new(Ending::Unvouched);
    for path in image.small_files() {
        let len = image.files[&path].len();
        let mut states = bit_flips(&mut sample, &path, len, 300);
        states.extend(sample.pick(len, 100).into_iter().map(|len| (path.clone(), Wound::Cut(len))));
        states.push((path.clone(), Wound::Put(0, vec![0; len])));
        for other in image.small_files() {
            states.push((path.clone(), Wound::Put(0, image.files[&other].clone())));
        }
        for stale in image.stale.iter().filter_map(|stale| stale.get(&path)) {
            states.push((path.clone(), Wound::Put(0, stale.clone())));
        }
        sample.run(&image, When::AtRest, states);
    }
}

#[test]
fn the_oracle_catches_bugs_that_are_planted() {
    let image = Image::new(Ending::Vouched);
    let (_, head) = image.segments().remove(1);
    for bug in [Bug::SkipPayloadCrc, Bug::CutAtFirstDamage] {
        let mut sample = Sample::new();
        let states = bit_flips(&mut sample, &head, image.frames_end(image.head), 300);
        let run = AssertUnwindSafe(|| sample.run(&image, When::AtRest, states));
        assert!(catch_unwind(|| with_planted(Some(bug), run)).is_err(), "{bug:?} goes unnoticed");
    }
}
