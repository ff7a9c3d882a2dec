//! `Log.Append`: batches in a pipeline. An error for one of them stands in its answer.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use tonic::{Status, Streaming};

use super::convert::{self, check_durability, check_uncompressed};
use super::pipeline::pipeline;
use super::status::Refusal;
use crate::broker::{BatchAppend, PendingAppend};
use crate::grpc::BrokerHandle;
use crate::types::num::u32_to_usize;
use crate::types::{Offset, PartitionId, TopicName, TopicPartition};
use crate::wire::server::pubsub::{AppendRequest, AppendResponse, Durability};

pub(super) fn append(
    broker: BrokerHandle,
    requests: Streaming<AppendRequest>,
) -> impl Stream<Item = Result<AppendResponse, Status>> + Send + 'static {
    let publisher = Arc::clone(&broker);
    let begin_one = move |mut request: AppendRequest| {
        let broker = Arc::clone(&publisher);
        async move {
            match convert::correlation_id(std::mem::take(&mut request.correlation_id)) {
                Ok(correlation_id) => (begin(&broker, request).await, correlation_id),
                Err(refusal) => (Err(refusal), String::new()),
            }
        }
    };
    pipeline(requests, broker, "BATCH_TOO_LARGE", begin_one, finish)
}

async fn begin(broker: &BrokerHandle, request: AppendRequest) -> Result<PendingAppend, Refusal> {
    let batch = batch_append(request)?;
    broker.append(batch).await.map_err(|error| Refusal::from(&error))
}

async fn finish((begun, correlation_id): (Result<PendingAppend, Refusal>, String)) -> AppendResponse {
    let appended = match begun {
        Ok(pending) => pending.appended().await.map_err(|error| Refusal::from(&error)),
        Err(refusal) => Err(refusal),
    };
    match appended {
        Ok(appended) => AppendResponse {
            base_offset: appended.base_offset.0,
            record_count: appended.record_count,
            durable_offset: appended.durable_offset.0,
            append_time_ms: appended.append_time_ms,
            duplicate: false,
            durability: Durability::Synced.into(),
            correlation_id,
            error: None,
        },
        Err(refusal) => {
            AppendResponse { correlation_id, error: Some(refusal.rpc_status()), ..AppendResponse::default() }
        }
    }
}

fn batch_append(request: AppendRequest) -> Result<BatchAppend, Refusal> {
    check_durability(request.durability)?;
    check_uncompressed(request.compression)?;
    if request.producer_id != 0 || request.producer_epoch != 0 || request.base_sequence != 0 {
        return Err(Refusal::unimplemented("producer_id"));
    }
    let malformed = |what| {
        let refusal = Refusal::invalid("MALFORMED_RECORD_SET", what);
        match TopicName::parse(&request.topic) {
            Ok(topic) => refusal.at(&TopicPartition { topic, partition: PartitionId(request.partition) }),
            Err(_) => refusal,
        }
    };
    if !request.compressed_records.is_empty() {
        return Err(malformed("compressed_records without a compression"));
    }
    // A parser merges a message field that occurs twice; nobody means that, and the bytes would be neither
    // of the two.
    let records = match <[Bytes; 1]>::try_from(request.records) {
        Ok([records]) => records,
        Err(occurrences) if occurrences.is_empty() => return Err(malformed("the batch has no records")),
        Err(_) => return Err(malformed("the field records occurs more than once")),
    };
    let declared = u32_to_usize(request.uncompressed_bytes);
    if declared != 0 && declared != records.len() {
        return Err(malformed("uncompressed_bytes is not the length of records"));
    }
    Ok(BatchAppend {
        topic: request.topic,
        partition: PartitionId(request.partition),
        records,
        expected_offset: request.expected_offset.map(Offset),
    })
}
