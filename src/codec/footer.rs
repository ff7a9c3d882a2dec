//! The footer of a sealed segment: the last bytes of the file, written once everything before them is synced.
//! An envelope with this body:
//!
//! ```text
//! 0       8            16           24            32             40
//! | nonce | end offset | frames end | frame count | first append | ...
//! 40            48              56         60
//! | last append | max timestamp | last CRC | flags |
//! ```

use super::FORMAT_VERSION;
use super::cursor::Cursor;
use super::envelope::{self, EnvelopeError};
use crate::types::{FilePosition, Offset};

const MAGIC: [u8; 8] = *b"HWFOOTER";
const BODY_LEN: usize = 8 * 7 + 4 + 4;
const FLAG_DAMAGED: u32 = 1;

/// The length of an encoded footer, in bytes.
pub const FOOTER_LEN: usize = BODY_LEN + envelope::OVERHEAD;

/// What is known of a segment when it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The nonce of the segment's header.
    pub nonce: u64,
    /// The first offset behind the segment.
    pub end_offset: Offset,
    /// Where the frames end and the footer begins.
    pub frames_end: FilePosition,
    /// How many frames the segment holds, empty ones included.
    pub frame_count: u64,
    /// The times of its frames; none in a segment without records.
    pub times: Option<SegmentTimes>,
    /// The CRC of the last frame's header.
    pub last_crc: u32,
    /// The segment was sealed because of damage in it: opening it must look where.
    pub is_damaged: bool,
}

/// The times in a segment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentTimes {
    /// The append time of its first frame.
    pub first_append_ms: i64,
    /// The append time of its last frame.
    pub last_append_ms: i64,
    /// The largest time of a record in it.
    pub max_timestamp_ms: i64,
}

impl SegmentTimes {
    /// `times` and those of one more frame.
    #[must_use]
    pub fn with(times: Option<SegmentTimes>, append_ms: i64, max_timestamp_ms: i64) -> SegmentTimes {
        let times = times.unwrap_or(SegmentTimes {
            first_append_ms: append_ms,
            last_append_ms: append_ms,
            max_timestamp_ms,
        });
        SegmentTimes {
            first_append_ms: times.first_append_ms,
            last_append_ms: times.last_append_ms.max(append_ms),
            max_timestamp_ms: times.max_timestamp_ms.max(max_timestamp_ms),
        }
    }

    /// The times as three fields; `i64::MIN` where there are none.
    pub(super) fn encode(times: Option<SegmentTimes>) -> [i64; 3] {
        times.map_or([i64::MIN; 3], |t| [t.first_append_ms, t.last_append_ms, t.max_timestamp_ms])
    }

    pub(super) fn decode(fields: [i64; 3]) -> Option<SegmentTimes> {
        let [first_append_ms, last_append_ms, max_timestamp_ms] = fields;
        (fields != [i64::MIN; 3]).then_some(SegmentTimes {
            first_append_ms,
            last_append_ms,
            max_timestamp_ms,
        })
    }
}

impl Footer {
    /// The footer's bytes, [`FOOTER_LEN`] of them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(BODY_LEN);
        for field in [self.nonce, self.end_offset.0, self.frames_end.0, self.frame_count] {
            body.extend_from_slice(&field.to_le_bytes());
        }
        for time in SegmentTimes::encode(self.times) {
            body.extend_from_slice(&time.to_le_bytes());
        }
        body.extend_from_slice(&self.last_crc.to_le_bytes());
        body.extend_from_slice(&(if self.is_damaged { FLAG_DAMAGED } else { 0 }).to_le_bytes());
        envelope::seal(MAGIC, FORMAT_VERSION, &body)
    }

    /// Decodes the footer that stands at `at` in the segment with this nonce.
    ///
    /// # Errors
    /// Where the bytes are no footer, or one of another segment or place.
    pub fn decode(bytes: &[u8], at: FilePosition, nonce: u64) -> Result<Footer, EnvelopeError> {
        const BAD: EnvelopeError = EnvelopeError::Damaged("impossible field");
        let body = envelope::open(MAGIC, FORMAT_VERSION, bytes)?;
        if body.len() != BODY_LEN {
            return Err(EnvelopeError::Damaged("wrong length of a footer"));
        }
        let mut cursor = Cursor::new(body);
        let footer = Footer {
            nonce: cursor.u64().ok_or(BAD)?,
            end_offset: Offset(cursor.u64().ok_or(BAD)?),
            frames_end: FilePosition(cursor.u64().ok_or(BAD)?),
            frame_count: cursor.u64().ok_or(BAD)?,
            times: SegmentTimes::decode([
                cursor.i64().ok_or(BAD)?,
                cursor.i64().ok_or(BAD)?,
                cursor.i64().ok_or(BAD)?,
            ]),
            last_crc: cursor.u32().ok_or(BAD)?,
            is_damaged: match cursor.u32().ok_or(BAD)? {
                0 => false,
                FLAG_DAMAGED => true,
                _ => return Err(BAD),
            },
        };
        if footer.nonce != nonce || footer.frames_end != at {
            return Err(EnvelopeError::Damaged("a footer of another segment or place"));
        }
        Ok(footer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer() -> Footer {
        Footer {
            nonce: 77,
            end_offset: Offset(1234),
            frames_end: FilePosition(9000),
            frame_count: 12,
            times: Some(SegmentTimes { first_append_ms: 5, last_append_ms: 9, max_timestamp_ms: -3 }),
            last_crc: 0xdead_beef,
            is_damaged: false,
        }
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(footer().encode().len(), FOOTER_LEN);
        assert_eq!(FOOTER_LEN, 84);
        assert_eq!(
            crc32fast::hash(&footer().encode()[..FOOTER_LEN - 4]),
            0xc7d6_dbb2,
            "the footer's layout is final"
        );
    }

    #[test]
    fn round_trip() {
        for footer in [footer(), Footer { times: None, is_damaged: true, ..footer() }] {
            assert_eq!(Footer::decode(&footer.encode(), footer.frames_end, footer.nonce), Ok(footer));
        }
    }

    #[test]
    fn a_footer_of_another_place_or_segment_is_refused() {
        let bytes = footer().encode();
        assert!(Footer::decode(&bytes, FilePosition(9001), 77).is_err());
        assert!(Footer::decode(&bytes, FilePosition(9000), 78).is_err());
    }
}
