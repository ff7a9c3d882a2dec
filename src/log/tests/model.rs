//! What a log must hold, kept apart from it: the history of what was asked of it and answered, and the checker
//! that compares the two. Unknown outcomes are neither success nor failure until a reopened log settles them.

use super::support::*;
use crate::log::{Log, LogReader, OpeningReport, ReadCursor, ReadError, Residency};
use crate::types::{LogConfig, Offset, OffsetRange, StoredBatch};

/// A batch that was handed to the log, and that the log has not definitely refused.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Known {
    pub(in crate::log) seed: u64,
    pub(in crate::log) offsets: OffsetRange,
    pub(in crate::log) len: usize,
    /// None where the log did not say.
    pub(in crate::log) append_ms: Option<i64>,
    /// The least time that a clock has shown while the batch existed: retention may count from there.
    pub(in crate::log) seen_ms: i64,
}

/// The history.
#[derive(Clone, Debug, Default)]
pub(in crate::log) struct Model {
    /// In order of their offsets, without holes.
    pub(in crate::log) batches: Vec<Known>,
    /// The log start that was acknowledged, or that readers have seen.
    pub(in crate::log) log_start: Offset,
    /// Where calls of unknown outcome may have moved it.
    maybe_starts: Vec<Offset>,
    /// Everything below was acknowledged, or could be read.
    pub(in crate::log) durable: Offset,
}

/// What is to be expected of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) enum Ending {
    /// Anything may have been in the middle of being written.
    Any,
    /// Everything was synced: nothing can be torn.
    Synced,
}

impl Known {
    fn compare(&self, found: &StoredBatch) -> Result<(), String> {
        let name = || format!("batch {} at {}", self.seed, self.offsets);
        if found.offsets != self.offsets {
            return Err(format!("{} is found at {}", name(), found.offsets));
        }
        if found.payload[..] != payload(self.seed, self.len)[..] {
            return Err(format!("{} has another payload", name()));
        }
        if u64::from(found.record_count) != self.offsets.end.since(self.offsets.first) {
            return Err(format!("{} has {} records", name(), found.record_count));
        }
        if self.append_ms.is_some_and(|time| time != found.append_time_ms) {
            return Err(format!("{} has append time {}", name(), found.append_time_ms));
        }
        Ok(())
    }
}

impl Model {
    /// The first offset behind everything that was handed to the log.
    pub(in crate::log) fn end(&self) -> Offset {
        self.batches.last().map_or(self.durable, |batch| batch.offsets.end)
    }

    /// What was handed over behind `end` is not there.
    pub(in crate::log) fn forget_from(&mut self, end: Offset) {
        self.batches.retain(|batch| batch.offsets.end <= end);
    }

    /// The durable offset, as the log tells it.
    pub(in crate::log) fn see_durable(&mut self, durable: Offset) -> Result<(), String> {
        if durable < self.durable {
            return Err(format!("the durable offset went back from {} to {durable}", self.durable));
        }
        if durable > self.end() {
            return Err(format!("the durable offset is {durable}, only {} was appended", self.end()));
        }
        self.durable = durable;
        Ok(())
    }

    pub(in crate::log) fn see_time(&mut self, now_ms: i64) {
        for batch in &mut self.batches {
            batch.seen_ms = batch.seen_ms.min(now_ms);
        }
    }

    /// A call that was to move the log start here has an unknown outcome.
    pub(in crate::log) fn may_start_at(&mut self, offset: Offset) {
        self.maybe_starts.push(offset);
    }

    /// The log start was acknowledged.
    pub(in crate::log) fn starts_at(&mut self, offset: Offset) {
        self.log_start = offset;
        self.maybe_starts.retain(|maybe| *maybe > offset);
    }

    /// The ends of batches up to which retention may delete.
    pub(in crate::log) fn retention_ends(&self, config: &LogConfig, now_ms: i64) -> Vec<Offset> {
        let is_due = |index: usize, batch: &Known| {
            let by_age = config
                .retention_ms
                .is_some_and(|max| now_ms.saturating_sub(batch.seen_ms) >= i64::try_from(max).unwrap());
            let rest: u64 = self.batches[index..].iter().map(|batch| 128 + batch.len as u64).sum();
            // Headers of segments count as well, and the segment that a batch lies in goes as a whole.
            let headers = 1024 * (rest / 1024 + 2);
            let by_size =
                config.retention_bytes.is_some_and(|max| rest + headers + config.segment_bytes > max);
            by_age || by_size || batch.offsets.end <= self.log_start
        };
        let due = self.batches.iter().enumerate().take_while(|(index, batch)| is_due(*index, batch));
        due.map(|(_, batch)| batch.offsets.end).filter(|end| *end <= self.durable).collect()
    }

    /// The checks of a log that has just been opened. What it holds settles what was unknown.
    pub(in crate::log) fn check_opened(
        &mut self,
        log: &Log,
        report: &OpeningReport,
        ending: Ending,
    ) -> Result<(), String> {
        if !report.damaged.is_empty() {
            return Err(format!("a crash is reported as damage: {:?}", report.damaged));
        }
        if report.end_unknown.is_some() || !log.is_writable() {
            return Err(format!("the log takes no appends: {:?}", report.end_unknown));
        }
        if ending == Ending::Synced && report.torn.is_some() {
            return Err(format!("a torn tail in a log that was synced: {:?}", report.torn));
        }
        let reader = log.reader();
        let start = reader.log_start_offset();
        if start != self.log_start && !self.maybe_starts.contains(&start) {
            return Err(format!(
                "the log starts at {start}, not at {} or one of {:?}",
                self.log_start, self.maybe_starts
            ));
        }
        self.log_start = start;
        self.maybe_starts.clear();
        let end = self.check_readable(&reader)?;
        if log.next_offset() != end {
            return Err(format!("the next offset is {}, the log ends at {end}", log.next_offset()));
        }
        self.forget_from(end);
        self.see_durable(end)
    }

    /// The checks of a log that is open: all that is durable can be read, and nothing else. Returns where it
    /// ends.
    pub(in crate::log) fn check_readable(&self, reader: &LogReader) -> Result<Offset, String> {
        let (start, end) = (reader.log_start_offset(), reader.durable_offset());
        if end < self.durable {
            return Err(format!("{} was durable, the log ends at {end}", self.durable));
        }
        if start != self.log_start {
            return Err(format!("the log starts at {start}, not at {}", self.log_start));
        }
        let found = read_from(reader, start).map_err(|error| format!("read from {start}: {error}"))?;
        let mut expected = self.batches.iter().skip_while(|batch| batch.offsets.end <= start);
        for batch in &found {
            match expected.next() {
                Some(known) => known.compare(batch)?,
                None => return Err(format!("nobody appended what is found at {}", batch.offsets)),
            }
        }
        let reached = found.last().map_or(start, |batch| batch.offsets.end);
        if reached != end {
            return Err(format!("the log can be read up to {reached}, and says {end}"));
        }
        if !reader.info().damaged_ranges.is_empty() {
            return Err(format!("damage was found: {:?}", reader.info().damaged_ranges));
        }
        check_bounds(reader, start, end)?;
        for batch in [found.get(found.len() / 2), found.last()].into_iter().flatten() {
            check_point(reader, batch)?;
        }
        Ok(end)
    }

    /// The first readable batch whose time is not before `timestamp_ms` is met from where the log points to.
    pub(in crate::log) fn check_seek(&self, reader: &LogReader, timestamp_ms: i64) -> Result<(), String> {
        let is_wanted = |batch: &StoredBatch| batch.max_timestamp_ms >= timestamp_ms;
        let all = read_from(reader, reader.log_start_offset()).map_err(|error| error.to_string())?;
        let cursor = reader.seek_time(timestamp_ms).map_err(|error| error.to_string())?;
        let behind = read_from_cursor(reader, cursor).map_err(|error| error.to_string())?;
        let (expected, met) = (all.iter().find(|b| is_wanted(b)), behind.iter().find(|b| is_wanted(b)));
        if expected != met {
            let offsets = |batch: Option<&StoredBatch>| batch.map(|batch| batch.offsets);
            return Err(format!(
                "time {timestamp_ms} leads to {:?}, not to {:?}",
                offsets(met),
                offsets(expected)
            ));
        }
        Ok(())
    }
}

fn check_bounds(reader: &LogReader, start: Offset, end: Offset) -> Result<(), String> {
    let outside = [start.0.checked_sub(1).map(Offset), Some(end.plus(1))];
    for offset in outside.into_iter().flatten() {
        let result = reader.read(&mut ReadCursor::at(offset), 100, Residency::MayBlock);
        if !matches!(result, Err(ReadError::OutOfRange { .. })) {
            return Err(format!("{offset} is outside {start}..{end}, and reads as {result:?}"));
        }
    }
    Ok(())
}

/// The batch is found by each of its offsets' ends, not only by reading on.
fn check_point(reader: &LogReader, batch: &StoredBatch) -> Result<(), String> {
    let last = Offset(batch.offsets.end.0 - 1).max(reader.log_start_offset());
    match reader.read(&mut ReadCursor::at(last), 1, Residency::MayBlock) {
        Ok(found) if found.first() == Some(batch) => Ok(()),
        other => Err(format!("offset {last} reads as {other:?}")),
    }
}
