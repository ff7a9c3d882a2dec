//! `highwater produce`: publishes what it is given, and accounts for every record.
//!
//! Input is read on a thread of its own, in chunks; records travel pipelined, bounded by count and bytes. What
//! the broker acknowledged, refused, or never answered is told apart, with the line to resume from.

mod source;
mod tally;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::BrokerArgs;
use super::exit::Exit;
use crate::client::messages::{Durability, Header, PublishRequest};
use crate::client::{InFlightLimits, ProduceOutcomes, Producer};
use source::{Chunk, Input};
use tally::Tally;

/// Publish records: a line of standard input each, or as the flags say.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  highwater produce events < events.jsonl
  highwater produce events --msg '{\"hello\":\"world\"}' --key greeting
  highwater produce files --file report.pdf --whole -H content-type=application/pdf
  printf 'alice:1\\nbob:2\\n' | highwater produce accounts --key-separator :
  highwater produce accounts --key alice --tombstone

Each acknowledged record is on disk, unless --durability says otherwise. If the broker goes away, the command
says how many records were acknowledged, how many have an unknown outcome, and with which line to resume.")]
pub(super) struct ProduceArgs {
    /// The topic; it is created unless the broker is configured not to.
    topic: String,
    /// Publish one record with this text.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["file", "tombstone"])]
    msg: Option<String>,
    /// Read this file instead of standard input.
    #[arg(long, value_name = "F", conflicts_with = "tombstone")]
    file: Option<PathBuf>,
    /// Publish the file as one record.
    #[arg(long, requires = "file", conflicts_with = "key_separator")]
    whole: bool,
    /// The key of every record.
    #[arg(long, value_name = "K")]
    key: Option<String>,
    /// Each line is a key, this separator, and a value.
    #[arg(long, value_name = "S", conflicts_with_all = ["key", "msg", "tombstone"], value_parser = not_empty)]
    key_separator: Option<String>,
    /// A header of every record, key=value; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "K=V", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// The partition; otherwise records go by their key, or are spread.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// Publish one record without a value, which deletes its key in a compacted topic.
    #[arg(long, requires = "key")]
    tombstone: bool,
    /// What an acknowledgement means: synced, written (in the page cache) or memory.
    #[arg(long, value_name = "D", value_parser = parse_durability)]
    durability: Option<Durability>,
    /// Print the figures as JSON on standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: BrokerArgs,
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn parse_durability(text: &str) -> Result<Durability, String> {
    match text {
        "synced" => Ok(Durability::Synced),
        "written" => Ok(Durability::Written),
        "memory" => Ok(Durability::Memory),
        _ => Err("takes synced, written or memory".to_owned()),
    }
}

pub(super) async fn run(args: ProduceArgs) -> anyhow::Result<Exit> {
    let input = args.input();
    let lines = matches!(input, Input::Lines { .. });
    let client = args.broker.connect().await?;
    let chunks = source::read(input, args.key_separator.clone())?;
    let (producer, outcomes) = client.producer(InFlightLimits::default());

    let template = args.template();
    let sent_count = Arc::new(AtomicU64::new(0));
    let sending = tokio::spawn(send_all(producer, chunks, template, Arc::clone(&sent_count)));
    let sender = sending.abort_handle();
    let mut tally = Tally::default();
    let interrupted = tokio::select! {
        () = count_outcomes(outcomes, &mut tally, &sender) => false,
        _ = tokio::signal::ctrl_c() => true,
    };
    sending.abort();
    // The sender ends after the outcomes only where it waits for input: then it was cut off.
    let sent = sending.await.unwrap_or_else(|_| Sent::cut_off());
    tally.finish(&sent);
    if interrupted {
        tally.interrupt(sent_count.load(Ordering::Relaxed));
    }
    tally.report(&args.topic, lines, args.json)?;
    Ok(match (interrupted, tally.is_complete()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Done,
        (false, false) => Exit::Failed,
    })
}

impl ProduceArgs {
    fn input(&self) -> Input {
        match (&self.msg, &self.file) {
            (Some(text), _) => Input::Single(Some(text.clone().into())),
            (None, Some(path)) if self.whole => Input::WholeFile(path.clone()),
            (None, Some(path)) => Input::Lines { file: Some(path.clone()) },
            (None, None) if self.tombstone => Input::Single(None),
            (None, None) => Input::Lines { file: None },
        }
    }

    fn template(&self) -> PublishRequest {
        let header = |(key, value): &(String, String)| Header {
            key: key.clone(),
            value: value.clone().into_bytes().into(),
        };
        PublishRequest {
            topic: self.topic.clone(),
            key: self.key.clone().map(Into::into),
            headers: self.headers.iter().map(header).collect(),
            partition: self.partition,
            durability: i32::from(self.durability.unwrap_or(Durability::Unspecified)),
            ..PublishRequest::default()
        }
    }
}

/// How sending ended.
#[derive(Debug)]
pub(super) struct Sent {
    /// What was wrong with the input, if anything.
    input_error: Option<String>,
    /// Whether all the input there is was sent.
    whole_input: bool,
}

impl Sent {
    fn cut_off() -> Sent {
        Sent { input_error: None, whole_input: false }
    }
}

async fn send_all(
    mut producer: Producer,
    mut chunks: mpsc::Receiver<Chunk>,
    template: PublishRequest,
    sent_count: Arc<AtomicU64>,
) -> Sent {
    while let Some(chunk) = chunks.recv().await {
        for (key, value) in chunk.records {
            let mut request = template.clone();
            request.value = value;
            if key.is_some() {
                request.key = key;
            }
            // No wait between the two: whoever aborts this task finds all counted that was sent.
            match producer.send(request).await {
                Ok(sequence) => sent_count.store(sequence + 1, Ordering::Relaxed),
                Err(_stopped) => return Sent::cut_off(),
            }
        }
        if chunk.error.is_some() {
            return Sent { input_error: chunk.error, whole_input: false };
        }
    }
    Sent { input_error: None, whole_input: true }
}

/// Until everything that was sent has an outcome, or going on makes no sense.
async fn count_outcomes(mut outcomes: ProduceOutcomes, tally: &mut Tally, sending: &AbortHandle) {
    // Hidden unless standard error is a terminal.
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} records acknowledged, {per_sec}") {
        progress.set_style(style);
    }
    while let Some(outcome) = outcomes.next().await {
        tally.count(outcome);
        if tally.acknowledged.is_multiple_of(1024) {
            progress.set_position(tally.acknowledged);
        }
        if tally.is_hopeless() {
            // The stream then ends once what was sent is answered.
            sending.abort();
        }
    }
    tally.ended_with(outcomes.ended_with());
    progress.finish_and_clear();
}
