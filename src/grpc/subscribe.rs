//! `PubSub.Subscribe` and `PubSub.Consume`: records of topics, with and without steering.

use std::collections::BTreeSet;
use std::future::pending;

use futures_util::{Stream, stream};
use tonic::{Status, Streaming};

use super::convert::{self, ResponseLimit};
use super::delivery::{Delivery, Next, Sent};
use super::status::{Refusal, status_of};
use crate::broker::Selection;
use crate::grpc::{BrokerHandle, GrpcConfig};
use crate::types::PartitionId;
use crate::wire::server::pubsub::subscribe_request::Steer;
use crate::wire::server::pubsub::subscribe_response::Event;
use crate::wire::server::pubsub::{SubscribeMode, SubscribeRequest, SubscribeResponse};

/// The state of a stream between two of its messages.
struct Subscription {
    delivery: Delivery,
    /// None once the client has said all it will.
    steering: Option<Streaming<SubscribeRequest>>,
    has_ended: bool,
}

/// Opens a subscription: the first request says what to read, the later ones steer.
pub(super) async fn subscribe(
    broker: &BrokerHandle,
    config: &GrpcConfig,
    mut requests: Streaming<SubscribeRequest>,
) -> Result<impl Stream<Item = Result<SubscribeResponse, Status>> + Send + 'static, Status> {
    let first = tokio::select! {
        first = requests.message() => first?,
        () = broker.stopping().cancelled_owned() => return Err(Refusal::shutting_down().status()),
    };
    let Some(first) = first else {
        return Err(Refusal::invalid("NO_REQUEST", "the stream ended before its first request").status());
    };
    open(broker, config, first, Some(requests)).await
}

/// The same without steering.
pub(super) async fn consume(
    broker: &BrokerHandle,
    config: &GrpcConfig,
    request: SubscribeRequest,
) -> Result<impl Stream<Item = Result<SubscribeResponse, Status>> + Send + 'static, Status> {
    open(broker, config, request, None).await
}

async fn open(
    broker: &BrokerHandle,
    config: &GrpcConfig,
    request: SubscribeRequest,
    steering: Option<Streaming<SubscribeRequest>>,
) -> Result<impl Stream<Item = Result<SubscribeResponse, Status>> + Send + 'static, Status> {
    let limit = ResponseLimit::from_request(request.max_batch_bytes);
    let selection = selection(request)?;
    let readers = broker.subscribe(&selection).await.map_err(|error| status_of(&error))?;
    let delivery = Delivery::new(broker.clone(), readers, limit, config.heartbeat);
    let subscription = Subscription { delivery, steering, has_ended: false };
    Ok(stream::unfold(subscription, |mut subscription| async move {
        let message = subscription.next().await?;
        Some((message, subscription))
    }))
}

impl Subscription {
    async fn next(&mut self) -> Option<Result<SubscribeResponse, Status>> {
        while !self.has_ended {
            let steering = async {
                match &mut self.steering {
                    Some(requests) => requests.message().await,
                    None => pending().await,
                }
            };
            match self.delivery.next(steering).await {
                Next::Send(sent) => return Some(Ok(response(sent))),
                Next::End(Ok(())) => self.has_ended = true,
                Next::End(Err(status)) => {
                    self.has_ended = true;
                    return Some(Err(status));
                }
                // Half-closed: the client has nothing to steer, and still gets its records.
                Next::Steer(Ok(None)) => self.steering = None,
                Next::Steer(Ok(Some(request))) => {
                    if let Err(refusal) = self.steer(request) {
                        self.has_ended = true;
                        return Some(Err(refusal.status()));
                    }
                }
                // The client is gone.
                Next::Steer(Err(status)) => {
                    self.has_ended = true;
                    return Some(Err(status));
                }
            }
        }
        None
    }

    fn steer(&mut self, request: SubscribeRequest) -> Result<(), Refusal> {
        let steer = SubscribeRequest { steer: None, ..request.clone() } == SubscribeRequest::default();
        match request.steer {
            Some(_) if !steer => {
                let message = "what to read is said in the first request alone";
                Err(Refusal::invalid("INVALID_STEERING", message))
            }
            Some(Steer::Pause(pause)) => self.delivery.pause(&pause.topic, &pause.partitions),
            Some(Steer::Resume(resume)) => self.delivery.resume(&resume.topic, &resume.partitions),
            Some(Steer::Leave(_)) => {
                self.has_ended = true;
                Ok(())
            }
            Some(Steer::Ack(_)) => Err(Refusal::unimplemented("ack")),
            Some(Steer::Reject(_)) => Err(Refusal::unimplemented("reject")),
            Some(Steer::Extend(_)) => Err(Refusal::unimplemented("extend")),
            Some(Steer::SetFlow(_)) => Err(Refusal::unimplemented("set_flow")),
            None => {
                let message = "a later request steers: pause, resume or leave";
                Err(Refusal::invalid("INVALID_STEERING", message))
            }
        }
    }
}

fn response(sent: Sent) -> SubscribeResponse {
    let event = match sent {
        Sent::Records(batch) => Event::Records(batch),
        Sent::CaughtUp(caught_up) => Event::CaughtUp(caught_up),
        Sent::Heartbeat(heartbeat) => Event::Heartbeat(heartbeat),
        Sent::GoingAway(going_away) => Event::GoingAway(going_away),
    };
    SubscribeResponse { event: Some(event) }
}

fn selection(request: SubscribeRequest) -> Result<Selection, Refusal> {
    if request.steer.is_some() {
        let message = "the first request says what to read, later ones steer";
        return Err(Refusal::invalid("INVALID_STEERING", message));
    }
    for (is_set, what) in [
        (!request.topic_pattern.is_empty(), "topic_pattern"),
        (!request.group.is_empty(), "group"),
        (request.flow.is_some(), "flow"),
    ] {
        if is_set {
            return Err(Refusal::unimplemented(what));
        }
    }
    match SubscribeMode::try_from(request.mode) {
        Ok(SubscribeMode::Unspecified) => {}
        Ok(mode) => return Err(Refusal::unimplemented(&format!("mode {}", mode.as_str_name()))),
        Err(_) => return Err(Refusal::invalid("INVALID_MODE", format!("unknown mode {}", request.mode))),
    }
    let topics = match (request.topics.is_empty(), request.topic.is_empty()) {
        (true, _) => vec![request.topic],
        (false, true) => request.topics,
        (false, false) => {
            return Err(Refusal::invalid("INVALID_SELECTION", "either topic or topics, not both"));
        }
    };
    if topics.iter().collect::<BTreeSet<_>>().len() < topics.len() {
        return Err(Refusal::invalid("INVALID_SELECTION", "a topic is named twice"));
    }
    let partitions: BTreeSet<PartitionId> = request.partitions.into_iter().map(PartitionId).collect();
    Ok(Selection {
        topics,
        partitions: partitions.into_iter().collect(),
        start: convert::start(request.start)?,
        stop: convert::stop(request.stop),
    })
}
