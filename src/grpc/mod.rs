//! The gRPC face of the broker: tonic services over the generated types, one file a verb. A service decodes
//! and refuses what the broker cannot do yet, calls one verb, and encodes its answer; it decides nothing.
//!
//! Stored record sets pass through as the bytes they are: see `RecordBatch.records` in [`crate::wire::server`].

mod admin;
mod append;
mod browsers;
mod connections;
mod convert;
mod delivery;
mod offsets;
mod pipeline;
mod publish;
mod publish_stream;
mod read;
mod refusals;
mod serve;
mod services;
mod status;
mod subscribe;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use serve::{ServeError, serve};

use crate::broker::Broker;

/// What the services call.
type BrokerHandle = Arc<Broker>;

/// What the gRPC server runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcConfig {
    /// A stream that has been silent for this long gets a heartbeat.
    pub heartbeat: Duration,
    /// How many connections may be open.
    pub connections_max: usize,
    /// How many calls a connection may have open.
    pub streams_per_connection_max: u32,
    /// How long calls may take to end when the broker stops, before their connections are cut.
    pub drain_timeout: Duration,
}

impl Default for GrpcConfig {
    fn default() -> GrpcConfig {
        GrpcConfig {
            heartbeat: Duration::from_secs(10),
            connections_max: 4096,
            streams_per_connection_max: 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
