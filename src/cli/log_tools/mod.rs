//! `highwater log`: looks at the files of a broker that is not running, and repairs what a start does not.
//!
//! `dump` and `verify` change nothing. The data directory is locked meanwhile: what a broker is writing would
//! look torn.

mod data_dir;
mod show;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, explain};
use crate::disk::{Disk, RealDisk};
use crate::log::{Inspection, Log, OnUnknownEnd, OpeningReport, inspect};
use crate::types::LogConfig;
use data_dir::{DataDir, PartitionDir};
use show::Verdict;

/// Look at the files of a broker that is not running.
#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// Print every batch that is stored: where it lies, its offsets, its times.
    #[command(after_help = "Example:\n  highwater log dump --data-dir ./data --topic events --json")]
    Dump(LogArgs),
    /// Read and check every byte. Ends with 3 where something is damaged.
    #[command(after_help = "Example:\n  highwater log verify --data-dir ./data || echo $?")]
    Verify(LogArgs),
    /// Do what a start does, and also make partitions writable again whose end is unknown.
    #[command(
        after_help = "Damaged records stay damaged, and named; nothing is deleted. A partition that took no
appends because damage hides its end goes on in a new segment, at an offset that cannot have been given out.

Example:\n  highwater log repair --data-dir ./data --topic events --partition 0"
    )]
    Repair(LogArgs),
}

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The broker's data directory.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Only this topic.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only this partition.
    #[arg(long, value_name = "N", requires = "topic")]
    partition: Option<u32>,
    /// Print JSON, an object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &LogCommand) -> anyhow::Result<Exit> {
    let (LogCommand::Dump(args) | LogCommand::Verify(args) | LogCommand::Repair(args)) = command;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let data_dir = DataDir::open(&disk, &args.data_dir, args.topic.as_deref(), args.partition)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for finding in &data_dir.findings {
        writeln!(out, "{}", show::finding(finding, args.json))?;
    }
    let is_fine = match command {
        LogCommand::Dump(_) => dump(&*disk, &data_dir, args.json, &mut out)?,
        LogCommand::Verify(_) => verify(&*disk, &data_dir, args.json, &mut out)?,
        LogCommand::Repair(_) => repair(&disk, &data_dir, args.json, &mut out)?,
    };
    out.flush()?;
    Ok(if is_fine && data_dir.findings.is_empty() { Exit::Done } else { Exit::Damage })
}

/// Whether nothing is damaged.
fn dump(
    disk: &dyn Disk,
    data_dir: &DataDir,
    as_json: bool,
    out: &mut impl std::io::Write,
) -> anyhow::Result<bool> {
    let mut is_sound = true;
    for partition in &data_dir.partitions {
        // The observer cannot fail: an error is kept, and nothing more is printed.
        let mut written = Ok(());
        let inspection =
            inspect(disk, &partition.path, partition.identity, &mut |segment, frame, _payload| {
                if written.is_ok() {
                    written = writeln!(out, "{}", show::frame(partition, segment, frame, as_json));
                }
            })?;
        written?;
        show::damage(partition, &inspection, as_json, out)?;
        is_sound &= inspection.is_sound();
    }
    Ok(is_sound)
}

fn verify(
    disk: &dyn Disk,
    data_dir: &DataDir,
    as_json: bool,
    out: &mut impl std::io::Write,
) -> anyhow::Result<bool> {
    let mut verdicts = Vec::new();
    for partition in &data_dir.partitions {
        let inspection = inspect(disk, &partition.path, partition.identity, &mut |_, _, _| ())?;
        show::damage(partition, &inspection, as_json, out)?;
        verdicts.push(Verdict::of(partition, &inspection));
    }
    show::verdicts(&verdicts, as_json, out)?;
    Ok(verdicts.iter().all(Verdict::is_sound))
}

fn repair(
    disk: &Arc<dyn Disk>,
    data_dir: &DataDir,
    as_json: bool,
    out: &mut impl std::io::Write,
) -> anyhow::Result<bool> {
    let mut is_repaired = true;
    for partition in &data_dir.partitions {
        let said = match repair_partition(disk, partition) {
            Ok((report, left)) => show::repaired(partition, &report, &left, as_json),
            Err(error) => {
                is_repaired = false;
                let value = json!({"topic": partition.topic, "partition": partition.number,
                    "error": explain(&error)});
                let text = format!("{}: not repaired: {}", partition.name(), explain(&error));
                if as_json { value.to_string() } else { text }
            }
        };
        writeln!(out, "{said}")?;
    }
    Ok(is_repaired)
}

/// What opening the log has done, and what is still wrong behind it: opening does not read what is proved.
fn repair_partition(
    disk: &Arc<dyn Disk>,
    partition: &PartitionDir,
) -> anyhow::Result<(OpeningReport, Inspection)> {
    let identity = partition.identity.ok_or_else(|| {
        anyhow::anyhow!("the topic's metadata cannot be read, so that it is unknown whose files these are")
    })?;
    let opened =
        Log::open(Arc::clone(disk), &partition.path, identity, LogConfig::default(), OnUnknownEnd::Accept)?;
    let mut log = opened.log;
    anyhow::ensure!(log.is_writable(), "it still takes no appends");
    log.close()?;
    Ok((opened.report, inspect(&**disk, &partition.path, partition.identity, &mut |_, _, _| ())?))
}
