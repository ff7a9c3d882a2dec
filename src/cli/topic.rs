//! `highwater topic`: create, list, describe, alter, delete.

use std::io::Write as _;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use super::BrokerArgs;
use super::exit::{Exit, WrongUsage};
use super::time::to_rfc3339;
use crate::client::messages::{
    AlterTopicRequest, CreateTopicRequest, Durability, GetTopicInfoResponse, PartitionInfo, TimestampType,
    TopicConfig,
};

/// Create, list, describe, change and delete topics.
#[derive(Debug, Subcommand)]
pub(super) enum TopicCommand {
    /// Create a topic.
    #[command(after_help = "Examples:
  highwater topic create orders --partitions 4
  highwater topic create audit --config retention_ms=-1 --config segment_bytes=67108864")]
    Create(Change),
    /// List the topics.
    List(Listing),
    /// Show a topic's configuration and the offsets of its partitions.
    Describe(Named),
    /// Change a topic's configuration, or add partitions.
    Alter(Change),
    /// Delete a topic and all its records.
    Delete(Named),
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// The topic's name.
    topic: String,
    /// How many partitions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    partitions: Option<u32>,
    /// A setting, such as retention_ms=86400000; may be repeated. Times in milliseconds, sizes in bytes, -1
    /// for never.
    #[arg(long = "config", value_name = "K=V", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
    #[command(flatten)]
    common: Listing,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The topic's name.
    topic: String,
    #[command(flatten)]
    common: Listing,
}

#[derive(Debug, Args)]
pub(super) struct Listing {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: BrokerArgs,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write key=value")?;
    // Tried here, so that a wrong key or value is wrong usage.
    set(&mut TopicConfig::default(), key.trim(), value.trim())?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn set(config: &mut TopicConfig, key: &str, value: &str) -> Result<(), String> {
    let whole = || value.parse::<i64>().map(Some).map_err(|_| format!("{key} takes a whole number"));
    let text = || Some(value.to_owned());
    match key {
        "retention_ms" => config.retention_ms = whole()?,
        "retention_bytes" => config.retention_bytes = whole()?,
        "segment_bytes" => config.segment_bytes = whole()?,
        "segment_ms" => config.segment_ms = whole()?,
        "cleanup_policy" => config.cleanup_policy = text(),
        "min_compaction_lag_ms" => config.min_compaction_lag_ms = whole()?,
        "tombstone_retention_ms" => config.tombstone_retention_ms = whole()?,
        "max_record_bytes" => config.max_record_bytes = whole()?,
        "max_batch_bytes" => config.max_batch_bytes = whole()?,
        "durability" => {
            let level = Durability::from_str_name(&value.to_ascii_uppercase());
            let level = level.ok_or("durability takes synced, written or memory")?;
            config.durability = Some(i32::from(level));
        }
        "compression" => config.compression = text(),
        "timestamp_type" => {
            let kind = TimestampType::from_str_name(&value.to_ascii_uppercase());
            let kind = kind.ok_or("timestamp_type takes create_time or log_append_time")?;
            config.timestamp_type = Some(i32::from(kind));
        }
        "dedupe_window_ms" => config.dedupe_window_ms = whole()?,
        "dedupe_by_message_id" => {
            let flag = value.parse().map_err(|_| "dedupe_by_message_id takes true or false")?;
            config.dedupe_by_message_id = Some(flag);
        }
        "storage" => config.storage = text(),
        _ => {
            return Err(format!(
                "there is no setting {key:?}; among others there are retention_ms, \
            retention_bytes, segment_bytes, segment_ms, max_record_bytes, max_batch_bytes"
            ));
        }
    }
    Ok(())
}

impl Change {
    fn config(&self) -> anyhow::Result<Option<TopicConfig>> {
        let mut config = TopicConfig::default();
        for (key, value) in &self.settings {
            set(&mut config, key, value).map_err(WrongUsage)?;
        }
        Ok((!self.settings.is_empty()).then_some(config))
    }
}

pub(super) async fn run(command: TopicCommand) -> anyhow::Result<Exit> {
    match command {
        TopicCommand::Create(args) => create(args).await,
        TopicCommand::List(args) => list(args).await,
        TopicCommand::Describe(args) => describe(args).await,
        TopicCommand::Alter(args) => alter(args).await,
        TopicCommand::Delete(args) => {
            args.common.broker.connect().await?.delete_topic(&args.topic).await?;
            let text = format!("deleted topic {}", args.topic);
            say(args.common.json, &json!({"status": "deleted", "topic": args.topic}), &text)
        }
    }
}

async fn create(args: Change) -> anyhow::Result<Exit> {
    let config = args.config()?;
    let request =
        CreateTopicRequest { topic: args.topic.clone(), partitions: args.partitions.unwrap_or(0), config };
    let created = args.common.broker.connect().await?.create_topic(request).await?;
    let value = json!({
        "status": "created", "topic": args.topic, "topic_id": created.topic_id,
        "partitions": created.partitions,
    });
    let text = format!("created topic {} with {} partitions", args.topic, created.partitions);
    say(args.common.json, &value, &text)
}

async fn alter(args: Change) -> anyhow::Result<Exit> {
    let config = args.config()?;
    if config.is_none() && args.partitions.is_none() {
        return Err(WrongUsage("nothing to change: give --partitions or --config".to_owned()).into());
    }
    let request =
        AlterTopicRequest { topic: args.topic.clone(), partitions: args.partitions.unwrap_or(0), config };
    let altered = args.common.broker.connect().await?.alter_topic(request).await?;
    let value = json!({"status": "altered", "topic": args.topic, "partitions": altered.partitions});
    say(args.common.json, &value, &format!("altered topic {}", args.topic))
}

async fn list(args: Listing) -> anyhow::Result<Exit> {
    let topics = args.broker.connect().await?.list_topics().await?;
    let rows = topics.iter().map(
        |topic| json!({"topic": topic.topic, "topic_id": topic.topic_id, "partitions": topic.partitions}),
    );
    let value = json!({"topics": rows.collect::<Vec<_>>()});
    let mut table = table(&["topic", "partitions", "id"]);
    for topic in &topics {
        table.add_row([topic.topic.clone(), topic.partitions.to_string(), topic.topic_id.clone()]);
    }
    let text = if topics.is_empty() { "there are no topics".to_owned() } else { table.to_string() };
    say(args.json, &value, &text)
}

async fn describe(args: Named) -> anyhow::Result<Exit> {
    let info = args.common.broker.connect().await?.topic_info(&args.topic).await?;
    let settings = info.config.as_ref().map(settings_of).unwrap_or_default();
    let value = json!({
        "topic": info.topic, "topic_id": info.topic_id,
        "config": settings.iter().cloned().collect::<serde_json::Map<_, _>>(),
        "partitions": info.partitions.iter().map(partition_json).collect::<Vec<_>>(),
    });
    say(args.common.json, &value, &described(&info, &settings))
}

fn described(info: &GetTopicInfoResponse, settings: &[(String, serde_json::Value)]) -> String {
    let mut text = format!("topic {} ({})\n", info.topic, info.topic_id);
    for (key, value) in settings {
        text += &format!("  {key} = {}\n", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let mut rows = table(&[
        "partition",
        "log start",
        "high watermark",
        "log end",
        "bytes",
        "segments",
        "newest",
        "state",
    ]);
    for partition in &info.partitions {
        let state = match (partition.writable, partition.damaged_ranges.len()) {
            (true, 0) => "ok".to_owned(),
            (true, damaged) => format!("{damaged} damaged ranges"),
            (false, 0) => "read-only".to_owned(),
            (false, damaged) => format!("read-only, {damaged} damaged ranges"),
        };
        rows.add_row([
            partition.partition.to_string(),
            partition.log_start_offset.to_string(),
            partition.high_watermark.to_string(),
            partition.log_end_offset.to_string(),
            partition.size_bytes.to_string(),
            partition.segment_count.to_string(),
            partition.newest_timestamp_ms.map(to_rfc3339).unwrap_or_default(),
            state,
        ]);
    }
    text + &rows.to_string()
}

/// What is set, by name.
fn settings_of(config: &TopicConfig) -> Vec<(String, serde_json::Value)> {
    let word = |name: &str| json!(name.to_ascii_lowercase());
    let settings = [
        ("retention_ms", config.retention_ms.map(|v| json!(v))),
        ("retention_bytes", config.retention_bytes.map(|v| json!(v))),
        ("segment_bytes", config.segment_bytes.map(|v| json!(v))),
        ("segment_ms", config.segment_ms.map(|v| json!(v))),
        ("cleanup_policy", config.cleanup_policy.as_ref().map(|v| json!(v))),
        ("min_compaction_lag_ms", config.min_compaction_lag_ms.map(|v| json!(v))),
        ("tombstone_retention_ms", config.tombstone_retention_ms.map(|v| json!(v))),
        ("max_record_bytes", config.max_record_bytes.map(|v| json!(v))),
        ("max_batch_bytes", config.max_batch_bytes.map(|v| json!(v))),
        ("durability", config.durability.map(|_| word(config.durability().as_str_name()))),
        ("compression", config.compression.as_ref().map(|v| json!(v))),
        ("timestamp_type", config.timestamp_type.map(|_| word(config.timestamp_type().as_str_name()))),
        ("dedupe_window_ms", config.dedupe_window_ms.map(|v| json!(v))),
        ("dedupe_by_message_id", config.dedupe_by_message_id.map(|v| json!(v))),
        ("storage", config.storage.as_ref().map(|v| json!(v))),
    ];
    settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn partition_json(partition: &PartitionInfo) -> serde_json::Value {
    let damaged = partition.damaged_ranges.iter();
    json!({
        "partition": partition.partition,
        "log_start_offset": partition.log_start_offset,
        "durable_offset": partition.durable_offset,
        "high_watermark": partition.high_watermark,
        "log_end_offset": partition.log_end_offset,
        "size_bytes": partition.size_bytes,
        "segment_count": partition.segment_count,
        "damaged_ranges": damaged.map(|range| json!([range.first_offset, range.end_offset])).collect::<Vec<_>>(),
        "newest_timestamp": partition.newest_timestamp_ms.map(to_rfc3339),
        "writable": partition.writable,
    })
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(head);
    table
}

fn say(as_json: bool, value: &serde_json::Value, text: &str) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{value}")?
    } else {
        writeln!(out, "{text}")?
    }
    Ok(Exit::Done)
}
