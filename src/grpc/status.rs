//! How an error reaches a client: its gRPC code, its stable reason, and the details for programs. The one
//! place that knows; every error of a verb is matched without `_`, so that a new one cannot be forgotten.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Code, Status};

use crate::broker::{
    AppendError, BatchError, CommitError, CreateTopicError, DeleteRecordsError, DeleteTopicError,
    LookupError, PublishError, ReadError, RecordError,
};
use crate::types::{Offset, OffsetRange, TopicName, TopicPartition};
use crate::wire::server::google::rpc;

const DOMAIN: &str = "highwater";

/// How much of what a client wrote a message repeats, in bytes: enough to recognize it. Messages travel in
/// headers, which have their own limit.
const EXCERPT_BYTES_MAX: usize = 100;

/// How long to wait before trying again, where waiting may help.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// An error as the wire has it: for a whole call ([`Refusal::status`]) or in a stream ([`Refusal::rpc_status`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    retry: bool,
}

impl Refusal {
    pub(super) fn new(code: Code, reason: &'static str, message: impl Display) -> Refusal {
        Refusal { code, reason, message: message.to_string(), metadata: HashMap::new(), retry: false }
    }

    /// A request that can never be right.
    pub(super) fn invalid(reason: &'static str, message: impl Display) -> Refusal {
        Refusal::new(Code::InvalidArgument, reason, message)
    }

    /// A field, mode or value that does not work yet.
    pub(super) fn unimplemented(what: &str) -> Refusal {
        let message = format!("{what} is not supported by this version of the broker");
        Refusal::new(Code::Unimplemented, "UNIMPLEMENTED", message)
    }

    pub(super) fn shutting_down() -> Refusal {
        Refusal::from(&LookupError::ShuttingDown)
    }

    /// For a request that did not even decode. The transport has its own code for a message above the limit
    /// of all messages; to clients it is the same mistake as one above the limit of its topic.
    pub(super) fn of_request(status: Status, too_large: &'static str) -> Status {
        if status.code() == Code::OutOfRange && status.details().is_empty() {
            return Refusal::invalid(too_large, status.message()).status();
        }
        status
    }

    fn topic(mut self, topic: &TopicName) -> Refusal {
        self.metadata.insert("topic".to_owned(), topic.to_string());
        self
    }

    pub(super) fn at(mut self, at: &TopicPartition) -> Refusal {
        self.metadata.insert("partition".to_owned(), at.partition.to_string());
        self.topic(&at.topic)
    }

    fn range(mut self, range: OffsetRange) -> Refusal {
        self.metadata.insert("first_offset".to_owned(), range.first.to_string());
        self.metadata.insert("end_offset".to_owned(), range.end.to_string());
        self
    }

    fn actual(mut self, offset: Offset) -> Refusal {
        self.metadata.insert("actual_offset".to_owned(), offset.to_string());
        self
    }

    /// Tells the client that the same request may succeed later.
    fn retry(mut self) -> Refusal {
        self.retry = true;
        self
    }

    /// For the `error` field of a message in a stream.
    pub(super) fn rpc_status(&self) -> rpc::Status {
        let info = rpc::ErrorInfo {
            reason: self.reason.to_owned(),
            domain: DOMAIN.to_owned(),
            metadata: self.metadata.clone(),
        };
        let mut details = vec![any("google.rpc.ErrorInfo", &info)];
        if self.retry {
            let retry_delay = prost_types::Duration::try_from(RETRY_DELAY).ok();
            details.push(any("google.rpc.RetryInfo", &rpc::RetryInfo { retry_delay }));
        }
        rpc::Status { code: i32::from(self.code), message: self.message.clone(), details }
    }

    /// For the end of a call.
    pub(super) fn status(&self) -> Status {
        let details = Bytes::from(self.rpc_status().encode_to_vec());
        Status::with_details(self.code, self.message.clone(), details)
    }
}

/// The beginning of what a client wrote, for a message that repeats it.
pub(super) fn excerpt(text: &str) -> &str {
    text.get(..text.floor_char_boundary(EXCERPT_BYTES_MAX)).unwrap_or(text)
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        refusal.status()
    }
}

impl From<&LookupError> for Refusal {
    fn from(error: &LookupError) -> Refusal {
        let new = |code, reason| Refusal::new(code, reason, error);
        match error {
            LookupError::InvalidName(_) | LookupError::InternalName => {
                new(Code::InvalidArgument, "INVALID_TOPIC_NAME")
            }
            LookupError::TopicNotFound { topic } => new(Code::NotFound, "TOPIC_NOT_FOUND").topic(topic),
            LookupError::PartitionNotFound { at, .. } => new(Code::NotFound, "PARTITION_NOT_FOUND").at(at),
            LookupError::TopicDamaged { topic } => new(Code::DataLoss, "TOPIC_METADATA_CORRUPT").topic(topic),
            LookupError::PartitionDamaged { at } => new(Code::DataLoss, "PARTITION_CORRUPT").at(at),
            LookupError::TopicFailed { topic } => new(Code::Unavailable, "TOPIC_FAILED").topic(topic),
            LookupError::PartitionFailed { at } => new(Code::Unavailable, "PARTITION_FAILED").at(at),
            LookupError::ShuttingDown => new(Code::Unavailable, "SHUTTING_DOWN").retry(),
        }
    }
}

impl From<&CommitError> for Refusal {
    fn from(error: &CommitError) -> Refusal {
        let new = |code, reason| Refusal::new(code, reason, error);
        match error {
            CommitError::OffsetMismatch { at, actual } => {
                new(Code::Aborted, "OFFSET_MISMATCH").at(at).actual(*actual)
            }
            CommitError::DiskFull { at } => new(Code::ResourceExhausted, "DISK_FULL").at(at).retry(),
            CommitError::PartitionFailed { at } | CommitError::OutcomeUnknown { at } => {
                new(Code::Unavailable, "PARTITION_FAILED").at(at)
            }
            CommitError::TopicDeleted { topic } => new(Code::NotFound, "TOPIC_NOT_FOUND").topic(topic),
            CommitError::ShuttingDown => new(Code::Unavailable, "SHUTTING_DOWN").retry(),
        }
    }
}

impl From<&RecordError> for Refusal {
    fn from(error: &RecordError) -> Refusal {
        let reason = match error {
            RecordError::TooLarge { .. } => "RECORD_TOO_LARGE",
            RecordError::TooManyHeaders => "TOO_MANY_HEADERS",
            RecordError::NegativeTime => "INVALID_TIMESTAMP",
            RecordError::TimestampTooFarAhead { .. } => "TIMESTAMP_TOO_FAR_AHEAD",
        };
        Refusal::invalid(reason, error)
    }
}

impl From<&PublishError> for Refusal {
    fn from(error: &PublishError) -> Refusal {
        match error {
            PublishError::Lookup(error) => error.into(),
            PublishError::Create(error) => error.into(),
            PublishError::Record { topic, partition, error } => match partition {
                Some(partition) => {
                    let at = TopicPartition { topic: topic.clone(), partition: *partition };
                    Refusal::from(error).at(&at)
                }
                None => Refusal::from(error).topic(topic),
            },
            PublishError::Commit(error) => error.into(),
        }
    }
}

impl From<&AppendError> for Refusal {
    fn from(error: &AppendError) -> Refusal {
        match error {
            AppendError::Lookup(error) => error.into(),
            AppendError::Create(error) => error.into(),
            AppendError::Batch { at, error } => Refusal::from(error).at(at),
            AppendError::Commit(error) => error.into(),
        }
    }
}

impl From<&BatchError> for Refusal {
    fn from(error: &BatchError) -> Refusal {
        match error {
            BatchError::TooLarge { .. } | BatchError::TooManyRecords { .. } => {
                Refusal::invalid("BATCH_TOO_LARGE", error)
            }
            BatchError::Malformed { .. } => Refusal::invalid("MALFORMED_RECORD_SET", error),
            BatchError::DelayedRecords => Refusal::unimplemented("deliver_at_ms"),
            BatchError::Record(error) => error.into(),
        }
    }
}

impl From<&ReadError> for Refusal {
    fn from(error: &ReadError) -> Refusal {
        let new = |code, reason| Refusal::new(code, reason, error);
        match error {
            ReadError::Lookup(error) => error.into(),
            ReadError::OutOfRange { at, available, .. } => {
                new(Code::OutOfRange, "OFFSET_OUT_OF_RANGE").at(at).range(*available)
            }
            ReadError::Corrupt { at, damaged } => new(Code::DataLoss, "CORRUPT_RANGE").at(at).range(*damaged),
            ReadError::PartitionFailed { at } => new(Code::Unavailable, "PARTITION_FAILED").at(at),
            ReadError::RecordExceedsResponse { at, offset, .. } => {
                let range = OffsetRange { first: *offset, end: offset.plus(1) };
                new(Code::FailedPrecondition, "RECORD_EXCEEDS_RESPONSE").at(at).range(range)
            }
            ReadError::TopicDeleted { topic } => new(Code::NotFound, "TOPIC_NOT_FOUND").topic(topic),
        }
    }
}

impl From<&CreateTopicError> for Refusal {
    fn from(error: &CreateTopicError) -> Refusal {
        let new = |code, reason| Refusal::new(code, reason, error);
        match error {
            CreateTopicError::Lookup(error) => error.into(),
            CreateTopicError::Exists { topic } => new(Code::AlreadyExists, "TOPIC_EXISTS").topic(topic),
            CreateTopicError::TooManyTopics { .. } => new(Code::ResourceExhausted, "TOO_MANY_TOPICS"),
            CreateTopicError::PartitionsOutOfBounds { .. } => {
                new(Code::InvalidArgument, "INVALID_PARTITION_COUNT")
            }
            CreateTopicError::Setting(_) => new(Code::InvalidArgument, "INVALID_CONFIG"),
            CreateTopicError::DiskFull => new(Code::ResourceExhausted, "DISK_FULL").retry(),
            CreateTopicError::StorageFailed { topic } => {
                new(Code::Unavailable, "STORAGE_FAILED").topic(topic)
            }
        }
    }
}

impl From<&DeleteTopicError> for Refusal {
    fn from(error: &DeleteTopicError) -> Refusal {
        match error {
            DeleteTopicError::Lookup(error) => error.into(),
            DeleteTopicError::StorageFailed { topic } => {
                Refusal::new(Code::Unavailable, "STORAGE_FAILED", error).topic(topic)
            }
        }
    }
}

impl From<&DeleteRecordsError> for Refusal {
    fn from(error: &DeleteRecordsError) -> Refusal {
        match error {
            DeleteRecordsError::Lookup(error) => error.into(),
            DeleteRecordsError::OutOfRange { at, available, .. } => {
                Refusal::new(Code::OutOfRange, "OFFSET_OUT_OF_RANGE", error).at(at).range(*available)
            }
            DeleteRecordsError::Commit(error) => error.into(),
        }
    }
}

/// Verbs' errors end a call as this.
pub(super) fn status_of<'a, E>(error: &'a E) -> Status
where
    Refusal: From<&'a E>,
{
    Refusal::from(error).status()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PartitionId;

    #[test]
    fn an_excerpt_is_short_and_ends_behind_a_whole_character() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"x".repeat(1_000)), "x".repeat(100));
        assert_eq!(excerpt(&"€".repeat(1_000)), "€".repeat(33));
    }

    #[test]
    fn a_status_carries_reason_domain_metadata_and_retry() {
        let at = TopicPartition { topic: TopicName::parse("t").unwrap(), partition: PartitionId(2) };
        let full = Refusal::from(&CommitError::DiskFull { at: at.clone() }).status();
        assert_eq!(full.code(), Code::ResourceExhausted);
        let decoded = rpc::Status::decode(full.details()).unwrap();
        assert_eq!(decoded.code, 8);
        let info = rpc::ErrorInfo::decode(&*decoded.details[0].value).unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("DISK_FULL", "highwater"));
        assert_eq!((info.metadata["topic"].as_str(), info.metadata["partition"].as_str()), ("t", "2"));
        assert_eq!(decoded.details[1].type_url, "type.googleapis.com/google.rpc.RetryInfo");

        let error = ReadError::OutOfRange {
            at,
            asked: Offset(9),
            available: OffsetRange { first: Offset(3), end: Offset(7) },
        };
        let status = Refusal::from(&error).rpc_status();
        assert_eq!(status.details.len(), 1, "waiting does not help");
        let info = rpc::ErrorInfo::decode(&*status.details[0].value).unwrap();
        assert_eq!(
            (info.metadata["first_offset"].as_str(), info.metadata["end_offset"].as_str()),
            ("3", "7")
        );
    }
}
