//! What can go wrong with a log, in families that never merge: the caller's mistakes, corruption, I/O, and
//! being unavailable.

use thiserror::Error;

use crate::disk::DiskError;
use crate::types::{FilePosition, Offset, OffsetRange};

/// Offsets whose bytes are damaged, and where they lay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedRange {
    /// The offsets that cannot be read.
    pub offsets: OffsetRange,
    /// The base offset, and so the name, of the segment file.
    pub segment: Offset,
    /// Where the damage begins in that file.
    pub position: FilePosition,
    /// What was found there.
    pub what: &'static str,
}

/// Why a read failed.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The caller's: the offset is not in the log.
    #[error("the offset is outside {available}")]
    OutOfRange {
        /// What can be read: from the log start to the bound of the read.
        available: OffsetRange,
    },
    /// Corruption: these offsets cannot be read; those around them can.
    #[error("offsets {} are damaged (segment {}, position {}: {})", .0.offsets, .0.segment, .0.position, .0.what)]
    Corrupt(DamagedRange),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] DiskError),
    /// Only what is in memory was asked for, and this is not.
    #[error("not in memory")]
    NotCached,
}

/// Why an append, a sync or a change of the log failed.
#[derive(Debug, Error)]
pub enum AppendError {
    /// There is no room. Nothing was appended; a later try may succeed.
    #[error("no room: {0}")]
    DiskFull(#[source] DiskError),
    /// The disk failed. What the call was to do is not done, and will not be seen later; the log has latched,
    /// unless it only lacked a file descriptor.
    #[error("not appended: {0}")]
    Failed(#[source] DiskError),
    /// The disk failed, and what the call was to do may or may not be found after the log is opened again;
    /// the log has latched.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(#[source] DiskError),
    /// An earlier failure has latched the log: it must be opened again, and verified, before it can change.
    #[error("the log has failed before and must be opened again")]
    Latched,
    /// The log's end is damaged in a way that hides where it was; `log repair` decides.
    #[error("the end of the log is unknown: it needs repair")]
    EndUnknown,
}
