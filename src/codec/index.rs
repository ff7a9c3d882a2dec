//! The sparse index of a segment, by offset and by time in one: a derived file, never trusted. An envelope
//! with this body:
//!
//! ```text
//! 0       8             16
//! | nonce | covers upto | entries, 24 bytes each ...
//!
//! an entry:  0        8          16               24
//!            | offset | position | max timestamp  |
//! ```
//!
//! An entry says: at `position` begins a frame whose first offset is `offset`; all records of the segment
//! before it have times up to `max timestamp` (`i64::MIN` where there are none). All three rise, so that the
//! same entries serve a search by offset and one by time.

use super::FORMAT_VERSION;
use super::cursor::Cursor;
use super::envelope::{self, EnvelopeError};
use crate::types::{FilePosition, Offset};

const MAGIC: [u8; 8] = *b"HWINDEX_";
const BODY_PREFIX_LEN: usize = 8 + 8;
const ENTRY_LEN: usize = 24;

/// No index file has more entries.
pub const ENTRIES_MAX: usize = (envelope::BODY_BYTES_MAX - BODY_PREFIX_LEN) / ENTRY_LEN;

/// No index file is longer, in bytes.
pub const INDEX_BYTES_MAX: usize = envelope::BODY_BYTES_MAX + envelope::OVERHEAD;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The first offset of the frame at `position`.
    pub offset: Offset,
    /// Where that frame begins.
    pub position: FilePosition,
    /// The largest record time before it in the segment, in milliseconds since the Unix epoch.
    pub max_timestamp_before_ms: i64,
}

impl IndexEntry {
    fn decode(bytes: &[u8; ENTRY_LEN]) -> Option<IndexEntry> {
        let mut cursor = Cursor::new(bytes);
        Some(IndexEntry {
            offset: Offset(cursor.u64()?),
            position: FilePosition(cursor.u64()?),
            max_timestamp_before_ms: cursor.i64()?,
        })
    }
}

/// The bytes of an index file over the frames below `covers_upto`.
#[must_use]
pub fn encode(nonce: u64, covers_upto: FilePosition, entries: &[IndexEntry]) -> Vec<u8> {
    let mut body = Vec::with_capacity(BODY_PREFIX_LEN + entries.len() * ENTRY_LEN);
    body.extend_from_slice(&nonce.to_le_bytes());
    body.extend_from_slice(&covers_upto.0.to_le_bytes());
    for entry in entries {
        body.extend_from_slice(&entry.offset.0.to_le_bytes());
        body.extend_from_slice(&entry.position.0.to_le_bytes());
        body.extend_from_slice(&entry.max_timestamp_before_ms.to_le_bytes());
    }
    envelope::seal(MAGIC, FORMAT_VERSION, &body)
}

/// A checked index, in the bytes of its file.
#[derive(Clone, Copy, Debug)]
pub struct IndexView<'a> {
    /// The segment below this position is indexed.
    pub covers_upto: FilePosition,
    entries: &'a [[u8; ENTRY_LEN]],
}

impl<'a> IndexView<'a> {
    /// Checks the bytes of an index file that belongs to the segment with this nonce.
    ///
    /// # Errors
    /// Where the file is damaged, or of another segment.
    pub fn parse(bytes: &'a [u8], nonce: u64) -> Result<IndexView<'a>, EnvelopeError> {
        let body = envelope::open_exact(MAGIC, FORMAT_VERSION, bytes)?;
        IndexView::over(body, nonce).ok_or(EnvelopeError::Damaged("an index of another segment"))
    }

    /// The view of bytes that [`IndexView::parse`] has accepted before, without checking the CRC again.
    #[must_use]
    pub fn reopen(bytes: &'a [u8], nonce: u64) -> Option<IndexView<'a>> {
        IndexView::over(bytes.get(16..bytes.len().checked_sub(4)?)?, nonce)
    }

    fn over(body: &'a [u8], nonce: u64) -> Option<IndexView<'a>> {
        let mut cursor = Cursor::new(body);
        if cursor.u64()? != nonce {
            return None;
        }
        let covers_upto = FilePosition(cursor.u64()?);
        let (entries, rest) = cursor.rest().as_chunks();
        rest.is_empty().then_some(IndexView { covers_upto, entries })
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = IndexEntry> + 'a {
        self.entries.iter().filter_map(IndexEntry::decode)
    }

    /// The last entry of those at the beginning for which `is_before` holds, by binary search.
    pub fn last_where(&self, is_before: impl Fn(&IndexEntry) -> bool) -> Option<IndexEntry> {
        let count =
            self.entries.partition_point(|bytes| IndexEntry::decode(bytes).is_some_and(|e| is_before(&e)));
        self.entries.get(count.checked_sub(1)?).and_then(IndexEntry::decode)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(offset: u64, position: u64, max: i64) -> IndexEntry {
        IndexEntry { offset: Offset(offset), position: FilePosition(position), max_timestamp_before_ms: max }
    }

    #[test]
    fn golden_bytes() {
        let bytes = encode(5, FilePosition(4096), &[entry(0, 1024, i64::MIN), entry(9, 2048, 77)]);
        assert_eq!(bytes.len(), 20 + 16 + 48);
        assert_eq!(crc32fast::hash(&bytes[..80]), 0x4e81_6599, "the index's layout is final");
    }

    #[test]
    fn searches_by_offset_and_by_time() {
        let entries = [entry(0, 1024, i64::MIN), entry(10, 2048, 100), entry(20, 4096, 100)];
        let bytes = encode(5, FilePosition(8192), &entries);
        let view = IndexView::parse(&bytes, 5).unwrap();
        assert_eq!(view.last_where(|e| e.offset <= Offset(15)), Some(entries[1]));
        assert_eq!(view.last_where(|e| e.max_timestamp_before_ms < 100), Some(entries[0]));
        assert_eq!(view.last_where(|e| e.max_timestamp_before_ms < 101), Some(entries[2]));
        assert_eq!(view.last_where(|_| false), None);
    }

    #[test]
    fn an_index_of_another_segment_or_with_any_flipped_bit_is_refused() {
        let bytes = encode(5, FilePosition(4096), &[entry(0, 1024, 0)]);
        assert!(IndexView::parse(&bytes, 6).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(IndexView::parse(&damaged, 5).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(raw in proptest::collection::vec(any::<(u64, u64, i64)>(), 0..50), nonce in any::<u64>()) {
            let entries: Vec<_> = raw.into_iter().map(|(o, p, t)| entry(o, p, t)).collect();
            let bytes = encode(nonce, FilePosition(1), &entries);
            let view = IndexView::parse(&bytes, nonce).unwrap();
            prop_assert_eq!(view.entries().collect::<Vec<_>>(), entries);
            prop_assert_eq!(IndexView::reopen(&bytes, nonce).unwrap().covers_upto, FilePosition(1));
        }
    }
}
