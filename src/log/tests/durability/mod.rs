//! The scenarios that broke others, as far as they concern one log; each test is named after its number.

mod crashes;
mod damage;
mod forgery;
mod retention;
mod side_by_side;

use crate::disk::simulated::SimulatedDisk;
use crate::log::Log;
use crate::log::tests::support::*;

/// One record a batch, the seed is the offset, all synced.
fn append_numbered(log: &mut Log, count: u64, len: usize) {
    for _ in 0..count {
        append(log, log.next_offset().0, 1, len);
    }
}

/// The offsets of all records; each payload must be that of its offset.
fn numbered(log: &Log) -> Vec<u64> {
    let batches = read_all(log);
    for batch in &batches {
        assert_eq!(batch.payload, payload(batch.base_offset().0, batch.payload.len()));
    }
    batches.iter().map(|batch| batch.base_offset().0).collect()
}

/// Opens the log, which must hold the records below some end from `least` to `most`, all of them and in order;
/// appends, and opens it once more after a power cut. Returns that end.
fn holds_between(disk: &SimulatedDisk, least: u64, most: u64) -> u64 {
    let mut log = open(disk);
    let end = log.next_offset().0;
    assert!((least..=most).contains(&end), "{end} records of {least} to {most}");
    assert_eq!(numbered(&log), (0..end).collect::<Vec<_>>());
    append_numbered(&mut log, 2, 100);
    drop(log);
    let again = open(&disk.after_power_cut(0));
    assert_eq!(numbered(&again), (0..end + 2).collect::<Vec<_>>());
    end
}
