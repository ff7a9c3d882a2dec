//! `highwater consume`: reads records and prints them.
//!
//! Where to start is resolved here, to one offset per partition, so that following goes on behind what was
//! printed when the broker is started again. An end is the broker's to find.

mod bounds;
mod last;
mod print;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use futures_util::FutureExt as _;

use super::BrokerArgs;
use super::exit::Exit;
use crate::client::messages::{GetTopicInfoResponse, PartitionOffsets, Start, SubscribeRequest, start};
use crate::client::{Client, ClientError, ReadEvent, records_of};
use bounds::{From, Until};
use print::{Format, Printer};

/// How often a topic that is not there, or a broker that went away, is looked for.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Read records and print them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  highwater consume events                            # all there is, then what comes
  highwater consume events --until end > copy.jsonl   # all there is, then stop
  highwater consume events --from last:10 --format json
  highwater consume events --from time:-10m --until time:-5m
  highwater consume events --from offset:5000 --count 1 --partition 0")]
pub(super) struct ConsumeArgs {
    /// The topic; if it is not there, the command waits for it.
    topic: String,
    /// Where to start: earliest, latest, offset:N, time:T (RFC 3339, or -10m for ten minutes ago), or last:N
    /// (the last N records of the topic).
    #[arg(long, value_name = "START", default_value = "earliest", value_parser = From::parse)]
    from: From,
    /// Where to stop: end (what is there now), offset:N (excluded), or time:T. Otherwise never.
    #[arg(long, value_name = "STOP", value_parser = Until::parse)]
    until: Option<Until>,
    /// Stop after this many records.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Read this partition only.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// value: the value and a line end (a tombstone is an empty line). json: an object a line. raw: the value
    /// and nothing else.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Value)]
    format: Format,
    #[command(flatten)]
    broker: BrokerArgs,
}

pub(super) async fn run(args: ConsumeArgs) -> anyhow::Result<Exit> {
    let mut printer = Printer::new(std::io::stdout(), args.format, args.count);
    if printer.is_full() {
        return Ok(Exit::Done);
    }
    let mut client = args.broker.connect().await?;
    let info = wait_for_topic(&client, &args.topic).await?;
    let mut positions = start_positions(&client, &args, &info, &mut printer).await?;
    loop {
        let ended = read(&client, &args, &mut positions, &mut printer).await;
        printer.flush()?;
        match ended {
            Ok(Ended::Done) => return Ok(Exit::Done),
            Ok(Ended::Disconnected) if args.until.is_none() => {}
            Ok(Ended::Disconnected) => anyhow::bail!("the broker stopped before the end was reached"),
            Err(error) => match error.downcast_ref::<ClientError>() {
                Some(lost) if lost.is_disconnect() && args.until.is_none() => {}
                _ => return Err(error),
            },
        }
        eprintln!("the broker went away: waiting for it");
        client = reconnect(&args.broker).await;
        eprintln!("connected again");
    }
}

async fn wait_for_topic(client: &Client, topic: &str) -> anyhow::Result<GetTopicInfoResponse> {
    let mut said = false;
    loop {
        match client.topic_info(topic).await {
            Err(error) if error.reason == "TOPIC_NOT_FOUND" => {
                if !said {
                    eprintln!("there is no topic {topic} yet: waiting for it");
                    said = true;
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            other => return Ok(other?),
        }
    }
}

async fn reconnect(broker: &BrokerArgs) -> Client {
    loop {
        tokio::time::sleep(RETRY_INTERVAL).await;
        if let Ok(client) = broker.connect().await {
            return client;
        }
    }
}

/// The first offset to read in each partition. Prints the last N records on the way, where those are asked for.
async fn start_positions(
    client: &Client,
    args: &ConsumeArgs,
    info: &GetTopicInfoResponse,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<BTreeMap<u32, u64>> {
    let wanted =
        info.partitions.iter().filter(|info| args.partition.is_none_or(|only| only == info.partition));
    let wanted: Vec<_> = wanted.collect();
    if let (Some(partition), true) = (args.partition, wanted.is_empty()) {
        anyhow::bail!(
            "topic {} has {} partitions, and none of number {partition}",
            args.topic,
            info.partitions.len()
        );
    }
    if let From::Last(count) = args.from {
        let partitions: Vec<u32> = wanted.iter().map(|info| info.partition).collect();
        return last::print(client, &args.topic, &partitions, count, printer).await;
    }
    let mut positions = BTreeMap::new();
    for partition in wanted {
        let offset = match args.from {
            From::Earliest => partition.log_start_offset,
            From::Latest => partition.high_watermark,
            From::Offset(offset) => offset,
            From::Time(time_ms) => {
                let found = client.offsets(&args.topic, partition.partition, Some(time_ms)).await?;
                found.timestamp_offset.unwrap_or(found.high_watermark)
            }
            From::Last(_) => continue,
        };
        positions.insert(partition.partition, offset);
    }
    Ok(positions)
}

/// How reading ended, where nothing failed.
enum Ended {
    Done,
    Disconnected,
}

/// Reads from `positions` on, and moves them behind what was printed.
async fn read(
    client: &Client,
    args: &ConsumeArgs,
    positions: &mut BTreeMap<u32, u64>,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<Ended> {
    if printer.is_full() {
        return Ok(Ended::Done);
    }
    let mut subscription = client.subscribe(request(args, positions)).await?;
    loop {
        // What is at hand is printed in one go; before waiting, everything is shown.
        let next = subscription.next().now_or_never();
        let event = match next {
            Some(event) => event?,
            None => {
                printer.flush()?;
                subscription.next().await?
            }
        };
        match event {
            Some(ReadEvent::Records(batch)) => {
                let partition = batch.partition;
                for (offset, time_ms, record) in records_of(batch) {
                    printer.print(&args.topic, partition, offset, time_ms, &record)?;
                    positions.insert(partition, offset + 1);
                    if printer.is_full() {
                        return Ok(Ended::Done);
                    }
                }
            }
            Some(ReadEvent::CaughtUp { .. }) => {}
            Some(ReadEvent::GoingAway(_)) => return Ok(Ended::Disconnected),
            None if args.until.is_some() => return Ok(Ended::Done),
            None => return Ok(Ended::Disconnected),
        }
    }
}

fn request(args: &ConsumeArgs, positions: &BTreeMap<u32, u64>) -> SubscribeRequest {
    let offsets = positions.iter().map(|(partition, offset)| (*partition, *offset)).collect();
    let start = Start { at: Some(start::At::Offsets(PartitionOffsets { offsets })) };
    SubscribeRequest {
        topic: args.topic.clone(),
        partitions: positions.keys().copied().collect(),
        start: Some(start),
        stop: args.until.map(Until::to_stop),
        ..SubscribeRequest::default()
    }
}
