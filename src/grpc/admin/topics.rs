//! What changes topics: `CreateTopic`, `DeleteTopic`, `DeleteRecords`.

use tonic::Status;

use crate::broker::NewTopic;
use crate::grpc::BrokerHandle;
use crate::grpc::convert::topic_settings;
use crate::grpc::status::status_of;
use crate::types::{Offset, PartitionId};
use crate::wire::server::pubsub::{
    CreateTopicRequest, CreateTopicResponse, DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicRequest,
    DeleteTopicResponse,
};

pub(in crate::grpc) async fn create_topic(
    broker: &BrokerHandle,
    request: CreateTopicRequest,
) -> Result<CreateTopicResponse, Status> {
    let settings = topic_settings(request.config, broker.storage_kind())?;
    let new = NewTopic { name: request.topic, partitions: request.partitions, settings };
    let topic = broker.create_topic(new).await.map_err(|error| status_of(&error))?;
    Ok(CreateTopicResponse { topic_id: topic.id().to_string(), partitions: topic.partition_count() })
}

pub(in crate::grpc) async fn delete_topic(
    broker: &BrokerHandle,
    request: DeleteTopicRequest,
) -> Result<DeleteTopicResponse, Status> {
    broker.delete_topic(&request.topic).await.map_err(|error| status_of(&error))?;
    Ok(DeleteTopicResponse {})
}

pub(in crate::grpc) async fn delete_records(
    broker: &BrokerHandle,
    request: DeleteRecordsRequest,
) -> Result<DeleteRecordsResponse, Status> {
    let (partition, before) = (PartitionId(request.partition), Offset(request.before_offset));
    let log_start = broker.delete_records(&request.topic, partition, before).await;
    let log_start = log_start.map_err(|error| status_of(&error))?;
    Ok(DeleteRecordsResponse { log_start_offset: log_start.0 })
}
