//! Where reading starts and stops, in offsets of one partition.

use super::{Partition, ReadError};
use crate::types::{Offset, OffsetRange};

/// Where to start reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// The first record in the log.
    Earliest,
    /// Behind the last record in the log.
    Latest,
    /// This offset, which must lie between the log start and the high watermark.
    Offset(Offset),
    /// The first record whose time is not before this, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// This many records before the high watermark, or as many as there are.
    LastN(u64),
}

/// Where to stop reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAt {
    /// At the high watermark of now.
    AtEnd,
    /// Before this offset, which may not have been reached yet.
    Offset(Offset),
    /// Before the first record whose time is not before this, in milliseconds since the Unix epoch; at the
    /// high watermark of now where all are older.
    Timestamp(i64),
}

/// Resolves what is said in offsets.
///
/// `last_n` counts offsets, which is right as long as offsets have no holes: compaction, when it comes, must
/// count records instead.
fn resolve(start: StartAt, available: OffsetRange) -> Resolved {
    match start {
        StartAt::Earliest => Resolved::At(available.first),
        StartAt::Latest => Resolved::At(available.end),
        StartAt::Offset(offset) if offset < available.first || offset > available.end => Resolved::OutOfRange,
        StartAt::Offset(offset) => Resolved::At(offset),
        StartAt::LastN(count) => {
            Resolved::At(Offset(available.end.0.saturating_sub(count)).max(available.first))
        }
        StartAt::Timestamp(timestamp_ms) => Resolved::ByTime(timestamp_ms),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolved {
    At(Offset),
    ByTime(i64),
    OutOfRange,
}

/// The offset of the first record to read.
///
/// # Errors
/// An offset outside the log, or a failure of the lookup by time.
pub async fn resolve_start(partition: &Partition, start: StartAt) -> Result<Offset, ReadError> {
    let available = OffsetRange { first: partition.log_start_offset(), end: partition.high_watermark() };
    match resolve(start, available) {
        Resolved::At(offset) => Ok(offset),
        Resolved::ByTime(timestamp_ms) => partition.seek_time(timestamp_ms).await,
        Resolved::OutOfRange => Err(ReadError::OutOfRange { available }),
    }
}

/// The first offset that is not to be read.
///
/// # Errors
/// A failure of the lookup by time.
pub async fn resolve_stop(partition: &Partition, stop: StopAt) -> Result<Offset, ReadError> {
    match stop {
        StopAt::AtEnd => Ok(partition.high_watermark()),
        StopAt::Offset(offset) => Ok(offset),
        StopAt::Timestamp(timestamp_ms) => partition.seek_time(timestamp_ms).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: OffsetRange = OffsetRange { first: Offset(10), end: Offset(20) };

    #[test]
    fn both_ends_can_be_started_at() {
        assert_eq!(resolve(StartAt::Earliest, LOG), Resolved::At(Offset(10)));
        assert_eq!(resolve(StartAt::Latest, LOG), Resolved::At(Offset(20)));
        assert_eq!(resolve(StartAt::Offset(Offset(10)), LOG), Resolved::At(Offset(10)));
        assert_eq!(resolve(StartAt::Offset(Offset(20)), LOG), Resolved::At(Offset(20)));
    }

    #[test]
    fn offsets_outside_the_log_are_refused() {
        assert_eq!(resolve(StartAt::Offset(Offset(9)), LOG), Resolved::OutOfRange);
        assert_eq!(resolve(StartAt::Offset(Offset(21)), LOG), Resolved::OutOfRange);
    }

    #[test]
    fn the_last_n_are_as_many_as_there_are() {
        assert_eq!(resolve(StartAt::LastN(3), LOG), Resolved::At(Offset(17)));
        assert_eq!(resolve(StartAt::LastN(0), LOG), Resolved::At(Offset(20)));
        assert_eq!(resolve(StartAt::LastN(u64::MAX), LOG), Resolved::At(Offset(10)));
    }
}
