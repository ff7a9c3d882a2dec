//! What callers of a partition are told, one small enum a verb. Details of a failed disk go to the log, here
//! and once; they are not passed on.

use thiserror::Error;

use crate::disk::DiskError;
use crate::log::{self, AppendError, DamagedRange};
use crate::types::{Offset, OffsetRange};

/// Why a partition takes no more requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// It is closed, or about to be: the broker stops.
    #[error("the partition is closed")]
    Closed,
    /// Its topic was deleted.
    #[error("the partition was deleted")]
    Deleted,
}

/// How the storage failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StoreFailure {
    /// There is no room. Nothing was changed; a later try may succeed.
    #[error("no room on the disk")]
    DiskFull,
    /// The disk failed, and the change was certainly not made. The partition is latched.
    #[error("the disk failed; nothing was changed")]
    Failed,
    /// The disk failed, and the change may or may not be found later. The partition is latched.
    #[error("the disk failed; whether the change was made is unknown")]
    OutcomeUnknown,
    /// An earlier failure has latched the partition: it must be opened again before it can change.
    #[error("the partition has failed before and must be opened again")]
    Latched,
    /// The end of the log is damaged in a way that hides where it was: it needs repair.
    #[error("the end of the log is unknown: it needs repair")]
    EndUnknown,
}

impl StoreFailure {
    /// Logs the details of `error` and keeps its kind. `operation` is a verb: "append", "sync".
    pub(super) fn logged(operation: &'static str, error: &AppendError) -> StoreFailure {
        let failure = match error {
            AppendError::DiskFull(_) => StoreFailure::DiskFull,
            AppendError::Failed(_) => StoreFailure::Failed,
            AppendError::OutcomeUnknown(_) => StoreFailure::OutcomeUnknown,
            // Said once, when it happened; every later append would say it again.
            AppendError::Latched => return StoreFailure::Latched,
            AppendError::EndUnknown => return StoreFailure::EndUnknown,
        };
        tracing::error!(operation, %error, "the storage of a partition failed");
        failure
    }
}

/// Why an append did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendFailure {
    /// The caller's: the append was to get one offset and would have got another. It was not made.
    #[error("expected to append at offset {expected}, but {actual} is next")]
    OffsetMismatch {
        /// What the caller asked for.
        expected: Offset,
        /// The offset it would have got.
        actual: Offset,
    },
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// The partition takes no appends.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why records were not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DeleteRecordsError {
    /// The caller's: the offset lies above the high watermark.
    #[error("the offset is outside {available}")]
    OutOfRange {
        /// From the log start to the high watermark; the end is allowed, too.
        available: OffsetRange,
    },
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// The partition takes no requests.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why upkeep or closing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MaintenanceError {
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreFailure),
    /// The partition takes no requests.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a subscription or a lookup ended.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The caller's: the offset is not in the log, or retention has overtaken it.
    #[error("the offset is outside {available}")]
    OutOfRange {
        /// From the log start to the high watermark.
        available: OffsetRange,
    },
    /// Corruption: these offsets cannot be read; those around them can.
    #[error("offsets {} are damaged", .0.offsets)]
    Corrupt(DamagedRange),
    /// Corruption: the batch is what was stored, by its checksum, but it is not a record set.
    #[error("offsets {offsets} are not a record set")]
    Malformed {
        /// The offsets of the batch.
        offsets: OffsetRange,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(DiskError),
    /// The partition serves no reads any more.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ReadError {
    /// Carries a store's error over. `None` is [`log::ReadError::NotCached`], which is no failure: the read is
    /// to be done where it may wait.
    pub(super) fn from_store(error: log::ReadError) -> Option<ReadError> {
        match error {
            log::ReadError::OutOfRange { available } => Some(ReadError::OutOfRange { available }),
            log::ReadError::Corrupt(range) => Some(ReadError::Corrupt(range)),
            log::ReadError::Io(error) => Some(ReadError::Io(error)),
            log::ReadError::NotCached => None,
        }
    }
}
