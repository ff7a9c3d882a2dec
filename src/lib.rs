//! Highwater: a durable, log-structured message broker.
//!
//! Everything below the high watermark is on disk, and nothing above it is ever shown to a reader.
//!
//! The map, lowest layer first; a layer imports only lower ones, and `tests/tidy.rs` proves it:
//!
//! | layer | module | what it owns |
//! | --- | --- | --- |
//! | 0 | [`types`] | plain values: offsets, names, limits, configuration, the clock |
//! | 1 | [`codec`] | bytes to values and back, pure: every on-disk format and the record set |
//! | 1 | [`disk`] | the only code that names the file system: real, simulated, failing |
//! | 2 | [`log`] | one partition's files, synchronous, one writer |
//! | 3 | [`partition`] | the async owner of a log: permits, group commit, tail, upkeep |
//! | 5 | [`broker`] | the verbs, free of any transport |
//! | 6 | [`grpc`] | the tonic services |
//! | 6 | [`http`] | health and readiness, as yet |
//! | 7 | [`server`] | puts it together: listeners, storage, broker, stop |
//! | - | [`config`] | the configuration file, environment and flags |
//! | - | [`client`] | the client library: uses only the wire |
//! | - | [`cli`] | the subcommands: use only the client, or the log for the offline tools |

#![cfg_attr(test, allow(clippy::as_conversions, reason = "tests convert small literals"))]

pub mod broker;
pub mod cli;
pub mod client;
pub mod codec;
pub mod config;
pub mod disk;
pub mod grpc;
pub mod http;
pub mod log;
pub mod partition;
pub mod server;
pub mod telemetry;
pub mod types;
pub mod wire;
