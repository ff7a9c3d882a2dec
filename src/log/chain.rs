//! What makes a frame the next one: the only place that decides whether bytes continue a segment. Recovery,
//! readers and the offline tools all ask here.

use crate::codec::footer::SegmentTimes;
use crate::codec::frame::{FrameHeader, HEADER_LEN, decode_deltas};
use crate::types::num::to_usize;
use crate::types::planted::{Bug, planted};
use crate::types::{FilePosition, Offset};

/// A place between two frames: all that the next one must agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainState {
    /// Where the next frame begins.
    pub position: FilePosition,
    /// The least offset it may have.
    pub next_offset: Offset,
    /// The CRC that it must name as the one before it.
    pub previous_crc: u32,
    /// The least epoch it may have.
    pub open_epoch: u32,
    /// How many frames lie before, in this segment.
    pub frame_count: u64,
    /// The times of those that hold records.
    pub times: Option<SegmentTimes>,
}

impl ChainState {
    /// The chain behind a frame.
    #[must_use]
    pub(super) fn after(&self, header: &FrameHeader, crc: u32) -> ChainState {
        ChainState {
            position: header.end_position(),
            next_offset: header.offsets.end,
            previous_crc: crc,
            open_epoch: header.open_epoch,
            frame_count: self.frame_count + 1,
            times: if header.is_empty() {
                self.times
            } else {
                Some(SegmentTimes::with(self.times, header.append_time_ms, header.max_timestamp_ms))
            },
        }
    }

    /// The chain before a frame that is not connected to this one: its own word is taken for what lay between.
    #[must_use]
    pub(super) fn resumed_at(&self, header: &FrameHeader) -> ChainState {
        ChainState {
            position: header.position,
            next_offset: header.offsets.first,
            previous_crc: header.previous_crc,
            open_epoch: self.open_epoch,
            frame_count: self.frame_count,
            times: self.times,
        }
    }
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// A whole frame that continues the chain; with the CRC of its header.
    Sound(FrameHeader, u32),
    /// A header that continues the chain, over a payload or delta table that is damaged or cut short.
    Rotten(FrameHeader, u32, &'static str),
    /// Nothing that continues the chain.
    Broken(&'static str),
}

/// Checks the frame that `bytes` begin with. They must hold all of it, unless the file ends before.
#[must_use]
pub(super) fn check_frame(bytes: &[u8], nonce: u64, chain: ChainState) -> Checked {
    let (header, crc) = match FrameHeader::decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => return Checked::Broken(error.0),
    };
    let place = Place {
        position: chain.position,
        next_offset: chain.next_offset,
        previous_crc: Some(chain.previous_crc),
        open_epoch: chain.open_epoch,
    };
    if let Err(what) = check_place(&header, nonce, place) {
        return Checked::Broken(what);
    }
    match check_body(&header, bytes) {
        Ok(()) => Checked::Sound(header, crc),
        Err(what) => Checked::Rotten(header, crc, what),
    }
}

/// What a reader knows of the place where it expects a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub position: FilePosition,
    /// The least offset that a frame here may have.
    pub next_offset: Offset,
    /// The CRC that it must name as the one before it; none where the frame before is not known.
    pub previous_crc: Option<u32>,
    /// The least epoch it may have.
    pub open_epoch: u32,
}

/// Checks that a frame whose header is sound belongs where it was found.
///
/// # Errors
/// Names what is wrong.
pub(super) fn check_place(header: &FrameHeader, nonce: u64, place: Place) -> Result<(), &'static str> {
    if header.nonce != nonce {
        return Err("a frame of another segment");
    }
    if header.position != place.position {
        return Err("a frame of another place");
    }
    if place.previous_crc.is_some_and(|crc| crc != header.previous_crc) && !planted(Bug::SkipChain) {
        return Err("a frame that does not follow the one before it");
    }
    if header.open_epoch < place.open_epoch {
        return Err("a frame of an earlier opening");
    }
    if header.offsets.first < place.next_offset {
        return Err("a frame whose offsets were given out before");
    }
    Ok(())
}

/// Checks the delta table and the payload of a frame.
///
/// # Errors
/// Names what is wrong.
pub(super) fn check_body(header: &FrameHeader, frame: &[u8]) -> Result<(), &'static str> {
    if planted(Bug::SkipPayloadCrc) {
        return Ok(());
    }
    let body = frame
        .get(HEADER_LEN..to_usize(header.frame_len()))
        .ok_or("a frame cut short by the end of the file")?;
    let (deltas, payload) =
        body.split_at_checked(header.deltas_len()).ok_or("a frame cut short by the end of the file")?;
    if header.has_deltas {
        if crc32fast::hash(deltas) != header.deltas_crc {
            return Err("wrong CRC of a delta table");
        }
        decode_deltas(header, deltas).map_err(|error| error.0)?;
    }
    if crc32fast::hash(payload) != header.payload_crc {
        return Err("wrong CRC of a payload");
    }
    Ok(())
}
