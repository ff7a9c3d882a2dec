//! The async owner of a log: one [`Partition`] per log, which gathers appends into groups, commits them on a
//! pool of blocking threads, and lets any number of [`Subscription`]s follow.
//!
//! The way of an append: [`Partition::append_permit`] (backpressure, counted in bytes) →
//! [`Partition::submit`] → the partition's queue, the only one on the way → a commit job: gather, assign
//! offsets, one write, one sync → the high watermark moves → acknowledgements, in offset order. While one
//! group syncs, the next gathers; there is no timer.
//!
//! Invariants:
//! - At most one commit job of a partition is queued or running.
//! - An append is acknowledged after the sync that made it durable, and appends of one partition are
//!   acknowledged in offset order.
//! - A subscription never shows a record at or above the durable offset, and never skips one below it.
//! - Readers and the writer share no lock that either holds while it waits for the disk.
//!
//! Nothing here knows topics, transports or groups.

mod append;
mod budget;
mod commit;
mod error;
mod file;
mod group;
mod handle;
mod memory;
mod pool;
mod queue;
mod seek;
mod start;
mod store;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;
mod vouch;

pub use append::{Append, AppendKind, AppendReceipt, Appended};
pub use budget::{AppendBudget, AppendPermit};
pub use error::{AppendFailure, DeleteRecordsError, MaintenanceError, ReadError, StoreFailure, Unavailable};
pub use file::FileStore;
pub use handle::{Partition, PartitionRuntime};
pub use memory::MemoryStore;
pub use pool::{Pool, PoolClosed};
pub use start::{StartAt, StopAt, resolve_start, resolve_stop};
pub use store::{BackgroundJob, PartitionStore, Residency, StoreInfo, StoreReader};
pub use subscription::{Event, Subscription};
