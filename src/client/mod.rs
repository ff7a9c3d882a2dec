//! The client library: talks to a broker over the wire, and knows nothing else of it.
//!
//! A [`Client`] is one connection; it is cheap to clone, and clones share it. Publishing is pipelined
//! ([`Client::producer`] for records, [`Client::appender`] for batches), reading is a stream of batches
//! ([`Client::read`] for one partition, [`Client::subscribe`] for a topic). Nothing here reconnects or retries:
//! what was sent when a connection broke has an unknown outcome, and only the caller knows what that means.
//!
//! # Limits
//! A connection buffers at most [`CONNECTION_WINDOW_BYTES`] of answers, a stream [`STREAM_WINDOW_BYTES`];
//! messages of more than [`MESSAGE_BYTES_MAX`] are refused; a broker that does not answer for
//! [`KEEP_ALIVE_INTERVAL`] and [`KEEP_ALIVE_TIMEOUT`] counts as gone. What is in flight is bounded by
//! [`InFlightLimits`].
//!
//! # Cancellation
//! Every future here can be dropped. A request that was handed over may still be carried out; a stream that is
//! dropped is cancelled at the broker.

mod admin;
mod error;
mod in_flight;
mod pipeline;
mod reader;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::types::limits::PAYLOAD_BYTES_MAX;
use crate::wire::client::pubsub::admin_client::AdminClient;
use crate::wire::client::pubsub::log_client::LogClient;
use crate::wire::client::pubsub::pub_sub_client::PubSubClient;

pub use crate::wire::client::pubsub as messages;
pub use error::{ClientError, ConnectError};
pub use in_flight::InFlightLimits;
pub use pipeline::{
    AppendOutcomes, Appender, Exchange, Failure, Outcome, Outcomes, ProduceOutcomes, Producer, Requests,
    Stopped,
};
pub use reader::{PartitionReader, ReadEvent, Subscription, records_of};

/// Answers that a stream buffers before it slows the broker down, in bytes.
pub const STREAM_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// The same for all streams of a connection together, in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 32 * 1024 * 1024;

/// The longest message, in bytes: the largest batch that a broker can be configured to accept, and the fields
/// around it.
pub const MESSAGE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1024 * 1024;

/// How often an idle connection is tried.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How long a try may take.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest frame that the broker may send, in bytes: at HTTP/2's default of 16 KiB, reading is half as fast.
const FRAME_BYTES_MAX: u32 = 1024 * 1024;

/// A connection to a broker.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// Connects to `address`: `host:port`, or the same behind `http://`.
    ///
    /// # Errors
    /// If the address can be none, or nobody answers there within five seconds.
    pub async fn connect(address: &str) -> Result<Client, ConnectError> {
        let endpoint = endpoint(address)?;
        let channel = endpoint.connect().await.map_err(|error| ConnectError::unreachable(address, &error))?;
        Ok(Client { channel })
    }

    fn pub_sub(&self) -> PubSubClient<Channel> {
        PubSubClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

fn endpoint(address: &str) -> Result<Endpoint, ConnectError> {
    let bad = |what: &str| ConnectError::BadAddress { address: address.to_owned(), what: what.to_owned() };
    let authority = match address.split_once("://") {
        None => address,
        Some(("http", rest)) => rest.trim_end_matches('/'),
        Some((scheme, _)) => return Err(bad(&format!("the broker speaks http, not {scheme}"))),
    };
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() || authority.contains('/') {
        return Err(bad("an address is host:port, such as 127.0.0.1:50051"));
    }
    let endpoint = Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|_| bad("an address is host:port, such as 127.0.0.1:50051"))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}
