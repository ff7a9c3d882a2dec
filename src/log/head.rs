//! The segment that is being written: frames go in at its end, one sync makes them durable, and sealing ends it.
//!
//! Nothing here decides what a failure means for the log; see `log::writer`.

use std::io::IoSlice;
use std::sync::Arc;

use super::chain::ChainState;
use super::segment::{Segment, footer_for};
use super::write_ahead::{WriteAhead, WriteAheadError};
use crate::codec::footer::FOOTER_LEN;
use crate::codec::frame::{FrameHeader, HEADER_LEN, ProducerStamp};
use crate::codec::index::IndexEntry;
use crate::codec::segment_header::{FRAMES_START, PreviousSegment};
use crate::disk::{Disk, DiskError, DiskFile, DiskResultExt, write_all_at};
use crate::types::num::to_u64;
use crate::types::planted::{Bug, planted};
use crate::types::{FilePosition, NewBatch, OffsetRange, TimestampType};

/// The head of a log.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) segment: Arc<Segment>,
    pub(super) write_ahead: Arc<WriteAhead>,
    file: Arc<dyn DiskFile>,
    open_epoch: u32,
    /// Behind everything written.
    written: ChainState,
    /// Behind everything synced.
    synced: ChainState,
    /// The last frame only vouches: another one would say nothing new.
    is_vouched: bool,
}

/// Why frames could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// There is no room; nothing of the frames is left.
    NoRoom(DiskError),
    /// The frames were not written, and nothing of them is left.
    Removed(DiskError),
    /// Something of the frames may be left.
    Unknown(DiskError),
}

impl Head {
    /// The head that goes on behind `end`; everything before is synced, and the file ends at `file_len`.
    pub(super) fn new(
        disk: &dyn Disk,
        segment: Arc<Segment>,
        open_epoch: u32,
        end: ChainState,
        file_len: FilePosition,
        write_ahead_bytes_max: u64,
    ) -> Result<Head, DiskError> {
        let file = segment.file(disk)?;
        let write_ahead = WriteAhead::new(disk, segment.path.clone(), file_len, write_ahead_bytes_max)?;
        segment.publish(&end);
        let written = ChainState { open_epoch, ..end };
        Ok(Head {
            segment,
            write_ahead: Arc::new(write_ahead),
            file,
            open_epoch,
            written,
            synced: written,
            is_vouched: false,
        })
    }

    pub(super) fn written(&self) -> &ChainState {
        &self.written
    }

    pub(super) fn synced(&self) -> &ChainState {
        &self.synced
    }

    pub(super) fn is_synced(&self) -> bool {
        self.written.position == self.synced.position
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written.position <= FRAMES_START
    }

    /// How many of `batches` fit in a segment of `segment_bytes`; at least one in an empty segment.
    pub(super) fn count_fitting(&self, batches: &[NewBatch], segment_bytes: u64) -> usize {
        let mut end = self.written.position.0;
        let fitting = batches
            .iter()
            .take_while(|batch| {
                end += to_u64(HEADER_LEN + batch.payload_len());
                end <= segment_bytes
            })
            .count();
        if fitting == 0 && self.is_empty() { 1.min(batches.len()) } else { fitting }
    }

    /// Writes batches, each as one frame, at the end. They are not durable, and readers do not see them.
    pub(super) fn write(
        &mut self,
        batches: &[NewBatch],
        append_time_ms: i64,
        index_interval_bytes: u64,
    ) -> Result<(), WriteError> {
        let mut chain = self.written;
        let mut headers = Vec::with_capacity(batches.len());
        let mut entries = Vec::with_capacity(batches.len());
        for batch in batches {
            let header = self.frame_for(batch, &chain, append_time_ms);
            entries.push(IndexEntry {
                offset: header.offsets.first,
                position: header.position,
                max_timestamp_before_ms: chain.times.map_or(i64::MIN, |times| times.max_timestamp_ms),
            });
            let (bytes, crc) = header.encode();
            chain = chain.after(&header, crc);
            headers.push(bytes);
        }
        let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(batches.len() * 2);
        for (header, batch) in headers.iter().zip(batches) {
            slices.push(IoSlice::new(header));
            slices.extend(batch.payload.iter().map(|piece| IoSlice::new(piece)));
        }
        self.put(&mut slices, chain.position)?;
        self.segment.index.push_due(&entries, index_interval_bytes);
        self.written = chain;
        self.is_vouched = false;
        if planted(Bug::AcknowledgeEarly) {
            self.segment.publish(&self.written);
        }
        Ok(())
    }

    /// Writes a frame without records, which says that everything before it is durable. Returns whether there
    /// was anything to say.
    pub(super) fn write_vouch(&mut self) -> Result<bool, WriteError> {
        if self.is_vouched || self.is_empty() || !self.is_synced() {
            return Ok(false);
        }
        let here = OffsetRange { first: self.written.next_offset, end: self.written.next_offset };
        let times = self.written.times;
        let header = FrameHeader {
            offsets: here,
            record_count: 0,
            append_time_ms: times.map_or(0, |times| times.last_append_ms),
            max_timestamp_ms: times.map_or(0, |times| times.max_timestamp_ms),
            ..self.blank_frame(&self.written)
        };
        let (bytes, crc) = header.encode();
        self.put(&mut [IoSlice::new(&bytes)], header.end_position())?;
        self.written = self.written.after(&header, crc);
        self.is_vouched = true;
        Ok(true)
    }

    /// Makes everything written durable and lets readers see it.
    ///
    /// After a failure nothing is known about what was written since the last success.
    pub(super) fn sync(&mut self) -> Result<(), DiskError> {
        if self.is_synced() {
            return Ok(());
        }
        let result = if planted(Bug::SkipCommitSync) {
            Ok(())
        } else {
            self.file.sync().during("sync", &self.segment.path)
        };
        if !planted(Bug::IgnoreFailedSync) {
            result?;
        }
        self.synced = self.written;
        self.segment.publish(&self.synced);
        Ok(())
    }

    /// Ends the segment: a footer behind the last frame, and the file cut to its true length. Everything
    /// written must be synced before.
    pub(super) fn seal(&self, is_damaged: bool) -> Result<PreviousSegment, WriteError> {
        assert!(self.is_synced() || planted(Bug::SealBeforeSync), "rolling syncs first");
        let end = self.synced.position.plus(to_u64(FOOTER_LEN));
        self.write_ahead.ensure(end).map_err(no_zeros)?;
        self.write_ahead.stop();
        write_footer(&*self.file, &self.segment, &self.synced, is_damaged).map_err(WriteError::Unknown)
    }

    /// Gives back the zeros ahead: the file ends behind its last frame.
    pub(super) fn trim(&self) -> Result<(), DiskError> {
        self.write_ahead.stop();
        let len = self.synced.position.0;
        if self.file.len().during("stat", &self.segment.path)? > len {
            self.file.set_len(len).during("cut", &self.segment.path)?;
            self.file.sync().during("sync", &self.segment.path)?;
        }
        Ok(())
    }

    /// Writes at the end, over zeros that are there already. What a failed write has left is removed.
    fn put(&self, slices: &mut [IoSlice<'_>], upto: FilePosition) -> Result<(), WriteError> {
        self.write_ahead.ensure(upto).map_err(no_zeros)?;
        let at = self.written.position;
        let Err(error) = write_all_at(&*self.file, slices, at).during("write", &self.segment.path) else {
            return Ok(());
        };
        if planted(Bug::KeepFailedWrite) {
            return Err(WriteError::Removed(error));
        }
        match self.write_ahead.cut(&*self.file, at) {
            Ok(()) => Err(WriteError::Removed(error)),
            Err(_) => Err(WriteError::Unknown(error)),
        }
    }

    fn frame_for(&self, batch: &NewBatch, chain: &ChainState, append_time_ms: i64) -> FrameHeader {
        let mut crc = crc32fast::Hasher::new();
        for piece in &batch.payload {
            crc.update(piece);
        }
        let payload_len = u32::try_from(batch.payload_len()).unwrap_or(u32::MAX);
        let first = chain.next_offset;
        let header = FrameHeader {
            payload_len,
            payload_crc: crc.finalize(),
            offsets: OffsetRange { first, end: first.plus(u64::from(batch.record_count)) },
            record_count: batch.record_count,
            timestamp_type: batch.timestamp_type,
            append_time_ms,
            max_timestamp_ms: max_timestamp_ms(batch, append_time_ms),
            uncompressed_len: payload_len,
            ..self.blank_frame(chain)
        };
        assert!(
            header.check().is_ok() && batch.record_count > 0,
            "limits are checked before a batch gets here"
        );
        header
    }

    fn blank_frame(&self, chain: &ChainState) -> FrameHeader {
        FrameHeader {
            payload_len: 0,
            payload_crc: 0,
            deltas_crc: 0,
            nonce: self.segment.nonce,
            position: chain.position,
            open_epoch: self.open_epoch,
            previous_crc: chain.previous_crc,
            offsets: OffsetRange { first: chain.next_offset, end: chain.next_offset },
            record_count: 0,
            has_deltas: false,
            compression: crate::types::Compression::None,
            timestamp_type: TimestampType::CreateTime,
            append_time_ms: 0,
            max_timestamp_ms: 0,
            producer: ProducerStamp::default(),
            uncompressed_len: 0,
            durable_upto: self.synced.position,
            leader_epoch: 0,
        }
    }
}

fn no_zeros(error: WriteAheadError) -> WriteError {
    match error {
        WriteAheadError::Write(error) => WriteError::NoRoom(error),
        WriteAheadError::Sync(error) => WriteError::Unknown(error),
    }
}

/// Writes the footer behind `end`, cuts the file there, and syncs it.
pub(super) fn write_footer(
    file: &dyn DiskFile,
    segment: &Segment,
    end: &ChainState,
    is_damaged: bool,
) -> Result<PreviousSegment, DiskError> {
    let (footer, len) = footer_for(segment.nonce, end, is_damaged);
    write_all_at(file, &mut [IoSlice::new(&footer.encode())], end.position).during("write", &segment.path)?;
    file.set_len(len).during("cut", &segment.path)?;
    file.sync().during("sync", &segment.path)?;
    Ok(PreviousSegment { end_offset: end.next_offset, len })
}

fn max_timestamp_ms(batch: &NewBatch, append_time_ms: i64) -> i64 {
    match (batch.timestamp_type, batch.max_timestamp_ms) {
        (TimestampType::LogAppendTime, _) | (TimestampType::CreateTime, None) => append_time_ms,
        (TimestampType::CreateTime, Some(max)) if batch.has_untimed_records => max.max(append_time_ms),
        (TimestampType::CreateTime, Some(max)) => max,
    }
}
