//! The body of a partition's checkpoint: what must be known before its segments are looked at. The file around
//! it, in two generations, is `log::authority`'s.
//!
//! ```text
//! 0            4                   12              20         28
//! | open epoch | log start offset | proved segment | position | ...
//! 28           36          40            48                      72
//! | end offset | chain CRC | frame count | times, three of them  |
//! ```

use super::cursor::Cursor;
use super::footer::SegmentTimes;
use crate::types::{FilePosition, Offset};

const BODY_LEN: usize = 4 + 8 + 8 + 8 + 8 + 4 + 8 + 24;

/// What a partition's checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The epoch of the last opening.
    pub open_epoch: u32,
    /// The first offset still readable.
    pub log_start_offset: Offset,
    /// A place in the log up to which everything is synced.
    pub proof: Proof,
}

/// A place in a segment up to which everything was synced, and the state of the chain there, so that a scan can
/// begin at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The base offset of the segment.
    pub segment: Offset,
    /// The position in it.
    pub position: FilePosition,
    /// The next offset there.
    pub end_offset: Offset,
    /// The CRC that the next frame names as the one before it.
    pub chain_crc: u32,
    /// How many frames the segment has before it.
    pub frame_count: u64,
    /// The times of those frames.
    pub times: Option<SegmentTimes>,
}

impl Checkpoint {
    /// The body's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(BODY_LEN);
        body.extend_from_slice(&self.open_epoch.to_le_bytes());
        body.extend_from_slice(&self.log_start_offset.0.to_le_bytes());
        body.extend_from_slice(&self.proof.segment.0.to_le_bytes());
        body.extend_from_slice(&self.proof.position.0.to_le_bytes());
        body.extend_from_slice(&self.proof.end_offset.0.to_le_bytes());
        body.extend_from_slice(&self.proof.chain_crc.to_le_bytes());
        body.extend_from_slice(&self.proof.frame_count.to_le_bytes());
        for time in SegmentTimes::encode(self.proof.times) {
            body.extend_from_slice(&time.to_le_bytes());
        }
        body
    }

    /// Decodes a body; `None` where it is none.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<Checkpoint> {
        let mut cursor = Cursor::new(body);
        let checkpoint = Checkpoint {
            open_epoch: cursor.u32()?,
            log_start_offset: Offset(cursor.u64()?),
            proof: Proof {
                segment: Offset(cursor.u64()?),
                position: FilePosition(cursor.u64()?),
                end_offset: Offset(cursor.u64()?),
                chain_crc: cursor.u32()?,
                frame_count: cursor.u64()?,
                times: SegmentTimes::decode([cursor.i64()?, cursor.i64()?, cursor.i64()?]),
            },
        };
        cursor.is_at_end().then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_golden_bytes() {
        let checkpoint = Checkpoint {
            open_epoch: 4,
            log_start_offset: Offset(17),
            proof: Proof {
                segment: Offset(10),
                position: FilePosition(5000),
                end_offset: Offset(99),
                chain_crc: 0xabcd_ef01,
                frame_count: 8,
                times: Some(SegmentTimes { first_append_ms: 1, last_append_ms: 2, max_timestamp_ms: 3 }),
            },
        };
        let body = checkpoint.encode();
        assert_eq!(body.len(), BODY_LEN);
        assert_eq!(Checkpoint::decode(&body), Some(checkpoint));
        assert_eq!(crc32fast::hash(&body), 0xf5f8_3f89, "the checkpoint's layout is final");
        assert_eq!(Checkpoint::decode(&body[1..]), None);
    }
}
