//! The gate: one pass over tags and lengths, when a batch comes in. One bad record that got through would
//! poison every reader, for ever.

use super::wire::{Reader, WireType};
use super::{Malformation, RecordSetError};
use crate::types::limits::RECORD_HEADERS_MAX;

/// What a record set may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// The longest record, encoded, in bytes.
    pub record_bytes_max: usize,
    /// The most records.
    pub records_max: usize,
    /// The longest set, encoded, in bytes.
    pub payload_bytes_max: usize,
}

/// What is worth knowing of a valid record set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordSetSummary {
    /// How many records it has; at least 1.
    pub record_count: u32,
    /// The largest timestamp that a producer set, in milliseconds since the Unix epoch.
    pub max_timestamp_ms: Option<i64>,
    /// Whether a record has no timestamp.
    pub has_untimed_records: bool,
    /// Whether a record is to be delivered later.
    pub has_delayed_records: bool,
    /// The length of the longest record, encoded, in bytes.
    pub longest_record_bytes: usize,
}

/// Checks a record set that came in pieces: the occurrences of one protobuf field, each a run of whole
/// elements, which mean the same as their concatenation. Does not allocate.
///
/// # Errors
/// The first thing that is wrong, with its place in the concatenation.
pub fn validate<P: AsRef<[u8]>>(
    pieces: &[P],
    limits: RecordLimits,
) -> Result<RecordSetSummary, RecordSetError> {
    let len = pieces.iter().fold(0_usize, |sum, piece| sum.saturating_add(piece.as_ref().len()));
    if len > limits.payload_bytes_max {
        return Err(RecordSetError::PayloadTooLong { len, max: limits.payload_bytes_max });
    }
    let mut pass = Pass { limits, record: 0, end: 0, summary: RecordSetSummary::default() };
    for piece in pieces {
        pass.end += piece.as_ref().len();
        pass.set(Reader::new(piece.as_ref()))?;
    }
    match u32::try_from(pass.record) {
        Ok(0) => Err(RecordSetError::Empty),
        Ok(record_count) => Ok(RecordSetSummary { record_count, ..pass.summary }),
        Err(_) => Err(RecordSetError::TooManyRecords { max: limits.records_max }),
    }
}

struct Pass {
    limits: RecordLimits,
    /// The record that is looked at, from 0.
    record: usize,
    /// Where the innermost thing that is read ends, from the beginning of the set.
    end: usize,
    summary: RecordSetSummary,
}

impl Pass {
    fn set(&mut self, mut set: Reader<'_>) -> Result<(), RecordSetError> {
        let set_end = self.end;
        while set.left() > 0 {
            let before = set;
            let (field, wire_type) = set.tag().map_err(|what| self.malformed(before, what))?;
            if field != 1 {
                return Err(self.malformed(before, Malformation::UnknownField));
            }
            if wire_type != WireType::Delimited {
                return Err(self.malformed(before, Malformation::WrongWireType));
            }
            if self.record >= self.limits.records_max {
                return Err(RecordSetError::TooManyRecords { max: self.limits.records_max });
            }
            let record = set.delimited().map_err(|what| self.malformed(before, what))?;
            let (len, max) = (record.len(), self.limits.record_bytes_max);
            if len > max {
                return Err(RecordSetError::RecordTooLong { record: self.record, len, max });
            }
            self.summary.longest_record_bytes = self.summary.longest_record_bytes.max(len);
            self.end = set_end - set.left();
            self.record(Reader::new(record))?;
            self.end = set_end;
            self.record += 1;
        }
        Ok(())
    }

    fn record(&mut self, mut record: Reader<'_>) -> Result<(), RecordSetError> {
        let mut seen = Seen::default();
        let mut headers = 0_usize;
        let (mut timestamp_ms, mut deliver_at_ms) = (0, 0);
        let record_end = self.end;
        while record.left() > 0 {
            let before = record;
            let field = self.field(&mut record, &mut seen).map_err(|what| self.malformed(before, what))?;
            match field {
                Field::Header(header) => {
                    headers += 1;
                    if headers > RECORD_HEADERS_MAX {
                        let (record, max) = (self.record, RECORD_HEADERS_MAX);
                        return Err(RecordSetError::TooManyHeaders { record, max });
                    }
                    self.end = record_end - record.left();
                    self.header(Reader::new(header))?;
                    self.end = record_end;
                }
                Field::Timestamp(value) => timestamp_ms = value,
                Field::DeliverAt(value) => deliver_at_ms = value,
                Field::Other => {}
            }
        }
        self.times(timestamp_ms, deliver_at_ms)
    }

    fn field<'a>(&self, record: &mut Reader<'a>, seen: &mut Seen) -> Result<Field<'a>, Malformation> {
        let (field, wire_type) = record.tag()?;
        let expected = match field {
            1 | 2 | 3 | 5 => WireType::Delimited,
            4 | 6 => WireType::Varint,
            _ => return Err(Malformation::UnknownField),
        };
        if wire_type != expected {
            return Err(Malformation::WrongWireType);
        }
        if field == 3 {
            return Ok(Field::Header(record.delimited()?));
        }
        seen.once(field)?;
        match field {
            4 => Ok(Field::Timestamp(record.int64()?)),
            6 => Ok(Field::DeliverAt(record.int64()?)),
            5 => utf8(record.delimited()?),
            _ => record.delimited().map(|_| Field::Other),
        }
    }

    fn header(&self, mut header: Reader<'_>) -> Result<(), RecordSetError> {
        let mut seen = Seen::default();
        while header.left() > 0 {
            let before = header;
            header_field(&mut header, &mut seen).map_err(|what| self.malformed(before, what))?;
        }
        Ok(())
    }

    fn times(&mut self, timestamp_ms: i64, deliver_at_ms: i64) -> Result<(), RecordSetError> {
        if timestamp_ms < 0 {
            return Err(RecordSetError::NegativeTime { record: self.record, field: "timestamp_ms" });
        }
        if deliver_at_ms < 0 {
            return Err(RecordSetError::NegativeTime { record: self.record, field: "deliver_at_ms" });
        }
        if timestamp_ms == 0 {
            self.summary.has_untimed_records = true;
        } else {
            self.summary.max_timestamp_ms = self.summary.max_timestamp_ms.max(Some(timestamp_ms));
        }
        self.summary.has_delayed_records |= deliver_at_ms != 0;
        Ok(())
    }

    /// The place is where the offending field begins.
    fn malformed(&self, at: Reader<'_>, what: Malformation) -> RecordSetError {
        RecordSetError::Malformed { record: self.record, position: self.end - at.left(), what }
    }
}

enum Field<'a> {
    Header(&'a [u8]),
    Timestamp(i64),
    DeliverAt(i64),
    Other,
}

fn header_field(header: &mut Reader<'_>, seen: &mut Seen) -> Result<(), Malformation> {
    let (field, wire_type) = header.tag()?;
    if field > 2 {
        return Err(Malformation::UnknownField);
    }
    if wire_type != WireType::Delimited {
        return Err(Malformation::WrongWireType);
    }
    seen.once(field)?;
    let value = header.delimited()?;
    if field == 1 { utf8(value).map(drop) } else { Ok(()) }
}

fn utf8(bytes: &[u8]) -> Result<Field<'_>, Malformation> {
    std::str::from_utf8(bytes).map(|_| Field::Other).map_err(|_| Malformation::BadUtf8)
}

/// The singular fields that have occurred, a bit each.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    fn once(&mut self, field: u64) -> Result<(), Malformation> {
        let bit = 1 << field;
        if self.0 & bit != 0 {
            return Err(Malformation::Duplicate);
        }
        self.0 |= bit;
        Ok(())
    }
}
