//! `Log.Offsets`: where a partition begins and ends, and which offset a time has.

use tonic::Status;

use super::status::status_of;
use crate::grpc::BrokerHandle;
use crate::types::PartitionId;
use crate::wire::server::pubsub::{OffsetsRequest, OffsetsResponse};

pub(super) async fn offsets(
    broker: &BrokerHandle,
    request: OffsetsRequest,
) -> Result<OffsetsResponse, Status> {
    let partition = PartitionId(request.partition);
    let offsets = broker.offsets(&request.topic, partition, request.timestamp_ms).await;
    let offsets = offsets.map_err(|error| status_of(&error))?;
    Ok(OffsetsResponse {
        log_start_offset: offsets.log_start.0,
        durable_offset: offsets.durable.0,
        high_watermark: offsets.high_watermark.0,
        log_end_offset: offsets.log_end.0,
        timestamp_offset: offsets.at_time.map(|offset| offset.0),
    })
}
