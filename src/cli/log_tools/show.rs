//! What the offline tools print: lines and tables for people, an object a line for programs.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::super::time::to_rfc3339;
use super::data_dir::PartitionDir;
use crate::codec::frame::FrameHeader;
use crate::log::{DamagedRange, Finding, Inspection, OpeningReport};
use crate::types::Offset;

/// One stored batch.
pub(super) fn frame(partition: &PartitionDir, segment: Offset, frame: &FrameHeader, as_json: bool) -> String {
    if as_json {
        let value = json!({
            "topic": partition.topic, "partition": partition.number, "segment": segment.0,
            "position": frame.position.0, "frame_bytes": frame.frame_len(),
            "first_offset": frame.offsets.first.0, "end_offset": frame.offsets.end.0,
            "records": frame.record_count, "payload_bytes": frame.payload_len,
            "append_time": to_rfc3339(frame.append_time_ms), "newest": to_rfc3339(frame.max_timestamp_ms),
            "open_epoch": frame.open_epoch, "durable_upto": frame.durable_upto.0,
        });
        return value.to_string();
    }
    format!(
        "{} segment {} position {}: offsets {}, {} records, {} bytes, appended {}",
        partition.name(),
        segment,
        frame.position,
        frame.offsets,
        frame.record_count,
        frame.payload_len,
        to_rfc3339(frame.append_time_ms),
    )
}

/// Something that is wrong with a file.
pub(super) fn finding(finding: &Finding, as_json: bool) -> String {
    let path = finding.path.display().to_string();
    if as_json {
        return json!({"finding": finding.what, "path": path}).to_string();
    }
    format!("{path}: {}", finding.what)
}

/// Everything that is wrong with a partition.
pub(super) fn damage(
    partition: &PartitionDir,
    inspection: &Inspection,
    as_json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    for range in &inspection.damaged {
        if as_json {
            let value = json!({
                "topic": partition.topic, "partition": partition.number, "damaged": range_json(range),
            });
            writeln!(out, "{value}")?;
        } else {
            writeln!(out, "{}: {}", partition.name(), damaged_text(range))?;
        }
    }
    for found in &inspection.findings {
        writeln!(out, "{}", finding(found, as_json))?;
    }
    Ok(())
}

fn damaged_text(range: &DamagedRange) -> String {
    format!(
        "offsets {} are damaged (segment {}, position {}: {})",
        range.offsets, range.segment, range.position, range.what
    )
}

fn range_json(range: &DamagedRange) -> Value {
    json!({
        "first_offset": range.offsets.first.0, "end_offset": range.offsets.end.0,
        "segment": range.segment.0, "position": range.position.0, "what": range.what,
    })
}

/// A partition in one line.
#[derive(Debug)]
pub(super) struct Verdict {
    topic: String,
    partition: u32,
    first_offset: u64,
    end_offset: u64,
    segments: usize,
    frames: u64,
    bytes: u64,
    torn_bytes: u64,
    damaged_ranges: usize,
    findings: usize,
}

impl Verdict {
    pub(super) fn of(partition: &PartitionDir, inspection: &Inspection) -> Verdict {
        let segments = &inspection.segments;
        let log_start = inspection.checkpoint.map(|checkpoint| checkpoint.log_start_offset);
        let first_base = segments.first().map(|segment| segment.offsets.first);
        Verdict {
            topic: partition.topic.clone(),
            partition: partition.number,
            first_offset: log_start.or(first_base).unwrap_or_default().0,
            end_offset: segments.last().map(|segment| segment.offsets.end).unwrap_or_default().0,
            segments: segments.len(),
            frames: segments.iter().map(|segment| segment.frame_count).sum(),
            bytes: segments.iter().map(|segment| segment.file_len).sum(),
            torn_bytes: segments.iter().map(|segment| segment.torn_bytes).sum(),
            damaged_ranges: inspection.damaged.len(),
            findings: inspection.findings.len(),
        }
    }

    pub(super) const fn is_sound(&self) -> bool {
        self.damaged_ranges == 0 && self.findings == 0
    }

    /// A torn tail is no damage: it was never acknowledged, and the next start cuts it off.
    fn state(&self) -> String {
        match (self.damaged_ranges, self.findings, self.torn_bytes) {
            (0, 0, 0) => "sound".to_owned(),
            (0, 0, torn) => format!("sound, {torn} torn bytes at the end"),
            (0, findings, _) => format!("{findings} findings, no record is lost"),
            (ranges, _, _) => format!("{ranges} damaged ranges"),
        }
    }

    fn json(&self) -> Value {
        json!({
            "topic": self.topic, "partition": self.partition, "sound": self.is_sound(),
            "first_offset": self.first_offset, "end_offset": self.end_offset, "segments": self.segments,
            "frames": self.frames, "bytes": self.bytes, "torn_bytes": self.torn_bytes,
            "damaged_ranges": self.damaged_ranges, "findings": self.findings,
        })
    }
}

pub(super) fn verdicts(verdicts: &[Verdict], as_json: bool, out: &mut impl Write) -> io::Result<()> {
    if as_json {
        return verdicts.iter().try_for_each(|verdict| writeln!(out, "{}", verdict.json()));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["topic", "partition", "first", "end", "segments", "frames", "bytes", "state"]);
    for verdict in verdicts {
        table.add_row([
            verdict.topic.clone(),
            verdict.partition.to_string(),
            verdict.first_offset.to_string(),
            verdict.end_offset.to_string(),
            verdict.segments.to_string(),
            verdict.frames.to_string(),
            verdict.bytes.to_string(),
            verdict.state(),
        ]);
    }
    writeln!(out, "{table}")
}

/// What a repair has done, and what it has left.
pub(super) fn repaired(
    partition: &PartitionDir,
    report: &OpeningReport,
    left: &Inspection,
    as_json: bool,
) -> String {
    let evidence = report.torn.as_ref().map(|(_, path)| path.display().to_string());
    let torn_bytes = report.torn.as_ref().map_or(0, |(bytes, _)| *bytes);
    if as_json {
        let damaged: Vec<Value> = left.damaged.iter().map(range_json).collect();
        let value = json!({
            "topic": partition.topic, "partition": partition.number, "writable": true,
            "torn_bytes": torn_bytes, "evidence": evidence, "rewritten_bytes": report.rewritten_bytes,
            "damaged": damaged,
        });
        return value.to_string();
    }
    let mut text = format!("{}: takes appends", partition.name());
    if let Some(evidence) = evidence {
        text += &format!("; {torn_bytes} torn bytes were cut off, a copy is in {evidence}");
    }
    for range in &left.damaged {
        text += &format!("\n  still, {}", damaged_text(range));
    }
    text
}
