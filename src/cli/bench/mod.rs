//! `highwater bench`: the broker beside the plain disk, in the same run.
//!
//! Runs alternate, so that a disk that is slow for a while is slow for both; the median is what counts. The
//! broker is a process of its own, made for the purpose, unless an address is given.

mod broker;
mod plain;
mod report;
mod workload;

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};

use super::exit::{Exit, WrongUsage};
use crate::client::Client;
use broker::{Scratch, TestBroker};
use report::{Report, Run};
use workload::Workload;

/// Measure the broker beside the plain disk.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Synced publishing over Log.Append into one partition, beside write and fdatasync of the same batches.
    #[command(after_help = "Examples:
  highwater bench publish --dir /var/lib
  highwater bench publish --batch-bytes 65536 --in-flight 64 --json

MB are 1,000,000 bytes of record values. Every batch is acknowledged as synced.")]
    Publish(BenchArgs),
    /// Replay of one partition over Log.Read, beside reading a plain file of the same size.
    #[command(after_help = "Example:
  highwater bench read --total-bytes 1000000000

MB are 1,000,000 bytes of record values. What is read was just written, so both read the page cache.")]
    Read(BenchArgs),
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The length of a record's value, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    record_bytes: u32,
    /// The values of a batch together, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024, value_parser = clap::value_parser!(u32).range(1..))]
    batch_bytes: u32,
    /// Batches sent before the first is acknowledged.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// The values of a run together, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 * 1024 * 1024, value_parser = clap::value_parser!(u64).range(1..))]
    total_bytes: u64,
    /// Runs of each kind.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Where temporary files go: on the disk that is to be measured.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Measure the broker at this address instead of one started for the purpose.
    #[arg(long, value_name = "ADDR")]
    addr: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An interrupt ends the broker and removes the files, as any other end does.
pub(super) async fn run(command: BenchCommand) -> anyhow::Result<Exit> {
    tokio::select! {
        outcome = measure(&command) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

async fn measure(command: &BenchCommand) -> anyhow::Result<Exit> {
    let (args, is_publish) = match command {
        BenchCommand::Publish(args) => (args, true),
        BenchCommand::Read(args) => (args, false),
    };
    if args.record_bytes > args.batch_bytes {
        return Err(WrongUsage("--record-bytes must not be more than --batch-bytes".to_owned()).into());
    }
    let scratch = Scratch::new(&args.dir)?;
    let broker = match &args.addr {
        None => Some(TestBroker::start(scratch.path()).await?),
        Some(_) => None,
    };
    let address = broker.as_ref().map(TestBroker::address).or(args.addr.as_deref()).unwrap_or_default();
    let client = Client::connect(address).await?;
    let workload = Workload::new(args.record_bytes, args.batch_bytes, args.total_bytes, args.in_flight);
    let report = if is_publish {
        publish(&client, &workload, &scratch, args.runs).await?
    } else {
        read(&client, &workload, &scratch, args.runs).await?
    };
    report.print(&workload, args.json)?;
    if let Some(broker) = broker {
        broker.stop().await?;
    }
    Ok(Exit::Done)
}

async fn publish(
    client: &Client,
    workload: &Workload,
    scratch: &Scratch,
    runs: u32,
) -> anyhow::Result<Report> {
    let mut report = Report::new("publish", "Log.Append, synced", "write + fdatasync");
    for number in 0..runs {
        let file = scratch.path().join("plain");
        report.baseline.push(Run::of(workload, plain::write_synced(&file, workload)?));
        std::fs::remove_file(&file)?;

        let topic = workload.topic(number);
        workload::create_topic(client, &topic).await?;
        let began = Instant::now();
        workload::append_all(client, &topic, workload).await?;
        report.broker.push(Run::of(workload, began.elapsed()));
        client.delete_topic(&topic).await?;
    }
    Ok(report)
}

async fn read(client: &Client, workload: &Workload, scratch: &Scratch, runs: u32) -> anyhow::Result<Report> {
    let mut report = Report::new("read", "Log.Read", "read of a file");
    let topic = workload.topic(0);
    let file = scratch.path().join("plain");
    workload::create_topic(client, &topic).await?;
    workload::append_all(client, &topic, workload).await?;
    plain::write_synced(&file, workload)?;
    for _ in 0..runs {
        report.baseline.push(Run::of(workload, plain::read(&file, workload)?));
        let began = Instant::now();
        workload::read_all(client, &topic, workload).await?;
        report.broker.push(Run::of(workload, began.elapsed()));
    }
    std::fs::remove_file(&file)?;
    client.delete_topic(&topic).await?;
    Ok(report)
}
