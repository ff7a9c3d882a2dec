//! Requests in a stream, each answered in its turn: many are under way at once, a bounded number, and the
//! answers come in the order of the requests.

use std::future::Future;

use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::BrokerHandle;
use super::status::Refusal;

/// How many requests of one stream may be under way. Their bytes are bounded where they enter a partition;
/// this bounds what is kept beside them.
const IN_FLIGHT_MAX: usize = 4096;

enum Step<P> {
    /// An answer that is on its way.
    Answer(P),
    /// The stream ends with this, behind the answers before it.
    Fail(Status),
}

/// Runs each request through `begin`, one after the other, and then through `finish`, which waits for what has
/// become of it. Ends after the requests have, when the client goes away, or when the broker stops: then behind
/// the answers to what was begun.
pub(super) fn pipeline<Q, P, A, B, F>(
    mut requests: Streaming<Q>,
    broker: BrokerHandle,
    too_large: &'static str,
    mut begin: impl FnMut(Q) -> B + Send + 'static,
    finish: impl Fn(P) -> F + Send + 'static,
) -> impl Stream<Item = Result<A, Status>> + Send + 'static
where
    Q: Send + 'static,
    P: Send + 'static,
    A: 'static,
    B: Future<Output = P> + Send,
    F: Future<Output = A> + Send + 'static,
{
    let (steps, answers) = mpsc::channel(IN_FLIGHT_MAX);
    tokio::spawn(async move {
        // To make these and to ask them takes locks that all streams share. So they are made once, and asked
        // only where there is nothing to do: a client that is gone shows when its answer is sent.
        let stopped = broker.stopping().cancelled_owned();
        let closed = steps.closed();
        tokio::pin!(stopped, closed);
        loop {
            let request = if broker.is_stopping() {
                Err(Refusal::shutting_down().status())
            } else {
                tokio::select! {
                    biased;
                    request = requests.message() => {
                        request.map_err(|status| Refusal::of_request(status, too_large))
                    }
                    () = &mut closed => return,
                    () = &mut stopped => Err(Refusal::shutting_down().status()),
                }
            };
            let step = match request {
                Ok(None) => return,
                Ok(Some(request)) => tokio::select! {
                    biased;
                    pending = begin(request) => Step::Answer(pending),
                    () = &mut closed => return,
                },
                Err(status) => Step::Fail(status),
            };
            let is_last = matches!(step, Step::Fail(_));
            if steps.send(step).await.is_err() || is_last {
                return;
            }
        }
    });
    stream::unfold((answers, finish), |(mut answers, finish)| async move {
        let answer = match answers.recv().await? {
            Step::Answer(pending) => Ok(finish(pending).await),
            Step::Fail(status) => Err(status),
        };
        Some((answer, (answers, finish)))
    })
}
