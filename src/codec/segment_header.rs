//! The header of a segment file: who the file is, and what lay before it.
//!
//! ```text
//! 0            512          1024
//! | envelope   | envelope   | frames ...
//! | + zeros    | + zeros    |
//! ```
//!
//! The same envelope stands twice, each copy in a sector of its own, so that one lost sector never costs a
//! segment. Its body:
//!
//! ```text
//! 0          16          20            28      36           44
//! | topic id | partition | base offset | nonce | created ms | ...
//! 44             45                     53                  61
//! | has previous | previous end offset | previous length   |
//! ```
//!
//! The fields on the segment before it are a proof: rolling syncs the former before it writes them.

use super::FORMAT_VERSION;
use super::cursor::Cursor;
use super::envelope::{self, EnvelopeError};
use crate::types::{FilePosition, Offset, PartitionId, TopicId};

const MAGIC: [u8; 8] = *b"HWSEGMNT";
const BODY_LEN: usize = 16 + 4 + 8 + 8 + 8 + 1 + 8 + 8;

/// Each copy has a sector of its own.
const COPY_LEN: usize = 512;
const _: () = assert!(BODY_LEN + envelope::OVERHEAD <= COPY_LEN, "a header copy must fit in a sector");

/// Where the first frame begins.
pub const FRAMES_START: FilePosition = FilePosition(1024);
const ENCODED_LEN: usize = 2 * COPY_LEN;

/// Which partition a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The topic.
    pub topic: TopicId,
    /// The partition.
    pub partition: PartitionId,
}

/// The end of the segment before this one, as it was when this one was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousSegment {
    /// The first offset behind it.
    pub end_offset: Offset,
    /// The length of its file, footer included, in bytes; all of it was synced.
    pub len: u64,
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Which partition the file belongs to.
    pub identity: LogIdentity,
    /// The offset that the file's first record has, or had.
    pub base_offset: Offset,
    /// A random number that all frames of the file repeat.
    pub nonce: u64,
    /// When the file was made, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The segment before; none for the first segment of a partition.
    pub previous: Option<PreviousSegment>,
}

/// A header as it was found: with the state of its two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundHeader {
    /// The header.
    pub header: SegmentHeader,
    /// The CRC of the envelope: what the first frame names as the CRC before it.
    pub crc: u32,
    /// Whether one of the two copies is damaged.
    pub is_copy_damaged: bool,
}

impl SegmentHeader {
    /// The bytes up to [`FRAMES_START`], and the CRC that the first frame names.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, u32) {
        let mut body = Vec::with_capacity(BODY_LEN);
        body.extend_from_slice(&self.identity.topic.0);
        body.extend_from_slice(&self.identity.partition.0.to_le_bytes());
        body.extend_from_slice(&self.base_offset.0.to_le_bytes());
        body.extend_from_slice(&self.nonce.to_le_bytes());
        body.extend_from_slice(&self.created_ms.to_le_bytes());
        body.push(u8::from(self.previous.is_some()));
        let previous = self.previous.unwrap_or(PreviousSegment { end_offset: Offset::ZERO, len: 0 });
        body.extend_from_slice(&previous.end_offset.0.to_le_bytes());
        body.extend_from_slice(&previous.len.to_le_bytes());

        let mut copy = envelope::seal(MAGIC, FORMAT_VERSION, &body);
        let crc = envelope_crc(&copy);
        copy.resize(COPY_LEN, 0);
        let mut bytes = copy.repeat(2);
        bytes.truncate(ENCODED_LEN);
        (bytes, crc)
    }

    /// Decodes the first [`FRAMES_START`] bytes of a file, or as many as there are.
    ///
    /// # Errors
    /// Where neither copy is sound, or one is of a later version.
    pub fn decode(bytes: &[u8]) -> Result<FoundHeader, EnvelopeError> {
        let first = decode_copy(bytes.get(..COPY_LEN.min(bytes.len())).unwrap_or(&[]));
        let second = decode_copy(bytes.get(COPY_LEN..).unwrap_or(&[]));
        match (first, second) {
            (Ok(first), Ok(second)) if first == second => {
                Ok(FoundHeader { header: first.0, crc: first.1, is_copy_damaged: false })
            }
            (Ok(_), Ok(_)) => Err(EnvelopeError::Damaged("the two copies of the header differ")),
            (Err(newer @ EnvelopeError::NewerVersion { .. }), _)
            | (_, Err(newer @ EnvelopeError::NewerVersion { .. })) => Err(newer),
            (Ok((header, crc)), Err(_)) | (Err(_), Ok((header, crc))) => {
                Ok(FoundHeader { header, crc, is_copy_damaged: true })
            }
            (Err(error), Err(_)) => Err(error),
        }
    }
}

fn decode_copy(bytes: &[u8]) -> Result<(SegmentHeader, u32), EnvelopeError> {
    const BAD: EnvelopeError = EnvelopeError::Damaged("impossible field");
    let body = envelope::open(MAGIC, FORMAT_VERSION, bytes)?;
    if body.len() != BODY_LEN {
        return Err(EnvelopeError::Damaged("wrong length of a segment header"));
    }
    let mut cursor = Cursor::new(body);
    let identity = LogIdentity {
        topic: TopicId(cursor.bytes().ok_or(BAD)?),
        partition: PartitionId(cursor.u32().ok_or(BAD)?),
    };
    let base_offset = Offset(cursor.u64().ok_or(BAD)?);
    let nonce = cursor.u64().ok_or(BAD)?;
    let created_ms = cursor.i64().ok_or(BAD)?;
    let [has_previous] = cursor.bytes().ok_or(BAD)?;
    let end_offset = Offset(cursor.u64().ok_or(BAD)?);
    let len = cursor.u64().ok_or(BAD)?;
    let previous = match has_previous {
        0 => None,
        1 => Some(PreviousSegment { end_offset, len }),
        _ => return Err(BAD),
    };
    let header = SegmentHeader { identity, base_offset, nonce, created_ms, previous };
    Ok((header, envelope_crc(bytes.get(..BODY_LEN + envelope::OVERHEAD).ok_or(BAD)?)))
}

fn envelope_crc(envelope: &[u8]) -> u32 {
    envelope.last_chunk().copied().map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            identity: LogIdentity { topic: TopicId([7; 16]), partition: PartitionId(3) },
            base_offset: Offset(1000),
            nonce: 0x0123_4567_89ab_cdef,
            created_ms: 1_700_000_000_000,
            previous: Some(PreviousSegment { end_offset: Offset(1000), len: 4096 }),
        }
    }

    #[test]
    fn golden_bytes() {
        let (bytes, crc) = header().encode();
        assert_eq!(bytes.len(), 1024);
        assert_eq!(crc32fast::hash(&bytes[..77]), 0x3fda_7c19, "the segment header's layout is final");
        assert_eq!(crc, u32::from_le_bytes(bytes[77..81].try_into().unwrap()));
    }

    #[test]
    fn round_trip_with_and_without_a_segment_before() {
        for previous in [None, header().previous] {
            let header = SegmentHeader { previous, ..header() };
            let (bytes, crc) = header.encode();
            assert_eq!(
                SegmentHeader::decode(&bytes),
                Ok(FoundHeader { header, crc, is_copy_damaged: false })
            );
        }
    }

    #[test]
    fn any_flipped_bit_leaves_the_header_readable_from_the_other_copy() {
        let (sound, crc) = header().encode();
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = SegmentHeader::decode(&bytes).unwrap();
            assert_eq!((found.header, found.crc), (header(), crc), "bit {bit}");
        }
    }

    #[test]
    fn damage_to_both_copies_is_an_error() {
        let (mut bytes, _) = header().encode();
        bytes[20] ^= 1;
        bytes[532] ^= 1;
        assert!(matches!(SegmentHeader::decode(&bytes), Err(EnvelopeError::Damaged(_))));
        assert!(matches!(SegmentHeader::decode(&[]), Err(EnvelopeError::Damaged(_))));
    }
}
