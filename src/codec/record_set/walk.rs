//! Goes from record to record through a valid set.

use std::ops::Range;

use super::wire::{Reader, WireType};
use super::{ELEMENT_TAG, Malformation, RecordSetError};

/// The records of a set, in order: where they lie, and their times. Made for sets that have passed
/// [`super::validate`]; in anything else, it stops at the first fault that it notices, with an error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    set: &'a [u8],
    left: usize,
    record: usize,
}

/// One record of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSpan<'a> {
    /// Where the record lies in the set, as an element of it: with its tag and length.
    pub range: Range<usize>,
    /// The record without them.
    pub body: &'a [u8],
}

impl<'a> Records<'a> {
    /// The records of `set`.
    #[must_use]
    pub const fn new(set: &'a [u8]) -> Records<'a> {
        Records { set, left: set.len(), record: 0 }
    }

    fn advance(&mut self) -> Result<RecordSpan<'a>, RecordSetError> {
        let start = self.set.len() - self.left;
        let record = self.record;
        let malformed = |what| RecordSetError::Malformed { record, position: start, what };
        let element = self.set.get(start..).unwrap_or_default();
        let (tag, rest) = element.split_first().ok_or_else(|| malformed(Malformation::Truncated))?;
        let mut rest = Reader::new(rest);
        if *tag != ELEMENT_TAG {
            // Longer spellings of the same tag are rare, but legal.
            rest = Reader::new(element);
            if rest.tag().map_err(malformed)? != (1, WireType::Delimited) {
                return Err(malformed(Malformation::UnknownField));
            }
        }
        let body = rest.delimited().map_err(malformed)?;
        self.left = rest.left();
        self.record += 1;
        Ok(RecordSpan { range: start..self.set.len() - self.left, body })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordSpan<'a>, RecordSetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let span = self.advance();
        if span.is_err() {
            self.left = 0;
        }
        Some(span)
    }
}

impl RecordSpan<'_> {
    /// The time that the producer gave the record, in milliseconds since the Unix epoch; None: the append time
    /// of its batch.
    ///
    /// # Errors
    /// The record is malformed.
    pub fn timestamp_ms(&self) -> Result<Option<i64>, RecordSetError> {
        let mut body = Reader::new(self.body);
        while body.left() > 0 {
            let found = timestamp_field(&mut body).map_err(|what| {
                let position = self.range.end - body.left();
                RecordSetError::Malformed { record: 0, position, what }
            })?;
            if let Some(timestamp_ms) = found {
                return Ok(Some(timestamp_ms).filter(|&timestamp_ms| timestamp_ms != 0));
            }
        }
        Ok(None)
    }
}

/// The next field, if it is the timestamp.
fn timestamp_field(body: &mut Reader<'_>) -> Result<Option<i64>, Malformation> {
    match body.tag()? {
        (4, WireType::Varint) => body.int64().map(Some),
        (_, WireType::Varint) => body.int64().map(|_| None),
        (_, WireType::Delimited) => body.delimited().map(|_| None),
        (_, WireType::Fixed) => Err(Malformation::WrongWireType),
    }
}
