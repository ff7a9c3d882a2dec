//! HTTP, as yet only what looks after a broker asks: is it alive, is it ready, and if not, what is it doing.
//! Answers from the first moment on, while the logs are still being recovered.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;

/// What the broker is doing.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Opening what its storage holds.
    Starting {
        /// How many topics have been begun with.
        topics_begun: usize,
        /// How many there are; 0 before that is known.
        topics_total: usize,
    },
    /// Serving.
    Ready(Arc<Broker>),
    /// Ending what is under way.
    Stopping,
}

#[derive(Clone)]
struct Context {
    phase: watch::Receiver<Phase>,
    started: Instant,
}

/// Serves HTTP until `stopped`.
///
/// # Errors
/// What the system said when it refused to go on accepting connections.
pub async fn serve(
    listener: TcpListener,
    phase: watch::Receiver<Phase>,
    stopped: CancellationToken,
) -> std::io::Result<()> {
    let context = Context { phase, started: Instant::now() };
    let router = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(context);
    axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned()).await
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    uptime_sec: u64,
    topics: usize,
    subscribers: u32,
}

async fn health(State(context): State<Context>) -> Response {
    let (code, status, topics, subscribers) = match &*context.phase.borrow() {
        Phase::Starting { .. } => (StatusCode::SERVICE_UNAVAILABLE, "starting", 0, 0),
        Phase::Ready(broker) => {
            let description = broker.describe();
            (StatusCode::OK, "ok", description.topics, description.subscriptions)
        }
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", 0, 0),
    };
    let uptime_sec = context.started.elapsed().as_secs();
    (code, Json(Health { status, uptime_sec, topics, subscribers })).into_response()
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics_begun: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics_total: Option<usize>,
}

async fn ready(State(context): State<Context>) -> Response {
    let bare = |status| Readiness { status, doing: None, topics_begun: None, topics_total: None };
    let (code, readiness) = match &*context.phase.borrow() {
        Phase::Starting { topics_begun, topics_total } => {
            let readiness = Readiness {
                status: "starting",
                doing: Some("opening topics"),
                topics_begun: Some(*topics_begun),
                topics_total: Some(*topics_total),
            };
            (StatusCode::SERVICE_UNAVAILABLE, readiness)
        }
        Phase::Ready(_) => (StatusCode::OK, bare("ready")),
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, bare("stopping")),
    };
    (code, Json(readiness)).into_response()
}

#[derive(Serialize)]
struct ErrorBody {
    error: ErrorFields,
}

#[derive(Serialize)]
struct ErrorFields {
    code: &'static str,
    message: &'static str,
}

fn refuse(status: StatusCode, code: &'static str, message: &'static str) -> Response {
    (status, Json(ErrorBody { error: ErrorFields { code, message } })).into_response()
}

async fn not_found() -> Response {
    refuse(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
}

async fn method_not_allowed() -> Response {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this path does not take this method")
}
