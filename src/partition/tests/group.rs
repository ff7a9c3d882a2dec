//! Which frames a group's appends form.

use tokio::sync::oneshot;

use super::super::group::Group;
use super::super::queue::QueuedAppend;
use super::*;
use crate::types::limits::{GATHERED_FRAME_BYTES_MAX, GATHERED_FRAME_RECORDS_MAX};

async fn group_of(appends: Vec<Append>) -> (Group, Vec<AppendReceipt>) {
    let budget = AppendBudget::new(1 << 30, 1 << 30).of_partition();
    let mut group = Group::default();
    group.begin(Offset(10));
    let mut receipts = Vec::new();
    for append in appends {
        let (reply, receipt) = oneshot::channel();
        let permit = budget.acquire(append.kind.payload_len()).await.unwrap();
        group.add(QueuedAppend { append, reply, permit });
        receipts.push(receipt);
    }
    group.seal();
    (group, receipts)
}

fn counts(group: &Group) -> Vec<u32> {
    group.batches().iter().map(|batch| batch.record_count).collect()
}

#[tokio::test]
async fn gathered_frames_have_a_limited_number_of_records() {
    let max = GATHERED_FRAME_RECORDS_MAX;
    let (group, _) = group_of(vec![simple("a"); 2 * max + 1]).await;
    assert_eq!(counts(&group), [max as u32, max as u32, 1]);
}

#[tokio::test]
async fn gathered_frames_have_a_limited_length() {
    let (group, _) = group_of(vec![simple(&"x".repeat(10_000)); 14]).await;
    assert_eq!(counts(&group), [6, 6, 2]);
    assert!(group.batches().iter().all(|batch| batch.payload_len() <= GATHERED_FRAME_BYTES_MAX));
}

#[tokio::test]
async fn a_record_that_is_longer_than_a_frame_should_be_travels_alone_and_uncopied() {
    let large = simple(&"x".repeat(GATHERED_FRAME_BYTES_MAX));
    let AppendKind::Simple { record, .. } = &large.kind else { unreachable!() };
    let place = record.as_ptr();
    let (group, _) = group_of(vec![simple("a"), large, simple("b"), simple("c")]).await;
    assert_eq!(counts(&group), [1, 1, 2]);
    assert_eq!(group.batches()[1].payload[0].as_ptr(), place);
}

#[tokio::test]
async fn records_of_different_clocks_do_not_share_a_frame() {
    let mut other = simple("b");
    let AppendKind::Simple { timestamp_type, .. } = &mut other.kind else { unreachable!() };
    *timestamp_type = TimestampType::LogAppendTime;
    let (group, _) = group_of(vec![simple("a"), simple("a"), other.clone(), other, simple("c")]).await;
    assert_eq!(counts(&group), [2, 2, 1]);
    assert_eq!(group.batches()[1].timestamp_type, TimestampType::LogAppendTime);
}

#[tokio::test]
async fn a_frame_knows_the_times_of_its_records() {
    let (group, _) = group_of(vec![
        simple_at("a", 7),
        simple_at("b", 5),
        batch(&["c"]),
        simple("d"),
        simple_at("e", 3),
        batch(&["f"]),
        simple("g"),
    ])
    .await;
    let times = |index: usize| {
        let batch = &group.batches()[index];
        (batch.max_timestamp_ms, batch.has_untimed_records)
    };
    assert_eq!([times(0), times(2), times(4)], [(Some(7), false), (Some(3), true), (None, true)]);
}

#[tokio::test]
async fn a_group_is_full_at_eight_mebibytes_or_a_thousand_frames() {
    let (group, _) = group_of(vec![simple(&"x".repeat(1 << 20)); 7]).await;
    assert!(!group.is_full());
    let (group, _) = group_of(vec![simple(&"x".repeat(1 << 20)); 8]).await;
    assert!(group.is_full());
    let (group, _) = group_of(vec![batch(&["a"]); 1023]).await;
    assert!(!group.is_full());
    let (group, _) = group_of(vec![batch(&["a"]); 1024]).await;
    assert!(group.is_full());
}

#[tokio::test]
async fn payloads_are_the_records_one_behind_the_other() {
    let (mut group, mut receipts) = group_of(vec![simple("a"), simple("b"), batch(&["c", "d"])]).await;
    let stored: Vec<_> = [10, 12]
        .into_iter()
        .zip(group.batches())
        .map(|(offset, batch)| batch.stored_at(Offset(offset), NOW_MS))
        .collect();
    let expected: Vec<_> = (10..).zip(["a", "b", "c", "d"].map(str::to_owned)).collect();
    assert_eq!(contents(&stored), expected);
    group.succeed(Offset(14), NOW_MS);
    let offsets = receipts.iter_mut().map(|receipt| receipt.try_recv().unwrap().unwrap().base_offset.0);
    assert_eq!(offsets.collect::<Vec<_>>(), [10, 11, 12]);
}
