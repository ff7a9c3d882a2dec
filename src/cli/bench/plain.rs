//! The plain disk: the same bytes in a plain file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::workload::Workload;
use crate::types::num::to_usize;

/// Writes the workload's batches to a new file, each followed by fdatasync.
pub(super) fn write_synced(path: &Path, workload: &Workload) -> io::Result<Duration> {
    let batch = workload.plain_batch();
    let mut file = File::create(path)?;
    let began = Instant::now();
    for _ in 0..workload.batches {
        file.write_all(&batch)?;
        file.sync_data()?;
    }
    Ok(began.elapsed())
}

/// Reads the file from its beginning to its end, a batch at a time.
pub(super) fn read(path: &Path, workload: &Workload) -> io::Result<Duration> {
    let mut buffer = vec![0; to_usize(workload.batch_bytes())];
    let mut file = File::open(path)?;
    let began = Instant::now();
    while file.read(&mut buffer)? > 0 {}
    Ok(began.elapsed())
}
