//! A store whose syncs and reads wait at a gate, and fail when told to.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::disk::DiskError;
use crate::log::{AppendError, ReadCursor, ReadError};
use crate::partition::{BackgroundJob, MemoryStore, PartitionStore, Residency, StoreInfo, StoreReader};
use crate::types::{LogConfig, NewBatch, Offset, StoredBatch};

pub(super) struct Gated {
    inner: MemoryStore,
    gate: Arc<Gate>,
    is_latched: bool,
}

/// What a test does to the store, and learns of it.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<GateState>,
    opened: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct GateState {
    syncs_held: bool,
    reads_held: bool,
    reads_are_cold: bool,
    append_failures: VecDeque<AppendError>,
    sync_failures: VecDeque<AppendError>,
    read_failures: VecDeque<ReadError>,
    panic_in_sync: bool,
    /// The records of each frame, by group.
    groups: Vec<Vec<u32>>,
    background_jobs: VecDeque<BackgroundJob>,
    on_sync: Option<Box<dyn FnMut() + Send>>,
    on_empty_read: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) syncs_begun: usize,
    pub(super) reads_begun: usize,
    pub(super) vouches: usize,
    pub(super) upkeeps: usize,
    pub(super) closes: usize,
}

pub(super) fn disk_error() -> DiskError {
    DiskError { operation: "sync", path: "test".into(), source: io::Error::other("on purpose") }
}

impl Gated {
    pub(super) fn new() -> (Gated, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let inner = MemoryStore::new(LogConfig { retention_ms: Some(1000), ..LogConfig::default() });
        (Gated { inner, gate: Arc::clone(&gate), is_latched: false }, gate)
    }
}

impl Gate {
    pub(super) fn hold_syncs(&self) {
        self.state.lock().syncs_held = true;
    }

    /// Reads that may block wait, and nothing is in memory.
    pub(super) fn hold_reads(&self) {
        let mut state = self.state.lock();
        state.reads_held = true;
        state.reads_are_cold = true;
    }

    pub(super) fn make_reads_cold(&self) {
        self.state.lock().reads_are_cold = true;
    }

    pub(super) fn open(&self) {
        let mut state = self.state.lock();
        state.syncs_held = false;
        state.reads_held = false;
        self.opened.notify_all();
    }

    pub(super) fn fail_next_append(&self, error: AppendError) {
        self.state.lock().append_failures.push_back(error);
    }

    pub(super) fn fail_next_sync(&self, error: AppendError) {
        self.state.lock().sync_failures.push_back(error);
    }

    pub(super) fn fail_next_read(&self, error: ReadError) {
        self.state.lock().read_failures.push_back(error);
    }

    pub(super) fn panic_in_next_sync(&self) {
        self.state.lock().panic_in_sync = true;
    }

    pub(super) fn add_background_job(&self, job: impl FnOnce() + Send + 'static) {
        self.state.lock().background_jobs.push_back(Box::new(job));
    }

    pub(super) fn on_sync(&self, hook: impl FnMut() + Send + 'static) {
        self.state.lock().on_sync = Some(Box::new(hook));
    }

    /// Called between the next read that finds nothing and the reader's learning of it.
    pub(super) fn on_empty_read(&self, hook: impl FnOnce() + Send + 'static) {
        self.state.lock().on_empty_read = Some(Box::new(hook));
    }

    /// How many records each frame had, by group.
    pub(super) fn groups(&self) -> Vec<Vec<u32>> {
        self.state.lock().groups.clone()
    }

    pub(super) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub(super) async fn until(&self, condition: impl FnMut(&Progress) -> bool) {
        self.progress.subscribe().wait_for(condition).await.unwrap();
    }

    fn wait_while(&self, held: impl Fn(&GateState) -> bool) {
        let mut state = self.state.lock();
        while held(&state) {
            self.opened.wait(&mut state);
        }
    }
}

impl PartitionStore for Gated {
    fn next_offset(&self) -> Offset {
        self.inner.next_offset()
    }

    fn append(&mut self, batches: &[NewBatch], now_ms: i64) -> Result<i64, AppendError> {
        if self.is_latched {
            return Err(AppendError::Latched);
        }
        let mut state = self.gate.state.lock();
        if let Some(error) = state.append_failures.pop_front() {
            self.is_latched = !matches!(error, AppendError::DiskFull(_));
            return Err(error);
        }
        state.groups.push(batches.iter().map(|batch| batch.record_count).collect());
        self.inner.append(batches, now_ms)
    }

    fn sync(&mut self) -> Result<Offset, AppendError> {
        self.gate.progress.send_modify(|progress| progress.syncs_begun += 1);
        self.gate.wait_while(|state| state.syncs_held);
        let mut state = self.gate.state.lock();
        if let Some(error) = state.sync_failures.pop_front() {
            self.is_latched = true;
            return Err(error);
        }
        assert!(!state.panic_in_sync, "on purpose");
        let hook = state.on_sync.take();
        drop(state);
        if let Some(mut hook) = hook {
            hook();
            self.gate.state.lock().on_sync = Some(hook);
        }
        self.inner.sync()
    }

    fn vouch(&mut self) -> Result<(), AppendError> {
        self.gate.progress.send_modify(|progress| progress.vouches += 1);
        Ok(())
    }

    fn delete_records(&mut self, before: Offset) -> Result<Offset, AppendError> {
        self.inner.delete_records(before)
    }

    fn upkeep(&mut self, now_ms: i64) -> Result<(), AppendError> {
        self.gate.progress.send_modify(|progress| progress.upkeeps += 1);
        self.inner.upkeep(now_ms)
    }

    fn background_job(&mut self) -> Option<BackgroundJob> {
        self.gate.state.lock().background_jobs.pop_front()
    }

    fn close(&mut self) -> Result<(), AppendError> {
        self.gate.progress.send_modify(|progress| progress.closes += 1);
        self.inner.close()
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::new(GatedReader { inner: self.inner.reader(), gate: Arc::clone(&self.gate) })
    }
}

struct GatedReader {
    inner: Arc<dyn StoreReader>,
    gate: Arc<Gate>,
}

impl StoreReader for GatedReader {
    fn log_start_offset(&self) -> Offset {
        self.inner.log_start_offset()
    }

    fn durable_offset(&self) -> Offset {
        self.inner.durable_offset()
    }

    fn read(
        &self,
        cursor: &mut ReadCursor,
        bytes_max: usize,
        residency: Residency,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        if let Some(error) = self.gate.state.lock().read_failures.pop_front() {
            return Err(error);
        }
        match residency {
            Residency::CachedOnly if self.gate.state.lock().reads_are_cold => Err(ReadError::NotCached),
            Residency::CachedOnly => {
                let batches = self.inner.read(cursor, bytes_max, residency)?;
                if batches.is_empty()
                    && let Some(hook) = { self.gate.state.lock().on_empty_read.take() }
                {
                    hook();
                }
                Ok(batches)
            }
            Residency::MayBlock => {
                self.gate.progress.send_modify(|progress| progress.reads_begun += 1);
                self.gate.wait_while(|state| state.reads_held);
                self.inner.read(cursor, bytes_max, residency)
            }
        }
    }

    fn seek_time(&self, timestamp_ms: i64) -> Result<ReadCursor, ReadError> {
        self.inner.seek_time(timestamp_ms)
    }

    fn info(&self) -> StoreInfo {
        self.inner.info()
    }
}
