//! What describes: `GetTopicInfo`, `ListTopics`, `DescribeBroker`.

use tonic::Status;

use crate::broker::PartitionDescription;
use crate::codec::FORMAT_VERSION;
use crate::grpc::BrokerHandle;
use crate::grpc::convert::topic_config;
use crate::grpc::status::status_of;
use crate::wire::server::pubsub::{
    DescribeBrokerResponse, GetTopicInfoRequest, GetTopicInfoResponse, ListTopicsResponse, OffsetRange,
    PartitionInfo, TopicSummary,
};

pub(in crate::grpc) fn topic_info(
    broker: &BrokerHandle,
    request: &GetTopicInfoRequest,
) -> Result<GetTopicInfoResponse, Status> {
    let topic = broker.topic(&request.topic).map_err(|error| status_of(&error))?;
    Ok(GetTopicInfoResponse {
        topic: topic.name().to_string(),
        topic_id: topic.id().to_string(),
        config: Some(topic_config(topic.config(), broker.storage_kind())),
        partitions: broker.describe_partitions(&topic).into_iter().map(partition_info).collect(),
    })
}

fn partition_info(description: PartitionDescription) -> PartitionInfo {
    let damaged = description.store.damaged_ranges.iter().map(|damaged| damaged.offsets);
    let damaged_ranges = damaged
        .map(|offsets| OffsetRange { first_offset: offsets.first.0, end_offset: offsets.end.0 })
        .collect();
    PartitionInfo {
        partition: description.partition.0,
        log_start_offset: description.log_start.0,
        durable_offset: description.durable.0,
        high_watermark: description.high_watermark.0,
        log_end_offset: description.log_end.0,
        size_bytes: description.store.size_bytes,
        segment_count: description.store.segment_count,
        damaged_ranges,
        newest_timestamp_ms: description.store.newest_timestamp_ms,
        writable: description.store.writable,
    }
}

pub(in crate::grpc) fn list_topics(broker: &BrokerHandle) -> Result<ListTopicsResponse, Status> {
    let topics = broker.list_topics().map_err(|error| status_of(&error))?;
    let summary = |topic: &crate::broker::Topic| TopicSummary {
        topic: topic.name().to_string(),
        topic_id: topic.id().to_string(),
        partitions: topic.partition_count(),
    };
    Ok(ListTopicsResponse { topics: topics.iter().map(|topic| summary(topic)).collect() })
}

pub(in crate::grpc) fn describe_broker(broker: &BrokerHandle) -> DescribeBrokerResponse {
    let description = broker.describe();
    DescribeBrokerResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        broker_id: description.broker_id,
        uptime_ms: i64::try_from(description.uptime.as_millis()).unwrap_or(i64::MAX),
        topics: u32::try_from(description.topics).unwrap_or(u32::MAX),
        partitions: description.partitions,
        subscriptions: description.subscriptions,
        storage: description.storage.to_owned(),
        format_version: FORMAT_VERSION,
    }
}
