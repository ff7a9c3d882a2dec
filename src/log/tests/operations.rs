//! What tests do to a log, as data, and a run of it that keeps the model beside the log. After any of the
//! calls the disk may be found crashed; what the call was to do has then an unknown outcome.

use std::sync::Arc;

use super::model::{Ending, Known, Model};
use super::support::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::log::LogJob;
use crate::log::{AppendError, Log, OnUnknownEnd};
use crate::types::{LogConfig, Offset, OffsetRange};

/// One thing done to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) enum Op {
    /// Append one batch of so many records and bytes. Not synced.
    Append(u32, usize),
    /// Append so many batches of that many bytes in one call. Not synced.
    Group(u64, usize),
    Sync,
    Vouch,
    /// Run the jobs that wait.
    Jobs,
    /// Fetch the jobs, and keep them from running.
    HoldJobs,
    /// Run the jobs that were held, the last fetched first.
    HeldJobs,
    Upkeep,
    /// Delete that many eighths of what can be read.
    Delete(u64),
    Close,
    /// Drop the log, as a killed process does, and open it again.
    Reopen,
    /// Move the clock by that many milliseconds.
    Clock(i64),
    /// From now on, keep records that long, and that many bytes.
    Retain(Option<u64>, Option<u64>),
}

/// A log, the disk it lies on, and what it must hold.
pub(in crate::log) struct Run {
    pub(in crate::log) disk: SimulatedDisk,
    pub(in crate::log) log: Option<Log>,
    pub(in crate::log) config: LogConfig,
    pub(in crate::log) model: Model,
    pub(in crate::log) now_ms: i64,
    /// How the last use of the disk has ended.
    pub(in crate::log) ending: Ending,
    next_seed: u64,
    held: Vec<LogJob>,
    /// Operations of the disk are to fail.
    pub(in crate::log) may_fail: bool,
    /// A sync has failed: nothing may be appended or synced any more.
    is_failed: bool,
}

impl Run {
    /// On a disk that holds a new, empty log.
    pub(in crate::log) fn new(config: LogConfig) -> Run {
        let disk = disk_with_log().after_power_cut(0);
        Run {
            disk,
            log: None,
            config,
            model: Model::default(),
            now_ms: 1_000,
            ending: Ending::Any,
            next_seed: 1,
            held: Vec::new(),
            may_fail: false,
            is_failed: false,
        }
    }

    /// The same history on what a crash has left.
    pub(in crate::log) fn on(&self, disk: SimulatedDisk) -> Run {
        Run {
            disk,
            log: None,
            config: self.config.clone(),
            model: self.model.clone(),
            held: Vec::new(),
            is_failed: false,
            ..*self
        }
    }

    /// Applies all of `ops`, or those that the disk lives to see.
    ///
    /// # Errors
    /// What the log did that it must not do.
    pub(in crate::log) fn apply_all(&mut self, ops: &[Op]) -> Result<(), String> {
        for (index, op) in ops.iter().enumerate() {
            self.apply(*op).map_err(|error| format!("operation {index}, {op:?}: {error}"))?;
            if self.disk.is_crashed() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Applies one operation; one that needs an open log does nothing where there is none.
    ///
    /// # Errors
    /// As above.
    pub(in crate::log) fn apply(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Clock(by_ms) => self.now_ms += by_ms,
            Op::Reopen => return self.reopen(),
            Op::Retain(retention_ms, retention_bytes) => {
                self.config = LogConfig { retention_ms, retention_bytes, ..self.config.clone() };
                if let Some(log) = &mut self.log {
                    log.set_config(self.config.clone());
                }
            }
            _ => {
                let Some(mut log) = self.log.take() else { return Ok(()) };
                self.call(&mut log, op)?;
                self.is_failed |= self.may_fail && !log.reader().info().is_writable;
                self.model.see_durable(log.reader().durable_offset())?;
                self.log = (op != Op::Close).then_some(log);
            }
        }
        Ok(())
    }

    fn call(&mut self, log: &mut Log, op: Op) -> Result<(), String> {
        match op {
            Op::Append(count, len) => self.append(log, 1, count, len)?,
            Op::Group(batches, len) => self.append(log, batches, 1, len)?,
            Op::Sync => {
                let result = log.sync();
                self.note_sync(result)?;
            }
            Op::Vouch => drop(log.vouch()),
            Op::Jobs => run_jobs(log),
            Op::HoldJobs => self.held.extend(log.background_job()),
            Op::HeldJobs => self.held.drain(..).rev().for_each(|job| job()),
            Op::Upkeep => self.upkeep(log)?,
            Op::Delete(eighths) => self.delete(log, eighths)?,
            Op::Close => {
                self.held.clear();
                if log.close().is_ok() && !self.is_failed && log.reader().info().is_writable {
                    self.model.see_durable(self.model.end())?;
                }
            }
            Op::Reopen | Op::Clock(_) | Op::Retain(..) => {}
        }
        Ok(())
    }

    fn append(&mut self, log: &mut Log, batches: u64, count: u32, len: usize) -> Result<(), String> {
        let first = log.next_offset();
        let mut next = first;
        let seeds = self.next_seed..self.next_seed + batches;
        self.next_seed = seeds.end;
        let new: Vec<_> = seeds.clone().map(|seed| batch(seed, count, len)).collect();
        let result = log.append(&new, self.now_ms);
        if self.is_failed && result.is_ok() {
            return Err("appended after a failed sync".to_owned());
        }
        let append_ms = match &result {
            Ok(append_ms) => Some(*append_ms),
            Err(AppendError::OutcomeUnknown(_)) => None,
            Err(AppendError::EndUnknown) => return Err("the end is unknown".to_owned()),
            Err(AppendError::DiskFull(_) | AppendError::Failed(_) | AppendError::Latched) => {
                let is_moved = log.next_offset() != first;
                return if is_moved { Err("refused, and appended".to_owned()) } else { Ok(()) };
            }
        };
        if first != self.model.end() {
            return Err(format!("offset {first} is given out, {} is the next", self.model.end()));
        }
        for seed in seeds {
            let offsets = OffsetRange { first: next, end: next.plus(u64::from(count)) };
            let known = Known { seed, offsets, len: len.max(8), append_ms, seen_ms: self.now_ms };
            self.model.batches.push(known);
            next = offsets.end;
        }
        if result.is_err() && log.is_writable() {
            self.model.forget_from(log.next_offset());
        }
        Ok(())
    }

    fn note_sync(&mut self, result: Result<Offset, AppendError>) -> Result<(), String> {
        match result {
            Ok(_) if self.is_failed => Err("synced after a failed sync".to_owned()),
            Ok(durable) if durable != self.model.end() => {
                Err(format!("synced up to {durable}, not to {}", self.model.end()))
            }
            Ok(durable) => self.model.see_durable(durable),
            Err(_) => {
                self.is_failed = true;
                Ok(())
            }
        }
    }

    fn delete(&mut self, log: &mut Log, eighths: u64) -> Result<(), String> {
        let (start, durable) = (self.model.log_start, log.reader().durable_offset());
        let before = start.plus(durable.since(start) * eighths / 8);
        match log.delete_records(before) {
            Ok(found) if found != before => Err(format!("deleted before {found}, not {before}")),
            Ok(found) => {
                self.model.starts_at(found);
                Ok(())
            }
            Err(_) => {
                self.model.may_start_at(before);
                Ok(())
            }
        }
    }

    fn upkeep(&mut self, log: &mut Log) -> Result<(), String> {
        self.model.see_time(self.now_ms);
        // Rolling syncs, and what it syncs may be deleted at once.
        let mut settled = self.model.clone();
        settled.durable = settled.end();
        let ends = settled.retention_ends(&self.config, self.now_ms);
        let result = log.upkeep(self.now_ms);
        let start = log.reader().log_start_offset();
        if start != self.model.log_start {
            if start < self.model.log_start || !ends.contains(&start) {
                let from = self.model.log_start;
                return Err(format!("retention moved the log start from {from} to {start}, not to {ends:?}"));
            }
            self.model.starts_at(start);
        }
        if result.is_err() {
            ends.into_iter().for_each(|end| self.model.may_start_at(end));
        }
        Ok(())
    }

    /// Opens the log and checks it. A disk that crashes, or is to fail, may refuse.
    ///
    /// # Errors
    /// What the log did that it must not do.
    pub(in crate::log) fn reopen(&mut self) -> Result<(), String> {
        self.held.clear();
        self.log = None;
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let opened = match Log::open(disk, &directory(), IDENTITY, self.config.clone(), OnUnknownEnd::Refuse)
        {
            Ok(opened) => opened,
            Err(_) if self.disk.is_crashed() || self.may_fail => return Ok(()),
            Err(error) => return Err(format!("the log cannot be opened: {error}")),
        };
        let ending = std::mem::replace(&mut self.ending, Ending::Any);
        let model = &mut self.model;
        let result = self.disk.without_faults(|| model.check_opened(&opened.log, &opened.report, ending));
        if self.disk.is_crashed() {
            // The look into the log was cut short as well.
            return Ok(());
        }
        result?;
        self.is_failed = !opened.log.reader().info().is_writable;
        self.log = Some(opened.log);
        Ok(())
    }

    /// The log is open, takes appends, and holds them.
    pub(in crate::log) fn go_on(&mut self) -> Result<(), String> {
        self.apply_all(&[Op::Append(2, 100), Op::Sync, Op::Group(2, 500), Op::Sync, Op::Jobs])?;
        let Some(log) = &self.log else { return Err("the log is not open".to_owned()) };
        if self.model.durable != self.model.end() || self.is_failed {
            return Err("the log takes no appends".to_owned());
        }
        self.model.check_readable(&log.reader()).map(drop)?;
        self.ending = Ending::Synced;
        Ok(())
    }
}
