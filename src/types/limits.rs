//! The bounds that hold whatever the configuration says, each with its reason.

/// Topic names become directory names, which have at most 255 bytes; Kafka's limit leaves room for suffixes.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// No frame's payload is longer, whatever a topic is configured to accept: a reader must be able to hold one.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// No batch has more records, so that what is counted per record (leases, deltas) stays small.
pub const BATCH_RECORDS_MAX: usize = 1_000_000;

/// No partition number is this high: each partition costs files and memory.
pub const TOPIC_PARTITIONS_MAX: u32 = 10_000;

/// Simple publishes gathered in one commit are cut into frames of at most this payload, so that damage to one
/// frame stays small.
pub const GATHERED_FRAME_BYTES_MAX: usize = 64 * 1024;

/// ... and of at most this many records, for the same reason.
pub const GATHERED_FRAME_RECORDS_MAX: usize = 512;

/// Stock gRPC clients refuse messages above 4 MiB; no response carries more records' bytes than this unless
/// the request asks for it. The rest is for the fields around the records.
pub const RESPONSE_BYTES_DEFAULT: usize = 3_900_000;

/// What one publish may carry beside its value.
pub const RECORD_HEADERS_MAX: usize = 1_000;

/// What a client marks a request with is kept, and echoed, for each one under way: room for a few UUIDs, and not
/// a place to put megabytes beside the bytes that are counted.
pub const CORRELATION_ID_BYTES_MAX: usize = 256;

/// No request is longer: the longest batch, and room for the fields around it.
pub const REQUEST_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 64 * 1024;
