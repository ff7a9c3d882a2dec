//! The recovery table, a test a cell: what is found, what becomes of it, and that the log goes on afterwards.
//! Named by column and row.

use std::path::{Path, PathBuf};

use super::{OpenError, OpeningReport};
use crate::codec::envelope;
use crate::codec::segment_header::FRAMES_START;
use crate::disk::simulated::{Fault, FaultPlan, OperationFilter, OperationKind, SimulatedDisk};
use crate::log::layout::{index_path, segment_path};
use crate::log::tests::support::*;
use crate::log::{Log, OnUnknownEnd, ReadCursor, ReadError, Residency};
use crate::types::num::{to_u64, to_usize, u32_to_usize};
use crate::types::{LogConfig, Offset};

/// How many batches the log has, of one record each: nine to a segment.
const BATCHES: u64 = 24;
const PAYLOAD_LEN: usize = 200;
const FRAME_LEN: usize = 128 + PAYLOAD_LEN;
const SEALED: Offset = Offset(9);
const HEAD: Offset = Offset(18);

fn config() -> LogConfig {
    LogConfig { checkpoint_interval_bytes: u64::MAX, ..small_config() }
}

fn open_table(disk: &SimulatedDisk) -> Result<crate::log::Opened, OpenError> {
    open_with(disk, config())
}

/// Two sealed segments and a vouched head, left by a crash that came before the checkpoint behind the vouching
/// frame: the head is scanned.
fn log_at_rest() -> SimulatedDisk {
    log_left(|log| {
        run_jobs(log);
        log.vouch().unwrap();
        drop(log.background_job());
    })
}

fn log_left(leave: impl FnOnce(&mut Log)) -> SimulatedDisk {
    let disk = disk_with_log();
    let mut log = open_table(&disk).unwrap().log;
    for seed in 0..BATCHES {
        append(&mut log, seed, 1, PAYLOAD_LEN);
    }
    leave(&mut log);
    run_jobs(&mut log);
    drop(log);
    disk.after_process_crash()
}

/// The same, rolled once more: the next segment has its header and nothing else.
fn log_with_empty_next() -> SimulatedDisk {
    log_left(|log| {
        log.seal().unwrap();
        log.open_head(0).unwrap();
    })
}

fn segment(base: Offset) -> PathBuf {
    segment_path(&directory(), base)
}

/// Where the frame of this record lies in its segment.
fn frame_at(offset: u64) -> usize {
    to_usize(FRAMES_START.0) + to_usize(offset % 9) * FRAME_LEN
}

/// Reads every record on its own: exactly those in `damaged` are refused, as damaged.
fn check(log: &Log, end: u64, damaged: std::ops::Range<u64>) {
    for offset in 0..end {
        let read = log.reader().read(&mut ReadCursor::at(Offset(offset)), 1, Residency::MayBlock);
        match read {
            Ok(batches) => {
                assert!(!damaged.contains(&offset), "{offset} is served");
                assert_eq!((batches[0].base_offset(), batches.len()), (Offset(offset), 1));
                assert_eq!(batches[0].payload, payload(offset, PAYLOAD_LEN));
            }
            Err(ReadError::Corrupt(range)) => {
                assert!(damaged.contains(&offset), "{offset} is refused: {range:?}");
                assert!(range.offsets.first.0 >= damaged.start);
                assert!(range.offsets.contains(Offset(offset)) && range.offsets.end.0 <= damaged.end);
            }
            Err(error) => panic!("{offset}: {error:?}"),
        }
    }
    assert_eq!(log.reader().durable_offset(), Offset(end));
}

/// Opens, reads, appends, reads again; cuts the power, opens again, reads again, appends again.
fn goes_on(disk: &SimulatedDisk, end: u64, damaged: std::ops::Range<u64>) -> OpeningReport {
    let opened = open_table(disk).unwrap();
    let mut log = opened.log;
    check(&log, end, damaged.clone());
    assert_eq!(append(&mut log, end, 1, PAYLOAD_LEN), Offset(end));
    check(&log, end + 1, damaged.clone());
    drop(log);
    let again = open_table(&disk.after_power_cut(0)).unwrap();
    assert_eq!((&again.report.torn, again.report.end_unknown), (&None, None));
    let mut log = again.log;
    check(&log, end + 1, damaged.clone());
    append(&mut log, end + 1, 1, PAYLOAD_LEN);
    check(&log, end + 2, damaged);
    opened.report
}

/// Opens it without being able to tell its end: it is read and left alone, until somebody accepts the loss.
fn is_read_only_until_accepted(disk: &SimulatedDisk, end: u64) {
    let opened = open_table(disk).unwrap();
    assert!(opened.report.end_unknown.is_some() && !opened.log.is_writable());
    check(&opened.log, end, 0..0);
    drop(opened);
    let shared = std::sync::Arc::new(disk.clone());
    let accepted = Log::open(shared, &directory(), IDENTITY, config(), OnUnknownEnd::Accept).unwrap();
    drop(accepted);
    // The repair lasts, whether anything was appended or not.
    let opened = open_table(&disk.after_power_cut(0)).unwrap();
    assert_eq!(opened.report.end_unknown, None);
    let mut log = opened.log;
    let base = append(&mut log, 99, 1, 10);
    assert!(base >= Offset(end));
    assert_eq!(read_from(&log.reader(), base).unwrap().len(), 1);
    check_prefix(&log, end);
}

fn check_prefix(log: &Log, end: u64) {
    let batches = read_from_until(log, end);
    assert_eq!(batches, (0..end).collect::<Vec<_>>());
}

fn read_from_until(log: &Log, end: u64) -> Vec<u64> {
    let (reader, mut cursor, mut bases) = (log.reader(), ReadCursor::at(Offset(0)), Vec::new());
    while cursor.next < Offset(end) {
        let batches = reader.read(&mut cursor, 1, Residency::MayBlock).unwrap();
        bases.extend(batches.iter().map(|batch| batch.base_offset().0));
    }
    bases
}

fn is_refused_for_its_version(disk: &SimulatedDisk, path: &Path) {
    let before = files(disk);
    let error = open_table(disk).unwrap_err();
    assert!(matches!(&error, OpenError::NewerVersion { path: found, found: 2, known: 1 } if found == path));
    assert_eq!(files(disk), before, "a newer version's files are left alone");
}

/// Reads of files whose names end so fail: the opening fails, and is as good as ever once they work again.
fn is_refused_for_io(disk: &SimulatedDisk, name_ending: &'static str) {
    let reads = OperationFilter::Kind(OperationKind::Read);
    disk.fail(FaultPlan::for_good(reads, 0, Fault::Io).on_names_ending(name_ending));
    assert!(matches!(open_table(disk), Err(OpenError::Io(_))));
    disk.clear_faults();
    goes_on(disk, BATCHES, 0..0);
}

fn files(disk: &SimulatedDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.paths().into_iter().map(|path| (path.clone(), disk.read_all(&path))).collect()
}

fn quarantined(disk: &SimulatedDisk) -> usize {
    disk.paths().iter().filter(|path| path.to_string_lossy().contains("/quarantine/")).count()
}

/// The envelope at the beginning of `bytes`, sealed again as version 2.
fn newer(bytes: &[u8]) -> Vec<u8> {
    let len = u32_to_usize(u32::from_le_bytes(bytes[12..16].try_into().unwrap()));
    envelope::seal(bytes[..8].try_into().unwrap(), 2, &bytes[16..16 + len])
}

fn make_newer(disk: &SimulatedDisk, path: &Path) {
    let sealed = newer(&disk.read_all(path));
    disk.overwrite(path, 0, &sealed);
}

mod checkpoint;
mod head;
mod index;
mod next;
mod sealed;
