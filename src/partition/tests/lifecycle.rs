//! Deleting records, upkeep, closing, deletion, and the death of a commit job.

use futures_util::FutureExt as _;

use super::*;
use crate::types::OffsetRange;

fn available(first: u64, end: u64) -> OffsetRange {
    OffsetRange { first: Offset(first), end: Offset(end) }
}

#[tokio::test]
async fn deleted_records_cannot_be_read_any_more() {
    let it = fixture();
    it.fill(5).await;
    assert_eq!(it.partition.delete_records(Offset(3)).await, Ok(Offset(3)));
    assert_eq!(it.partition.log_start_offset(), Offset(3));
    let error = it.subscribe(2, None).next(1000).await.unwrap_err();
    assert!(matches!(error, ReadError::OutOfRange { available: found } if found == available(3, 5)));
    assert_eq!(next_records(&mut it.subscribe(3, None)).await[0], (3, "3".to_owned()));
    assert_eq!(it.partition.delete_records(Offset(1)).await, Ok(Offset(3)));
}

#[tokio::test]
async fn records_in_the_tail_can_be_deleted_too() {
    let it = fixture();
    let mut subscription = it.subscribe(0, None);
    it.fill(5).await;
    it.partition.delete_records(Offset(3)).await.unwrap();
    assert!(matches!(subscription.next(1000).await, Err(ReadError::OutOfRange { .. })));
}

#[tokio::test]
async fn a_log_may_be_emptied_but_not_beyond_its_high_watermark() {
    let it = fixture();
    it.fill(2).await;
    let error = DeleteRecordsError::OutOfRange { available: available(0, 2) };
    assert_eq!(it.partition.delete_records(Offset(3)).await, Err(error));
    assert_eq!(it.partition.delete_records(Offset(2)).await, Ok(Offset(2)));
    assert_eq!(it.append(simple("next")).await.unwrap().base_offset, Offset(2));
    assert_eq!(next_records(&mut it.subscribe(2, None)).await, [(2, "next".to_owned())]);
}

#[tokio::test]
async fn upkeep_applies_retention() {
    let it = fixture();
    it.fill(2).await;
    it.partition.upkeep(NOW_MS + 1000).await.unwrap();
    assert_eq!(it.partition.log_start_offset(), Offset(0));
    it.partition.upkeep(NOW_MS + 1001).await.unwrap();
    assert_eq!(it.partition.log_start_offset(), Offset(2));
}

#[tokio::test]
async fn closing_commits_what_is_queued_and_refuses_what_comes() {
    let it = fixture();
    it.gate.hold_syncs();
    let first = it.submit(simple("first")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    let queued = it.submit(simple("queued")).await;
    let spare = it.partition.append_permit(1).await.unwrap();
    let mut closing = Box::pin(it.partition.close());
    assert!(closing.as_mut().now_or_never().is_none());
    let late = it.partition.submit(simple("late"), spare).await.unwrap();
    assert_eq!(late, Err(Unavailable::Closed.into()));
    assert_eq!(it.partition.append_permit(1).await.unwrap_err(), Unavailable::Closed);
    it.gate.open();
    closing.await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(queued.await.unwrap().unwrap().base_offset, Offset(1));
    assert!(!it.partition.info().writable);
}

#[tokio::test]
async fn closing_again_does_nothing() {
    let it = fixture();
    it.partition.close().await.unwrap();
    it.partition.close().await.unwrap();
    assert_eq!(it.gate.progress().closes, 1);
    assert_eq!(it.partition.upkeep(0).await, Err(Unavailable::Closed.into()));
    assert_eq!(it.partition.delete_records(Offset(0)).await, Err(Unavailable::Closed.into()));
}

#[tokio::test]
async fn closing_goes_on_when_nobody_waits_for_it() {
    let it = fixture();
    it.gate.hold_syncs();
    let first = it.submit(simple("first")).await;
    it.gate.until(|progress| progress.syncs_begun == 1).await;
    assert!(it.partition.close().now_or_never().is_none());
    it.gate.open();
    first.await.unwrap().unwrap();
    it.gate.until(|progress| progress.closes == 1).await;
}

#[tokio::test]
async fn closing_ends_subscriptions_and_publishers_that_wait() {
    let budget = AppendBudget::new(1 << 20, 1 << 12);
    let it = fixture_with(&PartitionRuntime { budget, ..runtime() });
    let mut subscription = it.subscribe(0, None);
    assert_eq!(subscription.next(1000).await.unwrap(), Event::CaughtUp);
    let mut event = Box::pin(subscription.next(1000));
    assert!(event.as_mut().now_or_never().is_none());
    let _all = it.partition.append_permit(usize::MAX).await.unwrap();
    let mut permit = Box::pin(it.partition.append_permit(1));
    assert!(permit.as_mut().now_or_never().is_none());
    it.partition.close().await.unwrap();
    assert!(matches!(event.await, Err(ReadError::Unavailable(Unavailable::Closed))));
    assert_eq!(permit.await.unwrap_err(), Unavailable::Closed);
}

#[tokio::test]
async fn deletion_ends_subscriptions_at_once_and_has_its_own_name() {
    let it = fixture();
    it.append(simple("a")).await.unwrap();
    let mut subscription = it.subscribe(1, None);
    assert_eq!(subscription.next(1000).await.unwrap(), Event::CaughtUp);
    let permit = it.partition.append_permit(1).await.unwrap();
    it.partition.mark_deleted();
    let error = subscription.next(1000).await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(Unavailable::Deleted)));
    let refused = it.partition.submit(simple("b"), permit).await.unwrap();
    assert_eq!(refused, Err(Unavailable::Deleted.into()));
    assert_eq!(it.partition.append_permit(1).await.unwrap_err(), Unavailable::Deleted);
    it.partition.close().await.unwrap();
    assert_eq!(it.gate.progress().closes, 1);
    let error = it.subscribe(0, None).next(1000).await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(Unavailable::Deleted)));
}

#[tokio::test]
async fn publishers_that_wait_learn_of_the_deletion() {
    let budget = AppendBudget::new(1 << 20, 1 << 12);
    let it = fixture_with(&PartitionRuntime { budget, ..runtime() });
    let _all = it.partition.append_permit(usize::MAX).await.unwrap();
    let mut permit = Box::pin(it.partition.append_permit(1));
    assert!(permit.as_mut().now_or_never().is_none());
    it.partition.mark_deleted();
    it.partition.close().await.unwrap();
    assert_eq!(permit.await.unwrap_err(), Unavailable::Deleted);
}

#[tokio::test]
async fn a_commit_job_that_dies_leaves_nobody_waiting() {
    let it = fixture();
    it.append(simple("durable")).await.unwrap();
    it.gate.panic_in_next_sync();
    it.gate.hold_syncs();
    let lost = it.submit(simple("lost")).await;
    it.gate.until(|progress| progress.syncs_begun == 2).await;
    let queued = it.submit(simple("queued")).await;
    it.gate.open();
    assert!(lost.await.is_err(), "the outcome is unknown");
    assert_eq!(queued.await.unwrap(), Err(StoreFailure::Latched.into()));
    assert_eq!(it.append(simple("later")).await, Err(StoreFailure::Latched.into()));
    assert_eq!(it.partition.close().await, Err(StoreFailure::Latched.into()));
}

#[tokio::test]
async fn a_pool_that_was_shut_down_too_early_leaves_nobody_waiting() {
    let it = fixture();
    let permit = it.partition.append_permit(1).await.unwrap();
    it.partition.runtime.commit_pool.shut_down();
    let outcome = it.partition.submit(simple("a"), permit).await.unwrap();
    assert_eq!(outcome, Err(StoreFailure::Latched.into()));
}
