//! `Log.Read`: one partition by offset.

use std::future::pending;

use futures_util::{Stream, stream};
use tonic::Status;

use super::convert::{self, ResponseLimit};
use super::delivery::{Delivery, Next, Sent};
use super::status::status_of;
use crate::broker::Selection;
use crate::grpc::{BrokerHandle, GrpcConfig};
use crate::types::PartitionId;
use crate::wire::server::pubsub::read_response::Event;
use crate::wire::server::pubsub::{ReadRequest, ReadResponse};

pub(super) async fn read(
    broker: &BrokerHandle,
    config: &GrpcConfig,
    request: ReadRequest,
) -> Result<impl Stream<Item = Result<ReadResponse, Status>> + Send + 'static, Status> {
    let selection = Selection {
        topics: vec![request.topic],
        partitions: vec![PartitionId(request.partition)],
        start: convert::start(request.start)?,
        stop: convert::stop(request.stop),
    };
    let readers = broker.subscribe(&selection).await.map_err(|error| status_of(&error))?;
    let limit = ResponseLimit::from_request(request.max_batch_bytes);
    let delivery = Delivery::new(broker.clone(), readers, limit, config.heartbeat);
    Ok(stream::unfold(Some(delivery), |delivery| async move {
        let mut delivery = delivery?;
        loop {
            let event = match delivery.next(pending::<()>()).await {
                Next::Send(Sent::Records(batch)) => Event::Records(batch),
                Next::Send(Sent::CaughtUp(caught_up)) => Event::CaughtUp(caught_up),
                Next::Send(Sent::Heartbeat(heartbeat)) => Event::Heartbeat(heartbeat),
                // The status that follows says it; a reader by offset knows where it is.
                Next::Send(Sent::GoingAway(_)) | Next::Steer(()) => continue,
                Next::End(Ok(())) => return None,
                Next::End(Err(status)) => return Some((Err(status), None)),
            };
            return Some((Ok(ReadResponse { event: Some(event) }), Some(delivery)));
        }
    }))
}
