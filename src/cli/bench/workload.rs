//! What is written and read: records of one length in batches of one length, in one partition.

use bytes::Bytes;

use crate::client::messages::{
    AppendRequest, AtEnd, CreateTopicRequest, Durability, Earliest, ReadRequest, Record, RecordSet, Start,
    Stop, start, stop,
};
use crate::client::{Appender, Client, InFlightLimits, ReadEvent};
use crate::types::num::u32_to_usize;

/// How much of what.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) record_bytes: u32,
    pub(super) records_per_batch: u32,
    pub(super) batches: u64,
    pub(super) in_flight: u32,
    /// A record's value: not all alike, in case a disk compresses.
    value: Bytes,
}

impl Workload {
    /// At least one batch of at least one record.
    pub(super) fn new(record_bytes: u32, batch_bytes: u32, total_bytes: u64, in_flight: u32) -> Workload {
        let records_per_batch = (batch_bytes / record_bytes.max(1)).max(1);
        let batches = total_bytes.div_ceil(u64::from(records_per_batch) * u64::from(record_bytes)).max(1);
        // A multiplicative generator (Lehmer 1951) is random enough for that.
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let value = std::iter::repeat_with(next).take(u32_to_usize(record_bytes)).collect();
        Workload { record_bytes, records_per_batch, batches, in_flight, value }
    }

    /// The values of a batch together.
    pub(super) fn batch_bytes(&self) -> u64 {
        u64::from(self.record_bytes) * u64::from(self.records_per_batch)
    }

    /// The values of a run together.
    pub(super) fn total_bytes(&self) -> u64 {
        self.batch_bytes() * self.batches
    }

    /// The bytes of one batch, plain.
    pub(super) fn plain_batch(&self) -> Vec<u8> {
        self.value.repeat(u32_to_usize(self.records_per_batch))
    }

    pub(super) fn topic(&self, number: u32) -> String {
        format!("bench-{}-{number}", std::process::id())
    }

    fn request(&self, topic: &str) -> AppendRequest {
        let record = Record { value: Some(self.value.clone()), ..Record::default() };
        AppendRequest {
            topic: topic.to_owned(),
            durability: i32::from(Durability::Synced),
            records: Some(RecordSet { record: vec![record; u32_to_usize(self.records_per_batch)] }),
            ..AppendRequest::default()
        }
    }
}

pub(super) async fn create_topic(client: &Client, topic: &str) -> anyhow::Result<()> {
    let request = CreateTopicRequest { topic: topic.to_owned(), partitions: 1, config: None };
    client.create_topic(request).await?;
    Ok(())
}

/// Appends everything, and returns when all of it is acknowledged as synced.
pub(super) async fn append_all(client: &Client, topic: &str, workload: &Workload) -> anyhow::Result<()> {
    let limits =
        InFlightLimits { requests_max: u32_to_usize(workload.in_flight), bytes_max: 512 * 1024 * 1024 };
    let (appender, mut outcomes) = client.appender(limits);
    let sending = tokio::spawn(send(appender, workload.request(topic), workload.batches));
    let mut acknowledged = 0;
    while let Some(outcome) = outcomes.next().await {
        let answer = outcome.result?;
        anyhow::ensure!(answer.durability() == Durability::Synced, "acknowledged without being synced");
        acknowledged += 1;
    }
    sending.await?;
    anyhow::ensure!(acknowledged == workload.batches, "not everything was acknowledged");
    Ok(())
}

async fn send(mut appender: Appender, request: AppendRequest, batches: u64) {
    for _ in 0..batches {
        // Why the stream is over is told by the outcomes.
        if appender.send(request.clone()).await.is_err() {
            return;
        }
    }
}

/// Reads the topic from its beginning to its end, and makes sure that it was all there.
pub(super) async fn read_all(client: &Client, topic: &str, workload: &Workload) -> anyhow::Result<()> {
    let request = ReadRequest {
        topic: topic.to_owned(),
        start: Some(Start { at: Some(start::At::Earliest(Earliest {})) }),
        stop: Some(Stop { at: Some(stop::At::AtEnd(AtEnd {})) }),
        ..ReadRequest::default()
    };
    let mut reader = client.read(request).await?;
    let mut bytes = 0;
    while let Some(event) = reader.next().await? {
        if let ReadEvent::Records(batch) = event {
            let records = batch.records.iter().flat_map(|set| &set.record);
            let lengths = records.map(|record| record.value.as_ref().map_or(0, Bytes::len));
            bytes += crate::types::num::to_u64(lengths.sum());
        }
    }
    anyhow::ensure!(bytes == workload.total_bytes(), "read {bytes} bytes of {}", workload.total_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_rounded_up_to_whole_batches() {
        let workload = Workload::new(1000, 4500, 10_000, 1);
        assert_eq!((workload.records_per_batch, workload.batches), (4, 3));
        assert_eq!((workload.batch_bytes(), workload.total_bytes()), (4000, 12_000));
        assert_eq!(workload.plain_batch().len(), 4000);
    }

    #[test]
    fn there_is_always_something_to_do() {
        let workload = Workload::new(5000, 10, 1, 1);
        assert_eq!((workload.records_per_batch, workload.batches), (1, 1));
    }
}
