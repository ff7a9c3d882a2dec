//! Readers beside the writer, on threads of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::log::{LogReader, ReadCursor, ReadError, Residency};
use crate::types::{LogConfig, Offset};

const RECORDS: u64 = 3_000;

/// Follows the log from `from` until it has read the last record; what it skips must have been deleted.
/// Returns how many records it has read.
fn follow(reader: &LogReader, from: Offset, is_writing: &AtomicBool) -> u64 {
    let (mut cursor, mut count) = (ReadCursor::at(from), 0);
    loop {
        let was_writing = is_writing.load(Ordering::SeqCst);
        let durable = reader.durable_offset();
        match reader.read(&mut cursor, 1_000, Residency::MayBlock) {
            Ok(batches) if batches.is_empty() => {
                assert!(cursor.next >= durable, "nothing is read at {} below {durable}", cursor.next);
                if !was_writing {
                    return count;
                }
                std::thread::yield_now();
            }
            Ok(batches) => {
                count += batches.len() as u64;
                let first = cursor.next.0 - batches.len() as u64;
                for (next, batch) in (first..).zip(batches) {
                    assert_eq!(batch.base_offset().0, next, "a gap or a repetition");
                    assert_eq!(batch.payload, payload(next, batch.payload.len()));
                }
                // Every so often the hint is lost, and the place is looked up.
                if cursor.next.0.is_multiple_of(7) {
                    cursor = ReadCursor::at(cursor.next);
                }
            }
            Err(ReadError::OutOfRange { available }) => {
                assert!(cursor.next < available.first, "{} is refused in {available}", cursor.next);
                cursor = ReadCursor::at(available.first);
            }
            Err(error) => panic!("offset {}: {error:?}", cursor.next),
        }
    }
}

/// Writes all records while three readers follow; returns how many records each has read.
fn write_beside_readers(config: LogConfig, mut each: impl FnMut(&mut Log, u64)) -> Vec<u64> {
    let disk = disk_with_log();
    let mut log = open_with(&disk, config).unwrap().log;
    let is_writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let reader = log.reader();
                let is_writing = &is_writing;
                scope.spawn(move || follow(&reader, Offset(0), is_writing))
            })
            .collect();
        let stop = scopeguard(&is_writing);
        for offset in 0..RECORDS {
            append(&mut log, offset, 1, 100 + (offset % 5) as usize * 60);
            each(&mut log, offset);
        }
        drop(stop);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    })
}

/// Tells the readers to stop, also where the writer panics.
fn scopeguard(is_writing: &AtomicBool) -> impl Drop + '_ {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }
    Stop(is_writing)
}

#[test]
fn s15_readers_beside_a_log_that_rolls_see_no_gap_and_no_repetition() {
    let counts = write_beside_readers(small_config(), |log, offset| {
        if offset % 11 == 0 {
            log.vouch().unwrap();
        }
    });
    assert_eq!(counts, [RECORDS; 3]);
}

#[test]
fn s13_readers_beside_retention_skip_only_what_is_deleted() {
    let config = LogConfig { retention_bytes: Some(20_000), ..small_config() };
    let counts = write_beside_readers(config, |log, offset| {
        if offset % 5 == 0 {
            log.upkeep(1_000).unwrap();
            run_jobs(log);
        }
    });
    assert!(counts.iter().all(|count| *count > 0));
}

#[test]
fn s15_a_reader_that_opens_the_log_the_moment_a_segment_rolls() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for round in 0..60u64 {
        append(&mut log, round, 1, 150);
        let step = |log: &Log, what: &str| {
            let read = read_from(&log.reader(), Offset(0)).unwrap();
            assert_eq!(read.len() as u64, round + 1, "{what}");
            let (durable, mut tail) = (Offset(round + 1), ReadCursor::at(Offset(round + 1)));
            assert_eq!(log.reader().durable_offset(), durable);
            assert!(log.reader().read(&mut tail, 1, Residency::MayBlock).unwrap().is_empty(), "{what}");
        };
        if round % 6 == 5 {
            log.seal().unwrap();
            step(&log, "sealed");
            log.open_head(0).unwrap();
            step(&log, "the next one made");
            run_jobs(&mut log);
        }
        step(&log, "appended");
    }
}
