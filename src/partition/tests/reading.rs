//! Subscriptions, from the past through the tail; and lookups by time.

use futures_util::FutureExt as _;

use super::store::disk_error;
use super::*;
use crate::log::{self, DamagedRange};
use crate::types::{FilePosition, OffsetRange};

async fn read_to_end(mut subscription: Subscription, bytes_max: usize) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    loop {
        match subscription.next(bytes_max).await.unwrap() {
            Event::Batches(batches) => {
                assert!(!batches.is_empty());
                let len: usize = batches.iter().map(|batch| batch.payload.len()).sum();
                assert!(len <= bytes_max || (batches.len() == 1 && batches[0].record_count == 1));
                found.extend(contents(&batches));
                assert_eq!(subscription.position(), batches.last().unwrap().offsets.end);
            }
            Event::CaughtUp => {}
            Event::End => return found,
        }
    }
}

fn numbered(range: std::ops::Range<u64>) -> Vec<(u64, String)> {
    range.map(|number| (number, number.to_string())).collect()
}

/// Ten records, in frames of 1, 4, 1 and 4.
async fn filled() -> Fixture {
    let it = fixture();
    for values in [&["0"][..], &["1", "2", "3", "4"], &["5"], &["6", "7", "8", "9"]] {
        it.append(batch(values)).await.unwrap();
    }
    it
}

#[tokio::test]
async fn records_are_cut_to_start_stop_and_size() {
    let it = filled().await;
    for start in 0..=10 {
        for stop in start..=10 {
            for bytes_max in [0, 5, 6, 11, 12, 17, 1000] {
                let found = read_to_end(it.subscribe(start, Some(stop)), bytes_max).await;
                assert_eq!(found, numbered(start..stop), "{start}..{stop}, {bytes_max}");
            }
        }
    }
}

#[tokio::test]
async fn the_tail_and_the_store_give_the_same() {
    let it = fixture();
    let mut live = it.subscribe(0, Some(10));
    for values in [&["0", "1", "2"][..], &["3", "4", "5", "6"], &["7", "8", "9"]] {
        it.append(batch(values)).await.unwrap();
    }
    assert!(it.partition.tail.read(Offset(0), 1000).is_some());
    assert_eq!(next_records(&mut live).await, numbered(0..10));
    let from_tail = read_to_end(it.subscribe(2, Some(9)), 12).await;
    it.partition.tail.clear();
    assert_eq!(read_to_end(it.subscribe(2, Some(9)), 12).await, from_tail);
    assert_eq!(from_tail, numbered(2..9));
}

#[tokio::test]
async fn caught_up_is_said_once() {
    let it = filled().await;
    let mut subscription = it.subscribe(6, None);
    assert_eq!(next_records(&mut subscription).await, numbered(6..10));
    assert_eq!(subscription.next(1000).await.unwrap(), Event::CaughtUp);
    assert!(subscription.next(1000).now_or_never().is_none());
    it.append(simple("10")).await.unwrap();
    assert_eq!(next_records(&mut subscription).await, numbered(10..11));
    assert!(subscription.next(1000).now_or_never().is_none());
}

#[tokio::test]
async fn a_stop_that_was_not_reached_yet_is_waited_for() {
    let it = filled().await;
    let reader = tokio::spawn(read_to_end(it.subscribe(8, Some(12)), 1000));
    it.append(batch(&["10", "11", "12"])).await.unwrap();
    assert_eq!(reader.await.unwrap(), numbered(8..12));
}

#[tokio::test]
async fn offsets_outside_the_log_are_refused_with_its_range() {
    let it = filled().await;
    it.partition.delete_records(Offset(2)).await.unwrap();
    for start in [0, 1, 11, u64::MAX] {
        let error = it.subscribe(start, None).next(1000).await.unwrap_err();
        let ReadError::OutOfRange { available } = error else { panic!("{error:?}") };
        assert_eq!((available.first, available.end), (Offset(2), Offset(10)));
    }
    assert_eq!(it.subscribe(10, None).next(1000).await.unwrap(), Event::CaughtUp);
}

#[tokio::test]
async fn a_reader_that_retention_overtakes_is_told() {
    let it = filled().await;
    let mut subscription = it.subscribe(0, None);
    assert_eq!(next_records(&mut it.subscribe(0, None)).await.len(), 10);
    assert!(matches!(subscription.next(6).await.unwrap(), Event::Batches(_)));
    it.partition.upkeep(NOW_MS + 5000).await.unwrap();
    assert!(matches!(subscription.next(6).await, Err(ReadError::OutOfRange { .. })));
}

#[tokio::test]
async fn records_are_shared_and_never_copied() {
    let it = fixture();
    let append = batch(&["0", "1", "2", "3"]);
    let AppendKind::Batch(sent) = &append.kind else { unreachable!() };
    let bytes = sent.payload[0].clone();
    it.append(append).await.unwrap();
    for bytes_max in [5, 1000] {
        let mut subscription = it.subscribe(1, None);
        let Event::Batches(batches) = subscription.next(bytes_max).await.unwrap() else { unreachable!() };
        assert!(batches.iter().all(|batch| bytes.as_ptr_range().contains(&batch.payload.as_ptr())));
    }
}

#[tokio::test]
async fn a_reader_that_waits_for_the_disk_holds_up_no_publisher() {
    let it = filled().await;
    it.gate.hold_reads();
    let mut subscription = it.subscribe(0, Some(10));
    let mut event = Box::pin(subscription.next(1000));
    assert!(event.as_mut().now_or_never().is_none());
    it.gate.until(|progress| progress.reads_begun == 1).await;
    it.append(simple("10")).await.unwrap();
    it.gate.open();
    let Event::Batches(batches) = event.await.unwrap() else { unreachable!() };
    assert_eq!(contents(&batches), numbered(0..10));
}

#[tokio::test]
async fn a_commit_that_waits_for_the_disk_holds_up_no_reader() {
    let it = filled().await;
    it.gate.make_reads_cold();
    it.gate.hold_syncs();
    let receipt = it.submit(simple("10")).await;
    it.gate.until(|progress| progress.syncs_begun == 5).await;
    assert_eq!(read_to_end(it.subscribe(0, Some(10)), 1000).await, numbered(0..10));
    assert_eq!(it.partition.seek_time(0).await.unwrap(), Offset(0));
    it.gate.open();
    receipt.await.unwrap().unwrap();
}

#[tokio::test]
async fn giving_up_a_wait_for_the_disk_loses_nothing_and_reads_once() {
    let it = filled().await;
    it.gate.hold_reads();
    let mut subscription = it.subscribe(0, Some(10));
    for _ in 0..5 {
        assert!(subscription.next(1000).now_or_never().is_none());
    }
    it.gate.open();
    assert_eq!(next_records(&mut subscription).await, numbered(0..10));
    assert_eq!(it.gate.progress().reads_begun, 1);
    assert_eq!(subscription.next(1000).await.unwrap(), Event::End);
}

#[tokio::test]
async fn what_commits_between_the_read_and_the_wait_is_not_missed() {
    let it = fixture();
    let mut subscription = it.subscribe(0, None);
    assert_eq!(subscription.next(1000).await.unwrap(), Event::CaughtUp);
    let (partition, permit) = (Arc::clone(&it.partition), it.partition.append_permit(1).await.unwrap());
    it.gate.on_empty_read(move || {
        drop(partition.submit(simple("0"), permit));
        while partition.published.borrow().high_watermark < Offset(1) {
            std::thread::yield_now();
        }
    });
    assert_eq!(next_records(&mut subscription).await, numbered(0..1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_interleaving_of_commits_and_waits_loses_a_wake_up() {
    let it = fixture();
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut subscription = it.subscribe(0, Some(1000));
        let (seen, progress) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            while !matches!(subscription.next(1000).await.unwrap(), Event::End) {
                seen.send_replace(subscription.position().0);
            }
        });
        readers.push(progress);
    }
    // Each append waits for the slowest reader: a wake-up that is lost is not made good by the next.
    for offset in 0..1000_u64 {
        it.append(simple(&offset.to_string())).await.unwrap();
        for progress in &mut readers {
            progress.wait_for(|&position| position > offset).await.unwrap();
        }
    }
}

#[tokio::test]
async fn damage_and_disk_errors_are_told_apart_and_move_nothing() {
    let it = filled().await;
    let mut subscription = it.subscribe(1, Some(10));
    let damaged = DamagedRange {
        offsets: OffsetRange { first: Offset(1), end: Offset(5) },
        segment: Offset(0),
        position: FilePosition(7),
        what: "a checksum",
    };
    it.gate.fail_next_read(log::ReadError::Corrupt(damaged.clone()));
    let error = subscription.next(1000).await.unwrap_err();
    assert!(matches!(error, ReadError::Corrupt(found) if found == damaged));
    it.gate.fail_next_read(log::ReadError::Io(disk_error()));
    assert!(matches!(subscription.next(1000).await, Err(ReadError::Io(_))));
    assert_eq!(subscription.position(), Offset(1));
    assert_eq!(next_records(&mut subscription).await, numbered(1..10));
}

#[tokio::test]
async fn a_stored_batch_that_is_no_record_set_is_named_and_never_cut() {
    let it = fixture();
    let mut append = batch(&["0", "1", "2"]);
    let AppendKind::Batch(batch) = &mut append.kind else { unreachable!() };
    batch.payload = vec!["garbage".into()];
    it.append(append).await.unwrap();
    let mut subscription = it.subscribe(1, None);
    for _ in 0..2 {
        let error = subscription.next(1000).await.unwrap_err();
        let ReadError::Malformed { offsets } = error else { panic!("{error:?}") };
        assert_eq!((offsets.first, offsets.end), (Offset(0), Offset(3)));
    }
}

#[tokio::test]
async fn a_time_is_found_to_the_record() {
    let it = fixture();
    for (value, time) in [("0", 100), ("1", 300), ("2", 200), ("3", 0), ("4", NOW_MS + 7)] {
        it.append(simple_at(value, time)).await.unwrap();
    }
    let times = [(0, 0), (100, 0), (101, 1), (201, 1), (300, 1), (301, 3), (NOW_MS, 3), (NOW_MS + 1, 4)];
    for (timestamp_ms, offset) in times {
        assert_eq!(it.partition.seek_time(timestamp_ms).await.unwrap(), Offset(offset), "{timestamp_ms}");
    }
    assert_eq!(it.partition.seek_time(NOW_MS + 8).await.unwrap(), Offset(5));
    it.partition.delete_records(Offset(2)).await.unwrap();
    assert_eq!(it.partition.seek_time(0).await.unwrap(), Offset(2));
}

#[tokio::test]
async fn a_time_is_found_behind_a_log_start_in_the_middle_of_a_batch() {
    let it = fixture();
    let mut append = batch(&["0", "1", "2", "3"]);
    let AppendKind::Batch(batch) = &mut append.kind else { unreachable!() };
    let times = [900, 100, 200, 800];
    batch.payload = times.iter().map(|&time| element("x", time)).collect();
    batch.max_timestamp_ms = Some(900);
    batch.has_untimed_records = false;
    it.append(append).await.unwrap();
    assert_eq!(it.partition.seek_time(850).await.unwrap(), Offset(0));
    it.partition.delete_records(Offset(1)).await.unwrap();
    assert_eq!(it.partition.seek_time(150).await.unwrap(), Offset(2));
    assert_eq!(it.partition.seek_time(850).await.unwrap(), Offset(4));
}

#[tokio::test]
async fn starts_and_stops_are_resolved_against_the_log() {
    let it = filled().await;
    it.partition.delete_records(Offset(2)).await.unwrap();
    for (start, offset) in [
        (StartAt::Earliest, 2),
        (StartAt::Latest, 10),
        (StartAt::Offset(Offset(7)), 7),
        (StartAt::LastN(3), 7),
        (StartAt::LastN(100), 2),
        (StartAt::Timestamp(0), 2),
        (StartAt::Timestamp(NOW_MS + 1), 10),
    ] {
        assert_eq!(resolve_start(&it.partition, start).await.unwrap(), Offset(offset), "{start:?}");
    }
    for (stop, offset) in
        [(StopAt::AtEnd, 10), (StopAt::Offset(Offset(50)), 50), (StopAt::Timestamp(NOW_MS), 2)]
    {
        assert_eq!(resolve_stop(&it.partition, stop).await.unwrap(), Offset(offset), "{stop:?}");
    }
    let beyond = resolve_start(&it.partition, StartAt::Offset(Offset(11))).await;
    assert!(matches!(beyond, Err(ReadError::OutOfRange { .. })));
}
