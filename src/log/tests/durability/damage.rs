//! Damage to what was durable.

use super::*;
use crate::codec::frame::HEADER_LEN;
use crate::codec::segment_header::FRAMES_START;
use crate::log::layout::{index_path, segment_path};
use crate::log::{ReadCursor, ReadError, Residency};
use crate::types::num::to_usize;
use crate::types::{LogConfig, Offset, OffsetRange};

const FRAME_LEN: usize = HEADER_LEN + 200;

fn config() -> LogConfig {
    LogConfig { checkpoint_interval_bytes: u64::MAX, ..small_config() }
}

fn segment(base: u64) -> std::path::PathBuf {
    segment_path(&directory(), Offset(base))
}

/// Where this record's frame lies, in segments of nine frames.
fn frame_at(offset: u64) -> usize {
    to_usize(FRAMES_START.0) + to_usize(offset % 9) * FRAME_LEN
}

/// A sealed segment of nine records and a vouched head with five, left by a crash.
fn sealed_and_head() -> SimulatedDisk {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config()).unwrap().log;
    append_numbered(&mut log, 14, 200);
    log.vouch().unwrap();
    drop(log);
    disk.after_power_cut(0)
}

/// Reads every offset: the refused ones.
fn refused(log: &Log, end: u64) -> Vec<u64> {
    let mut refused = Vec::new();
    for offset in 0..end {
        match log.reader().read(&mut ReadCursor::at(Offset(offset)), 1, Residency::MayBlock) {
            Ok(batches) => assert_eq!(batches[0].payload, payload(offset, 200)),
            Err(ReadError::Corrupt(range)) => {
                assert!(range.offsets.contains(Offset(offset)));
                refused.push(offset);
            }
            Err(error) => panic!("{offset}: {error:?}"),
        }
    }
    refused
}

/// The wound is found with these offsets refused and no others, before and after appending and reopening.
fn names_exactly(disk: &SimulatedDisk, damaged: &[u64]) {
    let mut log = open_with(disk, config()).unwrap().log;
    assert_eq!(refused(&log, 14), damaged);
    assert_eq!(append(&mut log, 14, 1, 200), Offset(14));
    assert_eq!(refused(&log, 15), damaged);
    drop(log);
    let log = open_with(&disk.after_power_cut(0), config()).unwrap().log;
    assert_eq!(refused(&log, 15), damaged);
}

#[test]
fn s2_a_bit_flipped_in_a_sealed_or_head_segment() {
    for (base, offset) in [(0, 4), (9, 11)] {
        for in_frame in [0, 40, 127, 128, FRAME_LEN - 1] {
            let disk = sealed_and_head();
            disk.flip_bit(&segment(base), (frame_at(offset) + in_frame) * 8 + 3);
            names_exactly(&disk, &[offset]);
        }
    }
}

#[test]
fn s2_a_sector_zeroed_in_a_sealed_or_head_segment() {
    for (base, first) in [(0, 3), (9, 9)] {
        let disk = sealed_and_head();
        let at = (frame_at(first) / 512 + 1) * 512;
        disk.overwrite(&segment(base), at, &[0; 512]);
        let hit = |offset: &u64| frame_at(*offset) < at + 512 && at < frame_at(*offset) + FRAME_LEN;
        names_exactly(&disk, &(base..base + if base == 0 { 9 } else { 5 }).filter(hit).collect::<Vec<_>>());
    }
}

#[test]
fn s2_a_sealed_segment_cut_at_a_frame_boundary() {
    let disk = sealed_and_head();
    disk.truncate_raw(&segment(0), frame_at(6));
    names_exactly(&disk, &[6, 7, 8]);
}

#[test]
fn s2_a_head_cut_at_a_frame_boundary_before_what_its_checkpoint_proves() {
    let disk = sealed_and_head();
    drop(open_with(&disk, config()).unwrap());
    disk.truncate_raw(&segment(9), frame_at(11));
    let opened = open_with(&disk, config()).unwrap();
    assert_eq!(refused(&opened.log, 14), [11, 12, 13]);
    assert!(opened.report.end_unknown.is_some() && !opened.log.is_writable(), "more may have followed");
}

#[test]
fn s3_a_bit_flipped_in_the_log_start_never_brings_deleted_records_back() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 30, 200);
    log.delete_records(Offset(13)).unwrap();
    run_jobs(&mut log);
    drop(log);
    let names = ["checkpoint.0", "checkpoint.1"].map(|name| directory().join(name));
    for path in &names {
        for bit in 0..disk.read_all(path).len() * 8 {
            let disk = disk.after_power_cut(0);
            disk.flip_bit(path, bit);
            assert_eq!(numbered(&open(&disk)), (13..30).collect::<Vec<_>>());
        }
    }
    names.iter().for_each(|path| disk.flip_bit(path, 300));
    let before = names.clone().map(|path| disk.read_all(&path));
    let opened = open_with(&disk, small_config()).unwrap();
    assert!(opened.report.end_unknown.is_some(), "never recreated empty");
    assert_eq!(names.map(|path| disk.read_all(&path)), before);
}

#[test]
fn s4_a_sector_copied_from_another_place_or_file_or_from_before() {
    let disk = sealed_and_head();
    let (sealed, head) = (disk.read_all(&segment(0)), disk.read_all(&segment(9)));
    // The same place of the other segment, with the same frame boundaries; and a place further on.
    for (base, source) in [(0, &head[1024..1536]), (9, &sealed[1024..1536]), (9, &head[1536..2048])] {
        let disk = disk.after_power_cut(0);
        disk.overwrite(&segment(base), 1024, source);
        names_exactly(&disk, &[base, base + 1]);
    }
}

#[test]
fn s4_a_stale_sector_with_frames_that_a_recovery_had_cut_off() {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config()).unwrap().log;
    // Frames of 256 bytes, two to a sector, from the beginning of one.
    append(&mut log, 0, 1, 384);
    log.append(&(1..7).map(|seed| batch(seed + 100, 1, 128)).collect::<Vec<_>>(), 1_000).unwrap();
    drop(log);
    let disk = disk.after_power_cut(1);
    disk.overwrite(&segment(0), 1536, &[0; 256]);
    let stale = disk.read_all(&segment(0))[2048..2560].to_vec();
    let mut log = open_with(&disk, config()).unwrap().log;
    log.append(&(1..7).map(|seed| batch(seed, 1, 128)).collect::<Vec<_>>(), 1_000).unwrap();
    log.sync().unwrap();
    log.vouch().unwrap();
    disk.overwrite(&segment(0), 2048, &stale);
    for log in [log, open_with(&disk, config()).unwrap().log] {
        for offset in 0..7 {
            let read = log.reader().read(&mut ReadCursor::at(Offset(offset)), 1, Residency::MayBlock);
            match read {
                Ok(batches) if ![3, 4].contains(&offset) => assert_eq!(batches[0].payload[0], offset as u8),
                Err(ReadError::Corrupt(range)) => {
                    assert_eq!(range.offsets, OffsetRange { first: Offset(3), end: Offset(5) });
                }
                other => panic!("{offset}: {other:?}"),
            }
        }
    }
}

#[test]
fn s8_an_empty_short_or_garbage_index_is_rebuilt() {
    let disk = sealed_and_head();
    let path = index_path(&directory(), Offset(0));
    let sound = disk.read_all(&path);
    let garbage = crate::disk::simulated::rng::SplitMix64::new(8).bytes(5_000);
    let cuts = (0..sound.len()).map(|len| sound[..len].to_vec());
    for bytes in cuts.chain([garbage, [&sound[..], &[0]].concat()]) {
        let disk = disk.after_power_cut(0);
        disk.put_raw(&path, &bytes);
        names_exactly(&disk, &[]);
        assert_eq!(disk.read_all(&path), sound);
    }
}

#[test]
fn s19_the_first_frame_of_one_synced_group_rots_after_an_idle_while() {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config()).unwrap().log;
    log.append(&(0..3).map(|seed| batch(seed, 1, 200)).collect::<Vec<_>>(), 1_000).unwrap();
    log.sync().unwrap();
    log.vouch().unwrap();
    drop(log);
    for in_frame in [10, 130] {
        let disk = disk.after_power_cut(0);
        disk.flip_bit(&segment(0), (1024 + in_frame) * 8);
        let mut log = open_with(&disk, config()).unwrap().log;
        assert_eq!(refused(&log, 3), [0]);
        assert_eq!(append(&mut log, 3, 1, 200), Offset(3), "no offset is given out again");
        assert_eq!(refused(&log, 4), [0]);
    }
}

#[test]
fn s19_before_the_vouching_frame_the_rot_is_taken_for_a_torn_tail_and_kept_as_evidence() {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config()).unwrap().log;
    append_numbered(&mut log, 2, 200);
    log.append(&[batch(2, 1, 200), batch(3, 1, 200)], 1_000).unwrap();
    log.sync().unwrap();
    drop(log);
    disk.flip_bit(&segment(0), (frame_at(2) + 130) * 8);
    let opened = open_with(&disk, config()).unwrap();
    assert_eq!(opened.log.next_offset(), Offset(2), "the documented window: the last group");
    assert_eq!(opened.report.torn.as_ref().unwrap().0, 2 * FRAME_LEN as u64);
    assert!(disk.exists(&opened.report.torn.unwrap().1));
    assert!(refused(&opened.log, 2).is_empty());
}
