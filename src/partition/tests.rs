//! The partition over a store that can be held up, made to fail, and asked what happened to it.

mod commit;
mod group;
mod idle;
mod lifecycle;
mod reading;
mod store;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use self::store::{Gate, Gated};
use super::*;
use crate::codec::record_set::{RecordParts, Records, encode_record};
use crate::types::{ManualClock, NewBatch, Offset, StoredBatch, TimestampType};

const NOW_MS: i64 = 1_000_000;

/// A partition over a gated store, and what is needed to play with it.
struct Fixture {
    partition: Arc<Partition>,
    gate: Arc<Gate>,
}

fn runtime() -> PartitionRuntime {
    PartitionRuntime {
        commit_pool: Arc::new(Pool::new("commit", 2).unwrap()),
        read_pool: Arc::new(Pool::new("read", 1).unwrap()),
        budget: AppendBudget::new(64 << 20, 64 << 20),
        clock: Arc::new(ManualClock::new(NOW_MS)),
        idle_vouch: Duration::from_millis(100),
        tail_bytes_max: 1 << 20,
    }
}

fn fixture() -> Fixture {
    fixture_with(&runtime())
}

fn fixture_with(runtime: &PartitionRuntime) -> Fixture {
    let (store, gate) = Gated::new();
    Fixture { partition: Partition::start(Box::new(store), runtime, Handle::current()), gate }
}

impl Fixture {
    async fn submit(&self, append: Append) -> AppendReceipt {
        let permit = self.partition.append_permit(append.kind.payload_len()).await.unwrap();
        self.partition.submit(append, permit)
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendFailure> {
        self.submit(append).await.await.unwrap()
    }

    /// Appends this many single records, `0`, `1` ..., each in a group of its own.
    async fn fill(&self, records: u64) {
        for index in 0..records {
            self.append(simple(&index.to_string())).await.unwrap();
        }
    }

    fn subscribe(&self, start: u64, stop: Option<u64>) -> Subscription {
        Subscription::new(Arc::clone(&self.partition), Offset(start), stop.map(Offset))
    }
}

fn element(value: &str, timestamp_ms: i64) -> Bytes {
    let mut bytes = BytesMut::new();
    let parts = RecordParts {
        key: None,
        value: Some(value.as_bytes()),
        headers: std::iter::empty(),
        timestamp_ms,
        message_id: "",
        deliver_at_ms: 0,
    };
    encode_record(&parts, &mut bytes);
    bytes.freeze()
}

fn simple(value: &str) -> Append {
    simple_at(value, 0)
}

fn simple_at(value: &str, timestamp_ms: i64) -> Append {
    Append {
        kind: AppendKind::Simple {
            record: element(value, timestamp_ms),
            timestamp_ms: Some(timestamp_ms).filter(|&time| time != 0),
            timestamp_type: TimestampType::CreateTime,
        },
        expected_offset: None,
    }
}

/// A batch of records without times.
fn batch(values: &[&str]) -> Append {
    let payload: Vec<u8> = values.iter().flat_map(|value| element(value, 0)).collect();
    let batch = NewBatch {
        payload: vec![payload.into()],
        record_count: values.len() as u32,
        max_timestamp_ms: None,
        has_untimed_records: true,
        timestamp_type: TimestampType::CreateTime,
    };
    Append { kind: AppendKind::Batch(batch), expected_offset: None }
}

fn expecting(offset: u64, append: Append) -> Append {
    Append { expected_offset: Some(Offset(offset)), ..append }
}

/// The records of dense batches, by offset and value.
fn contents(batches: &[StoredBatch]) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for batch in batches {
        let mut count = 0;
        for (index, span) in Records::new(&batch.payload).enumerate() {
            let record: crate::wire::client::pubsub::Record =
                prost::Message::decode(span.unwrap().body).unwrap();
            let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
            found.push((batch.base_offset().0 + index as u64, value));
            count += 1;
        }
        assert_eq!(count, batch.record_count);
    }
    found
}

async fn next_records(subscription: &mut Subscription) -> Vec<(u64, String)> {
    match subscription.next(1 << 20).await.unwrap() {
        Event::Batches(batches) => contents(&batches),
        other => panic!("records expected, not {other:?}"),
    }
}
