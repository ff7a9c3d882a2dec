//! Requests that cannot be carried out: each gets an error of its own, and nothing is lost by them.

use highwater::client::messages::{
    AppendRequest, ReadRequest, Record, RecordSet, Start, Stop, SubscribeRequest, start, stop,
};
use highwater::client::{Client, ClientError, Failure, InFlightLimits, ReadEvent};

use crate::harness::{Broker, highwater, run};

#[test]
fn names_that_can_be_no_topics_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let long = "x".repeat(250);
    for name in ["", "..", ".", "a/b", "/etc", "a\u{7}b", "grün", long.as_str()] {
        broker.run_with(&["produce", name], b"a\n").assert_failed(1, &["INVALID_TOPIC_NAME"]);
        broker.run(&["topic", "create", name]).assert_failed(1, &["INVALID_TOPIC_NAME"]);
        broker.run(&["consume", name]).assert_failed(1, &["INVALID_TOPIC_NAME"]);
    }
    broker.run_with(&["produce", "__mine"], b"a\n").assert_failed(1, &["INVALID_TOPIC_NAME"]);
    assert_eq!(broker.text(&["topic", "list"]), "there are no topics\n");
}

#[test]
fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let broker =
        Broker::start_with(directory.path(), "127.0.0.1:0", &["--config", &closed_to_new_topics(&directory)]);
    broker.run_with(&["produce", "t"], b"a\n").assert_failed(1, &["TOPIC_NOT_FOUND", "resume with line 1"]);
    broker.text(&["topic", "create", "t"]);
    let to_partition = broker.run_with(&["produce", "t", "--partition", "7"], b"a\n");
    to_partition.assert_failed(1, &["PARTITION_NOT_FOUND"]);
    broker.run(&["consume", "t", "--partition", "7"]).assert_failed(1, &["none of number 7"]);
    broker.run(&["consume", "t", "--from", "offset:1"]).assert_failed(1, &["OFFSET_OUT_OF_RANGE"]);
}

fn closed_to_new_topics(directory: &tempfile::TempDir) -> String {
    let path = directory.path().join("closed.yaml");
    std::fs::write(&path, "topics:\n  auto_create: false\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    let directory = tempfile::tempdir().unwrap();
    let code = |args: &[&str]| {
        let mut command = highwater(directory.path());
        command.args(args);
        run(command, b"").code
    };
    for args in [
        &["frobnicate"][..],
        &["produce"],
        &["produce", "t", "--msg", "a", "--file", "b"],
        &["produce", "t", "--tombstone"],
        &["produce", "t", "--durability", "maybe"],
        &["produce", "t", "-H", "novalue"],
        &["consume", "t", "--from", "nowhere"],
        &["consume", "t", "--until", "time:later"],
        &["consume", "t", "--format", "xml"],
        &["topic", "create", "t", "--partitions", "0"],
        &["serve", "--grpc-listen"],
    ] {
        assert_eq!(code(args), 2, "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["produce", "--help"], &["consume", "--help"]] {
        assert_eq!(code(args), 0, "{args:?}");
    }
}

#[test]
fn nobody_at_the_address_is_a_failure_that_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = highwater(directory.path());
    command.args(["topic", "list", "--addr", "127.0.0.1:1"]);
    run(command, b"").assert_failed(1, &["127.0.0.1:1", "refused"]);
    let mut command = highwater(directory.path());
    command.args(["produce", "t", "--addr", "not an address"]);
    run(command, b"").assert_failed(1, &["host:port"]);
}

async fn append(client: &Client, records: Vec<Record>) -> Result<u64, ClientError> {
    let (mut appender, mut outcomes) = client.appender(InFlightLimits::default());
    let records = Some(RecordSet { record: records });
    let request = AppendRequest { topic: "t".into(), records, ..AppendRequest::default() };
    let sending = tokio::spawn(async move { appender.send(request).await });
    let outcome = outcomes.next().await.unwrap();
    sending.await.unwrap().unwrap();
    match outcome.result {
        Ok(answer) => Ok(answer.base_offset),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Unknown(error)) => panic!("{error}"),
    }
}

fn record(bytes: usize) -> Record {
    Record { value: Some(vec![7; bytes].into()), ..Record::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_beyond_their_limits_are_refused_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let client = Client::connect(&broker.grpc).await.unwrap();
    assert_eq!(append(&client, vec![record(10)]).await, Ok(0));
    let reason = |result: Result<u64, ClientError>| result.unwrap_err().reason;
    assert_eq!(reason(append(&client, vec![record(600_000), record(600_000)]).await), "BATCH_TOO_LARGE");
    assert_eq!(reason(append(&client, vec![]).await), "MALFORMED_RECORD_SET");
    let future = Record { timestamp_ms: i64::MAX, ..record(1) };
    assert_eq!(reason(append(&client, vec![future]).await), "TIMESTAMP_TOO_FAR_AHEAD");
    assert_eq!(append(&client, vec![record(20)]).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_outside_the_log_names_the_range() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t"], b"a\nb\n");
    let client = Client::connect(&broker.grpc).await.unwrap();
    let start = Some(Start { at: Some(start::At::Offset(3)) });
    let request = ReadRequest { topic: "t".into(), start, ..ReadRequest::default() };
    let error = match client.read(request).await {
        Ok(mut reader) => reader.next().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.reason, "OFFSET_OUT_OF_RANGE");
    assert_eq!((error.metadata["first_offset"].as_str(), error.metadata["end_offset"].as_str()), ("0", "2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_topic_ends_its_readers_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t"], b"a\n");
    let client = Client::connect(&broker.grpc).await.unwrap();
    let request = SubscribeRequest {
        topic: "t".into(),
        start: Some(Start { at: Some(start::At::Offset(0)) }),
        stop: Some(Stop { at: Some(stop::At::Offset(100)) }),
        ..SubscribeRequest::default()
    };
    let mut subscription = client.subscribe(request).await.unwrap();
    assert!(matches!(subscription.next().await, Ok(Some(ReadEvent::Records(_)))));
    client.delete_topic("t").await.unwrap();
    let error = loop {
        match subscription.next().await {
            Ok(event) => assert!(matches!(event, Some(ReadEvent::CaughtUp { .. })), "{event:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason, "TOPIC_NOT_FOUND");
}
