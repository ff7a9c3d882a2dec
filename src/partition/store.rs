//! What a partition needs of its storage. The file log is one implementation, the in-memory log another.
//!
//! A store has one writer, which the partition's commit job owns, and any number of readers. All methods are
//! synchronous and may wait for the disk, except a read of [`Residency::CachedOnly`].

use std::sync::Arc;

pub use crate::log::Residency;
use crate::log::{AppendError, DamagedRange, ReadCursor, ReadError};
use crate::types::{NewBatch, Offset, StoredBatch};

/// Work that a store wants done off the commit path: zeros to be written ahead, files to be unlinked. It may
/// run at any time, in parallel to the writer; where it fails, the store knows.
pub type BackgroundJob = Box<dyn FnOnce() + Send>;

/// The writer's half of a store.
pub trait PartitionStore: Send + 'static {
    /// The next offset to be assigned (`log_end_offset`).
    fn next_offset(&self) -> Offset;

    /// Appends batches, each as one frame, densely from [`PartitionStore::next_offset`] on. They are not
    /// durable, and not readable, before [`PartitionStore::sync`]. Returns the append time that they all got:
    /// `now_ms`, or the append time before it where the clock went back.
    ///
    /// # Errors
    /// See [`AppendError`]. Nothing was appended, unless it is [`AppendError::OutcomeUnknown`].
    fn append(&mut self, batches: &[NewBatch], now_ms: i64) -> Result<i64, AppendError>;

    /// Makes everything appended durable and readable. Returns the new durable offset.
    ///
    /// # Errors
    /// See [`AppendError`]. What was appended since the last sync has an unknown outcome; the store is latched.
    fn sync(&mut self) -> Result<Offset, AppendError>;

    /// Writes a record of what is durable, so that damage to the last group can be told from a torn write.
    /// To be called when the partition has been idle for a while; does nothing where there is nothing to say.
    ///
    /// # Errors
    /// See [`AppendError`]; the store is latched.
    fn vouch(&mut self) -> Result<(), AppendError>;

    /// Makes records before `before` unreadable, durably, and frees what space it can. Returns the log start.
    /// `before` is at most the durable offset; one below the log start changes nothing.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn delete_records(&mut self, before: Offset) -> Result<Offset, AppendError>;

    /// What is due by time and size: rolling by age, retention. To be called every few seconds.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn upkeep(&mut self, now_ms: i64) -> Result<(), AppendError>;

    /// Work to be done off the commit path, if any. To be asked for after each call that changes the store.
    fn background_job(&mut self) -> Option<BackgroundJob>;

    /// Makes everything durable and leaves a mark that spares the next opening its checks. The store takes no
    /// appends afterwards.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn close(&mut self) -> Result<(), AppendError>;

    /// A reader. All readers of a store see the same.
    fn reader(&self) -> Arc<dyn StoreReader>;
}

/// The readers' half of a store.
pub trait StoreReader: Send + Sync + 'static {
    /// The first offset that can still be read.
    fn log_start_offset(&self) -> Offset;

    /// The first offset that is not yet durable; readers see below it.
    fn durable_offset(&self) -> Offset;

    /// Reads whole batches from the one that holds `cursor.next` on, as many as fit in `bytes_max` but at
    /// least one, and moves the cursor behind the last. Empty at the durable offset. Batches that lie in one
    /// chunk of the file share one buffer.
    ///
    /// # Errors
    /// See [`ReadError`]; the cursor then has not moved. An offset above the durable offset, or below the log
    /// start, is [`ReadError::OutOfRange`].
    fn read(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError>;

    /// A cursor on a batch at or before the first one that has a record whose time is not before
    /// `timestamp_ms`; reading on from there, batches whose `max_timestamp_ms` is earlier can be skipped. The
    /// durable offset where all records are older. May wait for the disk.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn seek_time(&self, timestamp_ms: i64) -> Result<ReadCursor, ReadError>;

    /// Figures for people.
    fn info(&self) -> StoreInfo;
}

/// Figures about a store, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreInfo {
    /// What the segment files take, in bytes.
    pub size_bytes: u64,
    /// How many segments there are.
    pub segment_count: u32,
    /// What is known to be damaged, by offset.
    pub damaged_ranges: Vec<DamagedRange>,
    /// The largest time of a record, in milliseconds since the Unix epoch; None in an empty store.
    pub newest_timestamp_ms: Option<i64>,
    /// Whether appends are accepted.
    pub writable: bool,
}
