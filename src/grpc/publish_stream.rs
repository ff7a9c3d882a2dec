//! `PubSub.PublishStream`: records in a pipeline. An error for one of them stands in its answer.

use std::sync::Arc;

use futures_util::Stream;
use tonic::{Status, Streaming};

use super::convert;
use super::pipeline::pipeline;
use super::publish::{begin, response};
use super::status::Refusal;
use crate::broker::PendingPublish;
use crate::grpc::BrokerHandle;
use crate::wire::server::pubsub::{PublishRequest, PublishResponse};

pub(super) fn publish_stream(
    broker: BrokerHandle,
    requests: Streaming<PublishRequest>,
) -> impl Stream<Item = Result<PublishResponse, Status>> + Send + 'static {
    let publisher = Arc::clone(&broker);
    let begin_one = move |mut request: PublishRequest| {
        let broker = Arc::clone(&publisher);
        async move {
            match convert::correlation_id(std::mem::take(&mut request.correlation_id)) {
                Ok(correlation_id) => (begin(&broker, request).await, correlation_id),
                Err(refusal) => (Err(refusal), String::new()),
            }
        }
    };
    pipeline(requests, broker, "RECORD_TOO_LARGE", begin_one, finish)
}

async fn finish((begun, correlation_id): (Result<PendingPublish, Refusal>, String)) -> PublishResponse {
    let published = match begun {
        Ok(pending) => pending.published().await.map_err(|error| Refusal::from(&error)),
        Err(refusal) => Err(refusal),
    };
    match published {
        Ok(published) => response(published, correlation_id),
        Err(refusal) => PublishResponse {
            correlation_id,
            error: Some(refusal.rpc_status()),
            ..PublishResponse::default()
        },
    }
}
