//! Puts the services on a listener: with health, reflection and gRPC-Web, and with the windows and limits that
//! HTTP/2 needs to be fast and bounded.

use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService as _;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::util::MapResponseLayer;

use super::browsers::BrowserGuardLayer;
use super::connections::connections;
use super::refusals::refuse_by_name;
use super::services::Services;
use super::{BrokerHandle, GrpcConfig};
use crate::types::limits::REQUEST_BYTES_MAX;
use crate::wire::DESCRIPTORS;
use crate::wire::server::pubsub::admin_server::AdminServer;
use crate::wire::server::pubsub::log_server::LogServer;
use crate::wire::server::pubsub::pub_sub_server::PubSubServer;

/// Fixed, since the adaptive window overrides these and stops at 16 MiB. A stream can fill what a fast network
/// holds ...
const STREAM_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// ... and a few of them do not starve the others of their connection.
const CONNECTION_WINDOW_BYTES: u32 = 32 * 1024 * 1024;
/// What producers may send in one piece: at HTTP/2's default of 16 KiB the headers cost a third of the speed.
const FRAME_BYTES_MAX: u32 = 1024 * 1024;
/// All headers of a request together: what calls need, and not a place to put megabytes.
const HEADERS_BYTES_MAX: u32 = 16 * 1024;
/// How often a silent connection is asked whether it lives, and how long it may take to say so.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why serving ended before it was told to.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Reflection cannot read the descriptors that were built in.
    #[error("the built-in descriptors are unusable: {0}")]
    Descriptors(#[from] tonic_reflection::server::Error),
    /// The listener does not know its address.
    #[error("the listener has no address: {0}")]
    Listener(#[source] std::io::Error),
    /// The server failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves the broker until it stops (see [`crate::broker::Broker::begin_stop`]); then accepts nothing new, lets
/// calls end for the drain timeout, and cuts what is left. The broker is not closed.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    broker: BrokerHandle,
    config: GrpcConfig,
) -> Result<(), ServeError> {
    let stopping = broker.stopping();
    let drain_timeout = config.drain_timeout;
    let streams_max = config.streams_per_connection_max;
    // Dropped, and so cancelled, when this function is left in whatever way.
    let cut = CancellationToken::new();
    let cut_at_the_end = cut.clone().drop_guard();
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    let is_loopback = address.ip().to_canonical().is_loopback();
    let connections = connections(listener, config.connections_max, cut);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let (mut reporter, health) = tonic_health::server::health_reporter();
    set_health(&mut reporter, ServingStatus::Serving).await;

    let services = Services { broker, config };
    let serving = Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(streams_max)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .layer(BrowserGuardLayer { is_loopback })
        .layer(GrpcWebLayer::new())
        .layer(MapResponseLayer::new(refuse_by_name))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(PubSubServer::new(services.clone()).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(LogServer::new(services.clone()).max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(AdminServer::new(services).max_decoding_message_size(REQUEST_BYTES_MAX))
        .serve_with_incoming_shutdown(connections, stopping.clone().cancelled_owned());
    let overdue = async {
        stopping.cancelled().await;
        set_health(&mut reporter, ServingStatus::NotServing).await;
        // Who watches has been told; without this, watching would last as long as the drain timeout.
        for name in health_names() {
            reporter.clear_service_status(name).await;
        }
        tokio::time::sleep(drain_timeout).await;
    };
    let served = tokio::select! {
        served = serving => served.map_err(ServeError::from),
        () = overdue => {
            tracing::warn!(?drain_timeout, "some calls did not end in time and were cut off");
            Ok(())
        }
    };
    drop(cut_at_the_end);
    served
}

/// The broker as a whole, and each of its services.
fn health_names() -> [&'static str; 4] {
    ["", PubSubServer::<Services>::NAME, LogServer::<Services>::NAME, AdminServer::<Services>::NAME]
}

async fn set_health(reporter: &mut HealthReporter, status: ServingStatus) {
    for name in health_names() {
        reporter.set_service_status(name, status).await;
    }
}
