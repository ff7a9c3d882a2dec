//! `Subscribe`, `Consume`, `Read` and `Offsets`.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::*;
use crate::types::TopicConfig;
use crate::types::limits::RESPONSE_BYTES_DEFAULT;

fn read_all(topic: &str) -> SubscribeRequest {
    SubscribeRequest { topic: topic.into(), start: earliest(), stop: at_end(), ..SubscribeRequest::default() }
}

/// The batches up to the end of the stream.
async fn batches(mut answers: Streaming<SubscribeResponse>) -> Result<Vec<RecordBatch>, Status> {
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await? {
        if let Some(subscribe_response::Event::Records(batch)) = answer.event {
            all.push(batch);
        }
    }
    Ok(all)
}

async fn consume(server: &TestServer, request: SubscribeRequest) -> Result<Vec<RecordBatch>, Status> {
    let mut client = server.pub_sub().await;
    batches(client.consume(request).await?.into_inner()).await
}

fn values(batches: Vec<RecordBatch>) -> Vec<String> {
    let records = batches.into_iter().flat_map(|batch| batch.records.unwrap().record);
    records.map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn records_come_as_they_were_published() {
    let server = TestServer::start().await;
    let request = PublishRequest {
        key: Some("k".into()),
        headers: vec![Header { key: "h".into(), value: "v".into() }],
        timestamp_ms: 123,
        ..record("t", "hello")
    };
    server.pub_sub().await.publish(request).await.unwrap();
    let tombstone = PublishRequest { key: Some("k".into()), value: None, ..record("t", "") };
    server.pub_sub().await.publish(tombstone).await.unwrap();

    let batches = consume(&server, read_all("t")).await.unwrap();
    assert_eq!(batches[0].base_offset, 0);
    assert_eq!(batches.last().unwrap().high_watermark, 2);
    assert_eq!(batches[0].timestamp_type, i32::from(TimestampType::CreateTime));
    let records: Vec<_> = batches.into_iter().flat_map(|batch| batch.records.unwrap().record).collect();
    assert_eq!(records[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(records[0].headers, [Header { key: "h".into(), value: "v".into() }]);
    assert_eq!(records[0].timestamp_ms, 123);
    assert_eq!(records[1].value, None);
}

#[tokio::test]
async fn a_client_that_half_closes_still_gets_its_records_and_the_tail() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a"]).await;
    let request = SubscribeRequest { stop: None, ..read_all("t") };
    let mut client = server.pub_sub().await;
    let mut answers = client.subscribe(tokio_stream::once(request)).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap().event.unwrap();
    assert!(matches!(first, subscribe_response::Event::Records(_)));
    let second = answers.message().await.unwrap().unwrap().event.unwrap();
    let caught_up = CaughtUp { topic: "t".into(), partition: 0, next_offset: 1 };
    assert_eq!(second, subscribe_response::Event::CaughtUp(caught_up));
    server.publish_all("t", &["b"]).await;
    let third = answers.message().await.unwrap().unwrap().event.unwrap();
    let subscribe_response::Event::Records(batch) = third else { panic!("{third:?}") };
    assert_eq!((batch.base_offset, values(vec![batch])), (1, vec!["b".to_owned()]));
}

#[tokio::test]
async fn several_topics_and_chosen_partitions_are_merged() {
    let server = TestServer::start().await;
    server.create("a", 2).await;
    server.create("b", 2).await;
    for (topic, partition, value) in [("a", 0, "a0"), ("a", 1, "a1"), ("b", 0, "b0"), ("b", 1, "b1")] {
        let request = PublishRequest { partition: Some(partition), ..record(topic, value) };
        server.pub_sub().await.publish(request).await.unwrap();
    }
    let both = SubscribeRequest { topics: vec!["a".into(), "b".into()], ..read_all("") };
    let mut all = values(consume(&server, both.clone()).await.unwrap());
    all.sort();
    assert_eq!(all, ["a0", "a1", "b0", "b1"]);
    let mut some = values(consume(&server, SubscribeRequest { partitions: vec![1], ..both }).await.unwrap());
    some.sort();
    assert_eq!(some, ["a1", "b1"]);
}

#[tokio::test]
async fn reads_that_cannot_be_are_refused() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a", "b"]).await;
    let answer = consume(&server, read_all("nowhere")).await;
    assert_refused(answer, Code::NotFound, "TOPIC_NOT_FOUND");
    let answer = consume(&server, read_all("")).await;
    assert_refused(answer, Code::InvalidArgument, "INVALID_TOPIC_NAME");
    let answer = consume(&server, SubscribeRequest { partitions: vec![4], ..read_all("t") }).await;
    assert_refused(answer, Code::NotFound, "PARTITION_NOT_FOUND");
    let answer = consume(&server, SubscribeRequest { start: from_offset(3), ..read_all("t") }).await;
    let info = assert_refused(answer, Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    assert_eq!((info.metadata["first_offset"].as_str(), info.metadata["end_offset"].as_str()), ("0", "2"));
    let both = SubscribeRequest { topics: vec!["u".into()], ..read_all("t") };
    assert_refused(consume(&server, both).await, Code::InvalidArgument, "INVALID_SELECTION");

    let request = ReadRequest { topic: "t".into(), partition: 1, ..ReadRequest::default() };
    let answer = server.log().await.read(request).await;
    assert_refused(answer, Code::NotFound, "PARTITION_NOT_FOUND");
    let request = OffsetsRequest { topic: "u".into(), ..OffsetsRequest::default() };
    assert_refused(server.log().await.offsets(request).await, Code::NotFound, "TOPIC_NOT_FOUND");
    assert_eq!(server.broker.list_topics().unwrap().len(), 1, "reading creates nothing");
}

#[tokio::test]
async fn a_partition_is_read_by_offset_and_stops_where_it_is_told() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a", "b", "c", "d"]).await;
    let request = ReadRequest {
        topic: "t".into(),
        start: from_offset(1),
        stop: Some(Stop { at: Some(stop::At::Offset(3)) }),
        ..ReadRequest::default()
    };
    let mut answers = server.log().await.read(request).await.unwrap().into_inner();
    let mut read = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        if let Some(read_response::Event::Records(batch)) = answer.event {
            read.push(batch);
        }
    }
    assert_eq!(values(read), ["b", "c"]);
}

#[tokio::test]
async fn offsets_are_told_also_by_time() {
    let server = TestServer::start().await;
    for (value, timestamp_ms) in [("a", 100), ("b", 200)] {
        let request = PublishRequest { timestamp_ms, ..record("t", value) };
        server.pub_sub().await.publish(request).await.unwrap();
    }
    for (timestamp_ms, expected) in [(None, None), (Some(150), Some(1)), (Some(201), Some(2))] {
        let request = OffsetsRequest { topic: "t".into(), partition: 0, timestamp_ms };
        let offsets = server.log().await.offsets(request).await.unwrap().into_inner();
        let expected = OffsetsResponse {
            log_start_offset: 0,
            durable_offset: 2,
            high_watermark: 2,
            log_end_offset: 2,
            timestamp_offset: expected,
        };
        assert_eq!(offsets, expected);
    }
}

#[tokio::test]
async fn a_stock_client_can_receive_whatever_was_published() {
    let topic_defaults = TopicConfig { max_batch_bytes: 16 << 20, ..TopicConfig::default() };
    let config = BrokerConfig { topic_defaults, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    let record = |_| Record { value: Some(vec![7; 1_000_000].into()), ..Record::default() };
    let records = RecordSet { record: (0..9).map(record).collect() };
    let request = AppendRequest { topic: "t".into(), records: Some(records), ..AppendRequest::default() };
    let mut answers = server.log().await.append(tokio_stream::once(request)).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().error, None);

    let batches = consume(&server, read_all("t")).await.unwrap();
    assert!(batches.len() >= 3, "cut at record borders");
    assert!(batches.iter().all(|batch| batch.encoded_len() < 4_000_000));
    let counts: usize = batches.iter().map(|batch| batch.records.as_ref().unwrap().record.len()).sum();
    assert_eq!(counts, 9);
    let request = SubscribeRequest { max_batch_bytes: 10, ..read_all("t") };
    let singles = consume(&server, request).await.unwrap();
    assert_eq!(singles.len(), 9, "a record is not cut");
}

#[tokio::test]
async fn a_record_that_a_stock_client_cannot_receive_is_said_to_be_there() {
    let topic_defaults =
        TopicConfig { max_batch_bytes: 16 << 20, max_record_bytes: 16 << 20, ..TopicConfig::default() };
    let config = BrokerConfig { topic_defaults, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    let request = PublishRequest { value: Some(vec![7; RESPONSE_BYTES_DEFAULT].into()), ..record("t", "") };
    server.pub_sub().await.publish(request).await.unwrap();
    let answer = consume(&server, read_all("t")).await;
    let info = assert_refused(answer, Code::FailedPrecondition, "RECORD_EXCEEDS_RESPONSE");
    assert_eq!(info.metadata["first_offset"], "0");
    let request = SubscribeRequest { max_batch_bytes: 5_000_000, ..read_all("t") };
    assert_eq!(consume(&server, request).await.unwrap().len(), 1);
}

#[tokio::test]
async fn silent_streams_get_heartbeats() {
    let server = TestServer::start_with(BrokerConfig::default(), quick_heartbeat()).await;
    server.publish_all("t", &["a"]).await;
    let request = SubscribeRequest { topic: "t".into(), ..SubscribeRequest::default() };
    let mut answers = server.pub_sub().await.consume(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(answers.message().await.unwrap().unwrap().event.unwrap());
    }
    assert!(matches!(events[0], subscribe_response::Event::CaughtUp(_)));
    assert!(events[1..].iter().all(|event| matches!(event, subscribe_response::Event::Heartbeat(_))));
}

#[tokio::test]
async fn steering_that_makes_no_sense_ends_the_stream_and_leaving_ends_it_well() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a"]).await;
    let steer = |steer| SubscribeRequest { steer: Some(steer), ..SubscribeRequest::default() };
    let elsewhere = Pause { topic: "u".into(), partitions: vec![] };
    let cases = [
        (steer(subscribe_request::Steer::Leave(Leave {})), None),
        (steer(subscribe_request::Steer::Pause(elsewhere)), Some(Code::InvalidArgument)),
        (SubscribeRequest::default(), Some(Code::InvalidArgument)),
        (steer(subscribe_request::Steer::Ack(AckCommand::default())), Some(Code::Unimplemented)),
        (steer(subscribe_request::Steer::SetFlow(Flow::default())), Some(Code::Unimplemented)),
    ];
    for (request, expected) in cases {
        let (sender, requests) = mpsc::channel(2);
        sender.send(SubscribeRequest { topic: "t".into(), ..SubscribeRequest::default() }).await.unwrap();
        sender.send(request).await.unwrap();
        let mut client = server.pub_sub().await;
        let answers = client.subscribe(ReceiverStream::new(requests)).await.unwrap().into_inner();
        let ended = batches(answers).await;
        assert_eq!(ended.err().map(|status| status.code()), expected);
    }
    let answer = server.pub_sub().await.subscribe(tokio_stream::empty()).await;
    assert_refused(answer.map(|_| ()), Code::InvalidArgument, "NO_REQUEST");
}
