//! The async owner of a log.

mod store;

pub use store::{BackgroundJob, PartitionStore, Residency, StoreInfo, StoreReader};
