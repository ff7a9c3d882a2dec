//! `PubSub.Publish`: one record.

use tonic::Status;

use super::convert::{self, check_durability};
use super::status::{Refusal, status_of};
use crate::broker::{NewRecord, PendingPublish, Published};
use crate::grpc::BrokerHandle;
use crate::types::{Offset, PartitionId};
use crate::wire::server::pubsub::{Durability, PublishRequest, PublishResponse};

pub(super) async fn publish(
    broker: &BrokerHandle,
    mut request: PublishRequest,
) -> Result<PublishResponse, Status> {
    let correlation_id = convert::correlation_id(std::mem::take(&mut request.correlation_id))?;
    let pending = begin(broker, request).await?;
    let published = pending.published().await.map_err(|error| status_of(&error))?;
    Ok(response(published, correlation_id))
}

/// Hands a record to its partition.
pub(super) async fn begin(broker: &BrokerHandle, request: PublishRequest) -> Result<PendingPublish, Refusal> {
    let record = new_record(request)?;
    broker.publish(record).await.map_err(|error| Refusal::from(&error))
}

pub(super) fn response(published: Published, correlation_id: String) -> PublishResponse {
    PublishResponse {
        topic: published.at.topic.to_string(),
        partition: published.at.partition.0,
        offset: published.offset.0,
        durable_offset: published.durable_offset.0,
        duplicate: false,
        durability: Durability::Synced.into(),
        correlation_id,
        error: None,
    }
}

fn new_record(request: PublishRequest) -> Result<NewRecord, Refusal> {
    check_durability(request.durability)?;
    if !request.message_id.is_empty() {
        return Err(Refusal::unimplemented("message_id"));
    }
    if request.deliver_at_ms != 0 {
        return Err(Refusal::unimplemented("deliver_at_ms"));
    }
    Ok(NewRecord {
        topic: request.topic,
        partition: request.partition.map(PartitionId),
        key: request.key,
        value: request.value,
        headers: request.headers.into_iter().map(|header| (header.key, header.value)).collect(),
        timestamp_ms: Some(request.timestamp_ms).filter(|timestamp_ms| *timestamp_ms != 0),
        expected_offset: request.expected_offset.map(Offset),
    })
}
