//! What a broker answered when it refused, and what went wrong on the way to it.

use std::collections::BTreeMap;
use std::error::Error;

use prost::Message as _;
use thiserror::Error as ThisError;
use tonic::{Code, Status};

use crate::wire::client::google::rpc;

const ERROR_INFO: &str = "google.rpc.ErrorInfo";

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{message}{}", reason_suffix(reason))]
pub struct ClientError {
    /// The standard code.
    pub code: Code,
    /// The broker's stable name for it, such as `TOPIC_NOT_FOUND`; empty where the broker did not say, for
    /// instance because the connection broke.
    pub reason: String,
    /// For people.
    pub message: String,
    /// `topic`, `partition`, `first_offset`, `end_offset`, `actual_offset`, where they apply.
    pub metadata: BTreeMap<String, String>,
}

fn reason_suffix(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

impl ClientError {
    pub(super) fn lost(message: &str) -> ClientError {
        ClientError {
            code: Code::Unavailable,
            reason: String::new(),
            message: message.to_owned(),
            metadata: BTreeMap::new(),
        }
    }

    /// From the `error` field of a message in a stream.
    pub(super) fn from_rpc(status: rpc::Status) -> ClientError {
        let info = status
            .details
            .iter()
            .find(|detail| detail.type_url.rsplit('/').next() == Some(ERROR_INFO))
            .and_then(|detail| rpc::ErrorInfo::decode(detail.value.as_slice()).ok())
            .unwrap_or_default();
        ClientError {
            code: Code::from(status.code),
            reason: info.reason,
            message: status.message,
            metadata: info.metadata.into_iter().collect(),
        }
    }

    /// Whether the broker did not answer, or is about to stop: connecting again may help.
    #[must_use]
    pub fn is_disconnect(&self) -> bool {
        match self.code {
            Code::Unavailable => self.reason.is_empty() || self.reason == "SHUTTING_DOWN",
            // What a stream ends with when its connection breaks has no reason of the broker's.
            Code::Unknown | Code::Internal | Code::Cancelled => self.reason.is_empty(),
            _ => false,
        }
    }

    /// Whether a request that was answered with this may have been carried out all the same.
    #[must_use]
    pub fn leaves_outcome_unknown(&self) -> bool {
        match self.code {
            Code::Unavailable => self.reason != "SHUTTING_DOWN",
            Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded => true,
            _ => false,
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> ClientError {
        let described = rpc::Status::decode(status.details()).unwrap_or_default();
        let error = ClientError::from_rpc(described);
        let cause = if error.reason.is_empty() { root_cause(&status) } else { None };
        let message = match cause {
            Some(cause) if cause != status.message() => format!("{}: {cause}", status.message()),
            _ => status.message().to_owned(),
        };
        ClientError { code: status.code(), message, ..error }
    }
}

/// The innermost source of an error, which is the one that tells something.
fn root_cause(error: &dyn Error) -> Option<String> {
    let mut source = error.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum ConnectError {
    /// The address can be none.
    #[error("bad address {address:?}: {what}")]
    BadAddress {
        /// What was given.
        address: String,
        /// What would be right.
        what: String,
    },
    /// Nobody answers.
    #[error("no broker answers at {address}: {cause}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system said.
        cause: String,
    },
}

impl ConnectError {
    pub(super) fn unreachable(address: &str, error: &tonic::transport::Error) -> ConnectError {
        let cause = root_cause(error).unwrap_or_else(|| error.to_string());
        ConnectError::Unreachable { address: address.to_owned(), cause }
    }
}
