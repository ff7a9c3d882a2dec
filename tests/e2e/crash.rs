//! `kill -9` under load, again and again, on the same data: every acknowledged record is there afterwards, at
//! its offset, byte for byte, and nothing is there that was not sent, or twice.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};

use highwater::client::messages::{
    AppendRequest, AtEnd, CreateTopicRequest, Earliest, PublishRequest, ReadRequest, Record, RecordSet,
    Start, Stop, start, stop,
};
use highwater::client::{AppendOutcomes, Appender, Client, InFlightLimits, ProduceOutcomes, Producer};
use highwater::client::{ReadEvent, records_of};

use crate::harness::Broker;

const ROUNDS: u64 = 10;
const PARTITIONS: u32 = 3;
const SEED: u64 = 20_261_121;

/// Topic and partition.
type Log = (&'static str, u32);

/// What was promised, and what may be there besides.
#[derive(Default)]
struct History {
    /// Offset to value, of every acknowledged record.
    acknowledged: HashMap<Log, BTreeMap<u64, String>>,
    /// Values whose outcome is unknown.
    unknown: HashMap<String, &'static str>,
}

/// SplitMix64, so that a failing run can be repeated.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 29)
}

/// Unique, and of lengths that cross blocks and frames.
fn value(round: u64, kind: &str, sequence: u64) -> String {
    let length = usize::try_from((sequence * 7919) % 3000).unwrap();
    format!("{round}/{kind}/{sequence}/{}", "x".repeat(length))
}

fn limits() -> InFlightLimits {
    InFlightLimits { requests_max: 500, bytes_max: 4 * 1024 * 1024 }
}

async fn publish_for_ever(mut producer: Producer, round: u64) {
    for sequence in 0.. {
        let request = PublishRequest {
            topic: "simple".into(),
            partition: Some(u32::try_from(sequence % u64::from(PARTITIONS)).unwrap()),
            value: Some(value(round, "simple", sequence).into()),
            ..PublishRequest::default()
        };
        if producer.send(request).await.is_err() {
            return;
        }
    }
}

const BATCH_RECORDS: u64 = 20;

async fn append_for_ever(mut appender: Appender, round: u64) {
    for sequence in 0.. {
        let record = |index| Record {
            value: Some(value(round, "batch", sequence * BATCH_RECORDS + index).into()),
            ..Record::default()
        };
        let request = AppendRequest {
            topic: "batch".into(),
            records: Some(RecordSet { record: (0..BATCH_RECORDS).map(record).collect() }),
            ..AppendRequest::default()
        };
        if appender.send(request).await.is_err() {
            return;
        }
    }
}

/// Takes the outcomes; the broker is killed behind a number of them. Returns once all are known.
async fn take_published(
    mut outcomes: ProduceOutcomes,
    round: u64,
    mut broker: Option<(Broker, u64)>,
    history: &mut History,
) {
    let mut count = 0;
    while let Some(outcome) = outcomes.next().await {
        let value = value(round, "simple", outcome.sequence);
        match outcome.result {
            Ok(answer) => {
                let log = history.acknowledged.entry(("simple", answer.partition)).or_default();
                assert_eq!(log.insert(answer.offset, value), None, "an offset was given out twice");
            }
            Err(_) => {
                history.unknown.insert(value, "simple");
            }
        }
        count += 1;
        if let Some((broker, _)) = broker.take_if(|(_, behind)| count >= *behind) {
            broker.kill();
        }
    }
    assert!(broker.is_none(), "the stream ended before the broker was killed");
}

async fn take_appended(mut outcomes: AppendOutcomes, round: u64) -> History {
    let mut history = History::default();
    while let Some(outcome) = outcomes.next().await {
        let values =
            (0..BATCH_RECORDS).map(|index| value(round, "batch", outcome.sequence * BATCH_RECORDS + index));
        match outcome.result {
            Ok(answer) => {
                let log = history.acknowledged.entry(("batch", 0)).or_default();
                log.extend((answer.base_offset..).zip(values));
            }
            Err(_) => history.unknown.extend(values.map(|value| (value, "batch"))),
        }
    }
    history
}

async fn read_log(client: &Client, (topic, partition): Log) -> Vec<String> {
    let request = ReadRequest {
        topic: topic.into(),
        partition,
        start: Some(Start { at: Some(start::At::Earliest(Earliest {})) }),
        stop: Some(Stop { at: Some(stop::At::AtEnd(AtEnd {})) }),
        ..ReadRequest::default()
    };
    let mut reader = client.read(request).await.unwrap();
    let mut values = Vec::new();
    while let Some(event) = reader.next().await.unwrap() {
        let ReadEvent::Records(batch) = event else { continue };
        for (offset, _, record) in records_of(batch) {
            let expected = u64::try_from(values.len()).unwrap();
            assert_eq!(offset, expected, "offsets have a hole or a repetition");
            values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        }
    }
    values
}

async fn check(client: &Client, history: &mut History, round: u64) {
    let simple = (0..PARTITIONS).map(|partition| ("simple", partition));
    for log in simple.chain([("batch", 0)]) {
        let values = read_log(client, log).await;
        let acknowledged = history.acknowledged.entry(log).or_default();
        for (offset, expected) in acknowledged.iter() {
            let found = values.get(usize::try_from(*offset).unwrap());
            assert_eq!(found, Some(expected), "round {round}: {log:?} lost offset {offset}");
        }
        for (offset, found) in (0..).zip(&values) {
            if let Entry::Vacant(place) = acknowledged.entry(offset) {
                // It may be there; from now on it must be, and at this offset only.
                let sent_to = history.unknown.remove(found);
                assert_eq!(sent_to, Some(log.0), "round {round}: {found} was never sent");
                place.insert(found.clone());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_record_survives_kill_9() {
    eprintln!("seed {SEED}");
    let mut state = SEED;
    let directory = tempfile::tempdir().unwrap();
    let mut history = History::default();
    // Small segments, so that the log rolls under load.
    std::fs::write(directory.path().join("h.yaml"), "storage:\n  segment_bytes: 1048576\n").unwrap();
    let start = || Broker::start_with(directory.path(), "127.0.0.1:0", &["--config", "h.yaml"]);
    for round in 0..ROUNDS {
        let broker = start();
        let client = Client::connect(&broker.grpc).await.unwrap();
        if round == 0 {
            for (topic, partitions) in [("simple", PARTITIONS), ("batch", 1)] {
                let request = CreateTopicRequest { topic: topic.into(), partitions, config: None };
                client.create_topic(request).await.unwrap();
            }
        }
        check(&client, &mut history, round).await;

        let (producer, published) = client.producer(limits());
        let (appender, appended) = client.appender(limits());
        let sending = tokio::spawn(publish_for_ever(producer, round));
        let appending = tokio::spawn(append_for_ever(appender, round));
        let appended = tokio::spawn(take_appended(appended, round));
        let behind = 1 + random(&mut state) % 3000;
        take_published(published, round, Some((broker, behind)), &mut history).await;
        let appended = appended.await.unwrap();
        for (log, values) in appended.acknowledged {
            history.acknowledged.entry(log).or_default().extend(values);
        }
        history.unknown.extend(appended.unknown);
        sending.await.unwrap();
        appending.await.unwrap();
    }
    let broker = start();
    let client = Client::connect(&broker.grpc).await.unwrap();
    check(&client, &mut history, ROUNDS).await;
    let total: usize = history.acknowledged.values().map(BTreeMap::len).sum();
    eprintln!("{total} records checked, {} of unknown outcome never came", history.unknown.len());
}
