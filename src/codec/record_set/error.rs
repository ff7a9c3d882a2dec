//! What can be wrong with a record set.

use thiserror::Error;

/// Why a record set was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordSetError {
    /// It has no records.
    #[error("the record set has no records")]
    Empty,
    /// It is longer than allowed.
    #[error("the record set has {len} bytes, at most {max} are allowed")]
    PayloadTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// It has more records than allowed.
    #[error("the record set has more than {max} records")]
    TooManyRecords {
        /// The limit.
        max: usize,
    },
    /// A record is longer than allowed.
    #[error("record {record} has {len} bytes, at most {max} are allowed")]
    RecordTooLong {
        /// Which record, from 0.
        record: usize,
        /// Its length in bytes, encoded.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// A record has more headers than allowed.
    #[error("record {record} has more than {max} headers")]
    TooManyHeaders {
        /// Which record, from 0.
        record: usize,
        /// The limit.
        max: usize,
    },
    /// A record has a time before the Unix epoch.
    #[error("record {record} has a negative {field}")]
    NegativeTime {
        /// Which record, from 0.
        record: usize,
        /// `timestamp_ms` or `deliver_at_ms`.
        field: &'static str,
    },
    /// The bytes are not an encoded record set.
    #[error("record {record}, byte {position}: {what}")]
    Malformed {
        /// Which record, from 0; the number of records where the fault lies behind the last.
        record: usize,
        /// Where, in bytes from the beginning of the set.
        position: usize,
        /// What is wrong there.
        what: Malformation,
    },
}

/// What is wrong with the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformation {
    /// The bytes end inside a number.
    #[error("the bytes end inside a number")]
    Truncated,
    /// A length reaches over the end of what contains it.
    #[error("a length reaches over the end")]
    Overrun,
    /// A number is longer than any decoder accepts, or does not fit.
    #[error("a number is too long or too large")]
    BadVarint,
    /// Fields are numbered from 1.
    #[error("field number 0")]
    FieldZero,
    /// A field that is not defined.
    #[error("unknown field")]
    UnknownField,
    /// A group, which proto3 does not have.
    #[error("a group")]
    Group,
    /// A field with another wire type than it is defined with.
    #[error("wrong wire type")]
    WrongWireType,
    /// A field that may occur once occurs again.
    #[error("a field occurs twice")]
    Duplicate,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    BadUtf8,
}
