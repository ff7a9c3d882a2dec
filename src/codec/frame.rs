//! The frame: one batch on disk. A header with a CRC of its own, the delta table where offsets have holes, and
//! the payload, each of them with theirs, so that a rotten payload still names its offsets.
//!
//! ```text
//!   0 magic "HWFR"        4 payload length      8 payload CRC       12 delta table CRC
//!  16 nonce of the segment                     24 position of this frame in the file
//!  32 open epoch         36 CRC of the frame before
//!  40 base offset                              48 end offset (exclusive)
//!  56 record count       60 attributes         62 zero
//!  64 append time, ms                          72 largest record timestamp, ms
//!  80 producer id                              88 producer epoch    92 first sequence
//!  96 last sequence     100 uncompressed length
//! 104 durable_upto                            112 leader epoch     116 zero (8 bytes)
//! 124 CRC of bytes 0..124
//! 128 delta table (4 bytes a record, where attributes say so), then the payload
//! ```
//!
//! Nonce, epoch, position and the CRC of the frame before make stale, misdirected and forged bytes
//! recognisable: a record's value may contain anything, frames included.
//!
//! A frame without records and payload *vouches*: it says, by `durable_upto`, that what lies before it is synced.

use thiserror::Error;

use super::cursor::Cursor;
use crate::types::limits::{BATCH_RECORDS_MAX, PAYLOAD_BYTES_MAX};
use crate::types::num::{to_u64, u32_to_usize};
use crate::types::{Compression, FilePosition, Offset, OffsetRange, TimestampType};

/// The length of a frame's header, in bytes.
pub const HEADER_LEN: usize = 128;

/// What a frame begins with.
pub const MAGIC: [u8; 4] = *b"HWFR";

const CRC_AT: usize = HEADER_LEN - 4;

/// No frame is longer, in bytes: header, delta table and payload.
pub const FRAME_BYTES_MAX: usize = HEADER_LEN + 4 * BATCH_RECORDS_MAX + PAYLOAD_BYTES_MAX;
const _: () =
    assert!(FRAME_BYTES_MAX < 1 << 31, "lengths of frames are computed in 32 bits with room to spare");

const ATTRIBUTE_COMPRESSION: u16 = 0b111;
const ATTRIBUTE_ENCODING: u16 = 0b111 << 3;
const ATTRIBUTE_LOG_APPEND_TIME: u16 = 1 << 6;
/// Reserved for control batches; none are written yet, and one that is found is damage.
const ATTRIBUTE_CONTROL: u16 = 1 << 7;
/// Reserved for transactions; as above.
const ATTRIBUTE_TRANSACTIONAL: u16 = 1 << 8;
const ATTRIBUTE_DELTAS: u16 = 1 << 9;
const ATTRIBUTES_KNOWN: u16 = ATTRIBUTE_COMPRESSION | ATTRIBUTE_LOG_APPEND_TIME | ATTRIBUTE_DELTAS;
const _: () = assert!(
    ATTRIBUTES_KNOWN & (ATTRIBUTE_ENCODING | ATTRIBUTE_CONTROL | ATTRIBUTE_TRANSACTIONAL) == 0,
    "what is reserved is not known"
);

/// Which producer a batch came from, and which of its batches it is. All zero for producers without an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer; 0 for none.
    pub id: u64,
    /// Raised each time the producer starts.
    pub epoch: u32,
    /// The sequence number of the batch's first record.
    pub first_sequence: u32,
    /// The sequence number of its last record.
    pub last_sequence: u32,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The length of the payload, in bytes.
    pub payload_len: u32,
    /// The payload's CRC.
    pub payload_crc: u32,
    /// The delta table's CRC; 0 without one.
    pub deltas_crc: u32,
    /// The nonce of the segment's header.
    pub nonce: u64,
    /// Where the frame begins in its file.
    pub position: FilePosition,
    /// The epoch of the opening that wrote it; rises by one at each.
    pub open_epoch: u32,
    /// The CRC of the header before it in this file; of the segment's header for the first.
    pub previous_crc: u32,
    /// The offsets that the batch covers.
    pub offsets: OffsetRange,
    /// How many records the payload holds.
    pub record_count: u32,
    /// Whether a delta table follows, since the offsets have holes.
    pub has_deltas: bool,
    /// How the payload is compressed.
    pub compression: Compression,
    /// Whose clock the records' times are.
    pub timestamp_type: TimestampType,
    /// When the broker appended the batch.
    pub append_time_ms: i64,
    /// The largest time of a record in it.
    pub max_timestamp_ms: i64,
    /// The producer.
    pub producer: ProducerStamp,
    /// The payload's length before compression, in bytes.
    pub uncompressed_len: u32,
    /// The position in this file that was known to be synced when the frame was written.
    pub durable_upto: FilePosition,
    /// Who assigned the offsets; 0 on one machine.
    pub leader_epoch: u32,
}

/// What makes bytes no frame. All alike to recovery; named for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FrameError(pub &'static str);

impl FrameHeader {
    /// The length of the whole frame, in bytes.
    #[must_use]
    pub fn frame_len(&self) -> u64 {
        to_u64(HEADER_LEN + self.deltas_len()) + u64::from(self.payload_len)
    }

    /// The length of the delta table, in bytes.
    #[must_use]
    pub fn deltas_len(&self) -> usize {
        if self.has_deltas { 4 * u32_to_usize(self.record_count) } else { 0 }
    }

    /// Where the next frame begins.
    #[must_use]
    pub fn end_position(&self) -> FilePosition {
        self.position.plus(self.frame_len())
    }

    /// Whether the frame holds no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// The header's bytes, and its CRC.
    #[must_use]
    pub fn encode(&self) -> ([u8; HEADER_LEN], u32) {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend_from_slice(&MAGIC);
        put_u32(&mut bytes, &[self.payload_len, self.payload_crc, self.deltas_crc]);
        put_u64(&mut bytes, &[self.nonce, self.position.0]);
        put_u32(&mut bytes, &[self.open_epoch, self.previous_crc]);
        put_u64(&mut bytes, &[self.offsets.first.0, self.offsets.end.0]);
        put_u32(&mut bytes, &[self.record_count]);
        bytes.extend_from_slice(&self.attributes().to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.append_time_ms.to_le_bytes());
        bytes.extend_from_slice(&self.max_timestamp_ms.to_le_bytes());
        put_u64(&mut bytes, &[self.producer.id]);
        put_u32(
            &mut bytes,
            &[
                self.producer.epoch,
                self.producer.first_sequence,
                self.producer.last_sequence,
                self.uncompressed_len,
            ],
        );
        put_u64(&mut bytes, &[self.durable_upto.0]);
        put_u32(&mut bytes, &[self.leader_epoch]);
        bytes.extend_from_slice(&[0; 8]);
        let crc = crc32fast::hash(&bytes);
        put_u32(&mut bytes, &[crc]);

        let mut array = [0; HEADER_LEN];
        array.copy_from_slice(&bytes);
        (array, crc)
    }

    /// Decodes the header that `bytes` begin with, and its CRC. Whether it belongs where it was found is for
    /// the caller to see.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<(FrameHeader, u32), FrameError> {
        let bytes = bytes.get(..HEADER_LEN).ok_or(FrameError("too short for a frame header"))?;
        if !bytes.starts_with(&MAGIC) {
            return Err(FrameError("no frame magic"));
        }
        let (covered, crc) = bytes.split_at(CRC_AT);
        let crc = crc.first_chunk().copied().map_or(0, u32::from_le_bytes);
        if crc32fast::hash(covered) != crc {
            return Err(FrameError("wrong CRC of a frame header"));
        }
        let header = read_fields(covered).ok_or(FrameError("impossible attributes of a frame"))?;
        header.check()?;
        Ok((header, crc))
    }

    fn attributes(&self) -> u16 {
        let compression = match self.compression {
            Compression::None => 0,
            Compression::Lz4 => 1,
            Compression::Zstd => 2,
        };
        let timestamp_type = match self.timestamp_type {
            TimestampType::CreateTime => 0,
            TimestampType::LogAppendTime => ATTRIBUTE_LOG_APPEND_TIME,
        };
        compression | timestamp_type | if self.has_deltas { ATTRIBUTE_DELTAS } else { 0 }
    }

    /// What the fields must agree on, checked before writing and after reading.
    ///
    /// # Errors
    /// Names the first disagreement.
    pub fn check(&self) -> Result<(), FrameError> {
        let count = u64::from(self.record_count);
        let span = self.offsets.end.since(self.offsets.first);
        if self.offsets.end < self.offsets.first {
            return Err(FrameError("offsets that end before they begin"));
        }
        if u32_to_usize(self.payload_len) > PAYLOAD_BYTES_MAX
            || u32_to_usize(self.record_count) > BATCH_RECORDS_MAX
        {
            return Err(FrameError("a length above its cap"));
        }
        if span < count || (!self.has_deltas && count > 0 && span != count) {
            return Err(FrameError("offsets and record count that disagree"));
        }
        if self.durable_upto > self.position {
            return Err(FrameError("a frame that vouches for what follows it"));
        }
        Ok(())
    }
}

fn read_fields(covered: &[u8]) -> Option<FrameHeader> {
    let mut cursor = Cursor::new(covered.get(MAGIC.len()..)?);
    let (payload_len, payload_crc, deltas_crc) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let nonce = cursor.u64()?;
    let position = FilePosition(cursor.u64()?);
    let (open_epoch, previous_crc) = (cursor.u32()?, cursor.u32()?);
    let offsets = OffsetRange { first: Offset(cursor.u64()?), end: Offset(cursor.u64()?) };
    let record_count = cursor.u32()?;
    let (attributes, reserved) = (cursor.u16()?, cursor.u16()?);
    if attributes & !ATTRIBUTES_KNOWN != 0 || reserved != 0 {
        return None;
    }
    Some(FrameHeader {
        payload_len,
        payload_crc,
        deltas_crc,
        nonce,
        position,
        open_epoch,
        previous_crc,
        offsets,
        record_count,
        has_deltas: attributes & ATTRIBUTE_DELTAS != 0,
        compression: match attributes & ATTRIBUTE_COMPRESSION {
            0 => Compression::None,
            1 => Compression::Lz4,
            2 => Compression::Zstd,
            _ => return None,
        },
        timestamp_type: if attributes & ATTRIBUTE_LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        },
        append_time_ms: cursor.i64()?,
        max_timestamp_ms: cursor.i64()?,
        producer: ProducerStamp {
            id: cursor.u64()?,
            epoch: cursor.u32()?,
            first_sequence: cursor.u32()?,
            last_sequence: cursor.u32()?,
        },
        uncompressed_len: cursor.u32()?,
        durable_upto: FilePosition(cursor.u64()?),
        leader_epoch: cursor.u32()?,
    })
}

/// Decodes a delta table whose CRC has been checked.
///
/// # Errors
/// Where the distances do not rise, or do not fit the header.
pub fn decode_deltas(header: &FrameHeader, bytes: &[u8]) -> Result<Vec<u32>, FrameError> {
    let deltas: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    let span = header.offsets.end.since(header.offsets.first);
    let rises = deltas.is_sorted_by(|a, b| a < b);
    let fits = deltas.last().is_none_or(|last| u64::from(*last) < span);
    if rises && fits { Ok(deltas) } else { Err(FrameError("impossible delta table")) }
}

fn put_u32(bytes: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_u64(bytes: &mut Vec<u8>, values: &[u64]) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
