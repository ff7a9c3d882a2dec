//! What an acknowledgement means, and how groups form.

use futures_util::FutureExt as _;
use tokio::sync::oneshot::error::TryRecvError;

use super::store::disk_error;
use super::*;
use crate::log::AppendError;

#[tokio::test]
async fn an_append_is_acknowledged_after_its_sync_and_not_before() {
    let it = fixture();
    it.gate.hold_syncs();
    let mut receipt = it.submit(simple("a")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    assert_eq!(receipt.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(it.partition.high_watermark(), Offset(0));
    assert_eq!(it.partition.log_end_offset(), Offset(1));
    it.gate.open();
    let appended = receipt.await.unwrap().unwrap();
    let expected = Appended {
        base_offset: Offset(0),
        record_count: 1,
        durable_offset: Offset(1),
        append_time_ms: NOW_MS,
    };
    assert_eq!(appended, expected);
    assert_eq!(it.partition.high_watermark(), Offset(1));
}

#[tokio::test]
async fn while_one_group_syncs_the_next_gathers() {
    let it = fixture();
    it.gate.hold_syncs();
    let mut receipts = vec![it.submit(simple("first")).await];
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    for index in 0..100 {
        receipts.push(it.submit(simple(&index.to_string())).await);
    }
    it.gate.open();
    for (offset, receipt) in (0..).zip(receipts) {
        assert_eq!(receipt.await.unwrap().unwrap().base_offset, Offset(offset));
    }
    assert_eq!(it.gate.groups(), [vec![1], vec![100]]);
    assert_eq!(it.gate.progress().syncs_begun, 2);
}

#[tokio::test]
async fn batches_stay_frames_as_they_came_between_gathered_ones() {
    let it = fixture();
    it.gate.hold_syncs();
    let first = it.submit(simple("first")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    let mut last = None;
    for append in [simple("a"), simple("b"), batch(&["c", "d", "e"]), batch(&["f"]), simple("g")] {
        last = Some(it.submit(append).await);
    }
    it.gate.open();
    assert_eq!(first.await.unwrap().unwrap().durable_offset, Offset(1));
    let last = last.unwrap().await.unwrap().unwrap();
    assert_eq!((last.base_offset, last.durable_offset), (Offset(7), Offset(8)));
    assert_eq!(it.gate.groups(), [vec![1], vec![2, 3, 1, 1]]);
}

#[tokio::test]
async fn acknowledgements_come_in_offset_order() {
    let it = fixture();
    let mut receipts = Vec::new();
    for index in 0..500 {
        receipts.push(it.submit(simple(&index.to_string())).await);
    }
    for probe in [0, 250, 499, 17, 300] {
        let mut earlier = receipts.drain(..=probe.min(receipts.len() - 1)).collect::<Vec<_>>();
        earlier.pop().unwrap().await.unwrap().unwrap();
        assert!(earlier.iter_mut().all(|receipt| receipt.try_recv().is_ok()));
        if receipts.is_empty() {
            break;
        }
    }
}

#[tokio::test]
async fn a_failed_sync_leaves_the_outcome_unknown_and_latches() {
    let it = fixture();
    it.append(simple("durable")).await.unwrap();
    it.gate.fail_next_sync(AppendError::Failed(disk_error()));
    it.gate.hold_syncs();
    let lost = it.submit(simple("lost")).await;
    it.gate.until(|progress| progress.syncs_begun == 2).await;
    let gathered = it.submit(simple("gathered")).await;
    it.gate.open();
    assert_eq!(lost.await.unwrap(), Err(StoreFailure::OutcomeUnknown.into()));
    assert_eq!(gathered.await.unwrap(), Err(StoreFailure::Latched.into()));
    assert_eq!(it.append(simple("later")).await, Err(StoreFailure::Latched.into()));

    let mut subscription = it.subscribe(0, None);
    assert_eq!(next_records(&mut subscription).await, [(0, "durable".to_owned())]);
    assert_eq!(subscription.next(1000).await.unwrap(), Event::CaughtUp);
    assert!(subscription.next(1000).now_or_never().is_none());
    assert_eq!(it.partition.high_watermark(), Offset(1));
}

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_room() {
    let it = fixture();
    it.gate.fail_next_append(AppendError::DiskFull(disk_error()));
    assert_eq!(it.append(simple("a")).await, Err(StoreFailure::DiskFull.into()));
    assert_eq!(it.append(simple("b")).await.unwrap().base_offset, Offset(0));
}

#[tokio::test]
async fn each_failure_of_a_write_keeps_its_name() {
    for (error, failure) in [
        (AppendError::Failed(disk_error()), StoreFailure::Failed),
        (AppendError::OutcomeUnknown(disk_error()), StoreFailure::OutcomeUnknown),
        (AppendError::Latched, StoreFailure::Latched),
        (AppendError::EndUnknown, StoreFailure::EndUnknown),
    ] {
        let it = fixture();
        it.gate.fail_next_append(error);
        assert_eq!(it.append(simple("a")).await, Err(failure.into()));
        assert_eq!(it.append(simple("b")).await, Err(StoreFailure::Latched.into()));
    }
}

#[tokio::test]
async fn an_append_that_expects_another_offset_is_refused_and_told_the_next() {
    let it = fixture();
    it.append(expecting(0, simple("a"))).await.unwrap();
    let mismatch = AppendFailure::OffsetMismatch { expected: Offset(0), actual: Offset(1) };
    assert_eq!(it.append(expecting(0, simple("b"))).await, Err(mismatch));
    let mismatch = AppendFailure::OffsetMismatch { expected: Offset(5), actual: Offset(1) };
    assert_eq!(it.append(expecting(5, batch(&["b", "c"]))).await, Err(mismatch));
    assert_eq!(it.append(expecting(1, batch(&["b", "c"]))).await.unwrap().base_offset, Offset(1));
}

#[tokio::test]
async fn of_two_that_expect_the_same_offset_in_one_group_the_first_wins() {
    let it = fixture();
    it.gate.hold_syncs();
    let first = it.submit(simple("first")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    let winner = it.submit(expecting(1, batch(&["a", "b"]))).await;
    let loser = it.submit(expecting(1, simple("c"))).await;
    let next = it.submit(expecting(3, simple("d"))).await;
    it.gate.open();
    first.await.unwrap().unwrap();
    assert_eq!(winner.await.unwrap().unwrap().base_offset, Offset(1));
    let mismatch = AppendFailure::OffsetMismatch { expected: Offset(1), actual: Offset(3) };
    assert_eq!(loser.await.unwrap(), Err(mismatch));
    assert_eq!(next.await.unwrap().unwrap().base_offset, Offset(3));
}

#[tokio::test]
async fn a_mismatch_in_a_group_with_unknown_outcome_was_certainly_not_appended() {
    let it = fixture();
    it.gate.hold_syncs();
    let first = it.submit(simple("first")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    let lost = it.submit(simple("lost")).await;
    let mismatch = it.submit(expecting(1, simple("mismatch"))).await;
    it.gate.fail_next_append(AppendError::OutcomeUnknown(disk_error()));
    it.gate.open();
    first.await.unwrap().unwrap();
    assert_eq!(lost.await.unwrap(), Err(StoreFailure::OutcomeUnknown.into()));
    assert_eq!(mismatch.await.unwrap(), Err(StoreFailure::Failed.into()));
}

#[tokio::test]
async fn publishers_wait_at_the_door_while_the_budget_is_used_up() {
    let budget = AppendBudget::new(1 << 20, 1 << 12);
    let it = fixture_with(&PartitionRuntime { budget, ..runtime() });
    it.gate.hold_syncs();
    let value = "x".repeat(3000);
    let receipt = it.submit(simple(&value)).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    let mut permit = Box::pin(it.partition.append_permit(3000));
    assert!(permit.as_mut().now_or_never().is_none());
    it.gate.open();
    receipt.await.unwrap().unwrap();
    permit.await.unwrap();
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_commits_and_gives_its_permit_back() {
    let budget = AppendBudget::new(1 << 20, 1 << 12);
    let it = fixture_with(&PartitionRuntime { budget, ..runtime() });
    drop(it.submit(simple(&"x".repeat(3000))).await);
    let next = it.append(simple(&"y".repeat(3000))).await.unwrap();
    assert_eq!(next.base_offset, Offset(1));
}

#[tokio::test]
async fn a_busy_partition_lets_others_commit() {
    let one_thread = Arc::new(Pool::new("commit", 1).unwrap());
    let runtime = PartitionRuntime { commit_pool: one_thread, ..runtime() };
    let (busy, other) = (fixture_with(&runtime), fixture_with(&runtime));
    // Each sync of the busy one brings the next append, so that its job never runs dry by itself.
    let mut permits = Vec::new();
    for _ in 0..1000 {
        permits.push(busy.partition.append_permit(1).await.unwrap());
    }
    let permits = Arc::new(parking_lot::Mutex::new(permits));
    let (partition, left) = (Arc::clone(&busy.partition), Arc::clone(&permits));
    busy.gate.hold_syncs();
    busy.gate.on_sync(move || {
        let permit = left.lock().pop();
        permit.map(|permit| partition.submit(simple("more"), permit));
    });
    let first = busy.submit(simple("first")).await;
    busy.gate.until(|progress| progress.syncs_begun == 1).await;
    let (left_at_sync, left) = (Arc::new(parking_lot::Mutex::new(None)), Arc::clone(&permits));
    let found = Arc::clone(&left_at_sync);
    other.gate.on_sync(move || *found.lock() = Some(left.lock().len()));
    let waiting = other.submit(simple("other")).await;
    busy.gate.open();
    first.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert!(left_at_sync.lock().unwrap() > 900, "the other one had to wait for all of them");
}
