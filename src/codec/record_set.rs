//! The record set: what a batch carries, on the wire and on the disk alike. It is the protobuf encoding of
//! `pubsub.RecordSet`, and stays that: nothing here builds objects from it.
//!
//! ```text
//! record set = element*                      any run of elements is a record set
//! element    = 0x0a  length  record          field 1, length-delimited
//! record     = fields, each but the headers at most once, in any order:
//!   1 key           bytes     absent: no key
//!   2 value         bytes     absent: a tombstone
//!   3 header        message   { 1 key: string, 2 value: bytes }, repeated
//!   4 timestamp_ms  int64     0 or absent: the batch's append time
//!   5 message_id    string
//!   6 deliver_at_ms int64     0 or absent: at once
//! ```
//!
//! [`validate`] is the only gate: what passes decodes in every protobuf implementation, to the same values,
//! and has no field that the broker does not know. Everything else here expects what has passed, and answers
//! anything else with an error.

mod cut;
mod encode;
mod error;
#[cfg(test)]
mod tests;
mod validate;
mod walk;
mod wire;

pub use cut::{first_at_or_after, split, trim};
pub use encode::{RecordParts, encode_record, record_len};
pub use error::{Malformation, RecordSetError};
pub use validate::{RecordLimits, RecordSetSummary, validate};
pub use walk::{RecordSpan, Records};

/// Field 1 of a record set, length-delimited: what every element begins with.
const ELEMENT_TAG: u8 = 0x0a;
