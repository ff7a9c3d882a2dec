//! Pipelined publishing: many requests in flight on one stream, each answered on its own.
//!
//! The sender and the answers are two halves, so that one task can send while another takes answers; both must
//! be driven, since the stream is opened by the half that takes the answers. Requests carry their sequence as
//! the correlation id: answers are in order per partition only.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use super::error::ClientError;
use super::in_flight::{InFlight, InFlightLimits};
use super::{Client, messages};
use crate::wire::client::google::rpc;
use messages::{AppendRequest, AppendResponse, PublishRequest, PublishResponse};

/// A pair of messages that travel on a pipelined stream.
pub trait Exchange: prost::Message + 'static {
    /// What answers it.
    type Answer: Send + 'static;
    /// Marks the request.
    fn tag(&mut self, id: String);
    /// The mark that an answer bears.
    fn tag_of(answer: &Self::Answer) -> &str;
    /// The error in an answer, if it is one.
    fn take_error(answer: &mut Self::Answer) -> Option<rpc::Status>;
}

macro_rules! exchange {
    ($request:ty => $answer:ty) => {
        impl Exchange for $request {
            type Answer = $answer;

            fn tag(&mut self, id: String) {
                self.correlation_id = id;
            }

            fn tag_of(answer: &$answer) -> &str {
                &answer.correlation_id
            }

            fn take_error(answer: &mut $answer) -> Option<rpc::Status> {
                answer.error.take()
            }
        }
    };
}

exchange!(PublishRequest => PublishResponse);
exchange!(AppendRequest => AppendResponse);

/// Sends records, one a request.
pub type Producer = Requests<PublishRequest>;

/// What became of a [`Producer`]'s records.
pub type ProduceOutcomes = Outcomes<PublishRequest>;

/// Sends batches to partitions.
pub type Appender = Requests<AppendRequest>;

/// What became of an [`Appender`]'s batches.
pub type AppendOutcomes = Outcomes<AppendRequest>;

/// The stream is over; the outcomes say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream to the broker is over")]
pub struct Stopped;

/// Why a request was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not carried out, and will not be.
    #[error("{0}")]
    Refused(ClientError),
    /// It may or may not have been carried out.
    #[error("outcome unknown: {0}")]
    Unknown(ClientError),
}

/// What became of one request.
#[derive(Debug)]
pub struct Outcome<A> {
    /// The number that [`Requests::send`] returned.
    pub sequence: u64,
    /// The broker's answer, or why there is none.
    pub result: Result<A, Failure>,
}

impl Client {
    /// Opens a pipelined stream of records. Both halves must be driven.
    #[must_use]
    pub fn producer(&self, limits: InFlightLimits) -> (Producer, ProduceOutcomes) {
        let mut wire = self.pub_sub();
        open(limits, |requests| Box::pin(async move { wire.publish_stream(requests).await }))
    }

    /// Opens a pipelined stream of batches. Both halves must be driven.
    #[must_use]
    pub fn appender(&self, limits: InFlightLimits) -> (Appender, AppendOutcomes) {
        let mut wire = self.log();
        open(limits, |requests| Box::pin(async move { wire.append(requests).await }))
    }
}

type Opening<A> = Pin<Box<dyn Future<Output = Result<Response<Streaming<A>>, Status>> + Send>>;

fn open<R: Exchange>(
    limits: InFlightLimits,
    call: impl FnOnce(ReceiverStream<R>) -> Opening<R::Answer>,
) -> (Requests<R>, Outcomes<R>) {
    let in_flight = Arc::new(InFlight::new(limits));
    let (sender, receiver) = mpsc::channel(limits.requests_max.max(1));
    let opening = call(ReceiverStream::new(receiver));
    let outcomes =
        Outcomes { stage: Stage::Opening(opening), in_flight: Arc::clone(&in_flight), ended_with: None };
    (Requests { sender, in_flight }, outcomes)
}

/// The sending half. Dropping it ends the stream once everything is answered.
#[derive(Debug)]
pub struct Requests<R> {
    sender: mpsc::Sender<R>,
    in_flight: Arc<InFlight>,
}

impl<R: Exchange> Requests<R> {
    /// Sends a request as soon as the limits allow; its `correlation_id` is overwritten. Returns the request's
    /// sequence, from 0, which its [`Outcome`] bears. Cancellation-safe: a dropped call has sent nothing.
    ///
    /// # Errors
    /// If the stream is over. The request was then not sent, or its outcome is reported as unknown.
    pub async fn send(&mut self, mut request: R) -> Result<u64, Stopped> {
        let sequence = self.in_flight.enter(request.encoded_len()).await.ok_or(Stopped)?;
        request.tag(sequence.to_string());
        // As many fit into the channel as may be in flight: there is always room.
        self.sender.try_send(request).map_err(|_| Stopped)?;
        Ok(sequence)
    }
}

/// The half that takes the answers.
pub struct Outcomes<R: Exchange> {
    stage: Stage<R::Answer>,
    in_flight: Arc<InFlight>,
    ended_with: Option<ClientError>,
}

enum Stage<A> {
    Opening(Opening<A>),
    Open(Box<Streaming<A>>),
    Over,
}

impl<R: Exchange> fmt::Debug for Outcomes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("ended_with", &self.ended_with).finish_non_exhaustive()
    }
}

impl<R: Exchange> Outcomes<R> {
    /// The next outcome; None once the sender was dropped and everything has one. When the stream breaks, what
    /// is unanswered is reported as unknown, in the order in which it was sent. Cancellation-safe.
    pub async fn next(&mut self) -> Option<Outcome<R::Answer>> {
        loop {
            let received = match &mut self.stage {
                Stage::Opening(opening) => match opening.await {
                    Ok(response) => {
                        self.stage = Stage::Open(Box::new(response.into_inner()));
                        continue;
                    }
                    Err(status) => Err(status),
                },
                Stage::Open(stream) => stream.message().await,
                Stage::Over => return self.next_unanswered(),
            };
            match received {
                Ok(Some(answer)) => {
                    if let Some(outcome) = self.answered(answer) {
                        return Some(outcome);
                    }
                }
                Ok(None) => self.end(None),
                Err(status) => self.end(Some(status.into())),
            }
        }
    }

    /// Why the stream ended; None if it ended as it should, or has not.
    #[must_use]
    pub const fn ended_with(&self) -> Option<&ClientError> {
        self.ended_with.as_ref()
    }

    /// None for answers to nothing that is in flight, which a broker does not send.
    fn answered(&self, mut answer: R::Answer) -> Option<Outcome<R::Answer>> {
        let sequence = R::tag_of(&answer).parse().ok().filter(|sequence| self.in_flight.leave(*sequence))?;
        let result = match R::take_error(&mut answer).map(ClientError::from_rpc) {
            None => Ok(answer),
            Some(error) if error.leaves_outcome_unknown() => Err(Failure::Unknown(error)),
            Some(error) => Err(Failure::Refused(error)),
        };
        Some(Outcome { sequence, result })
    }

    fn end(&mut self, error: Option<ClientError>) {
        self.stage = Stage::Over;
        self.ended_with = error;
        self.in_flight.close();
    }

    fn next_unanswered(&mut self) -> Option<Outcome<R::Answer>> {
        let sequence = self.in_flight.leave_oldest()?;
        let lost = || ClientError::lost("the broker ended the stream without an answer");
        let error = self.ended_with.get_or_insert_with(lost).clone();
        Some(Outcome { sequence, result: Err(Failure::Unknown(error)) })
    }
}
