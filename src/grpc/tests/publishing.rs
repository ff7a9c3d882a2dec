//! `Publish` and `PublishStream`.

use tokio_stream::iter;

use super::*;
use crate::broker::tests::support::NOW_MS;
use crate::types::TopicConfig;

#[tokio::test]
async fn a_record_is_answered_with_its_place() {
    let server = TestServer::start().await;
    let request = PublishRequest {
        key: Some("k".into()),
        headers: vec![Header { key: "h".into(), value: "v".into() }],
        correlation_id: "c-1".into(),
        durability: Durability::Synced.into(),
        ..record("events", "hello")
    };
    let answer = server.pub_sub().await.publish(request).await.unwrap().into_inner();
    let expected = PublishResponse {
        topic: "events".into(),
        partition: 0,
        offset: 0,
        durable_offset: 1,
        durability: Durability::Synced.into(),
        correlation_id: "c-1".into(),
        ..PublishResponse::default()
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn each_bad_record_gets_its_own_error() {
    let topic_defaults = TopicConfig { max_record_bytes: 100, ..TopicConfig::default() };
    let config = BrokerConfig { topic_defaults, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    let mut client = server.pub_sub().await;
    let long = "x".repeat(250);
    for name in ["", "..", "a/b", "a\nb", &long, "__mine"] {
        let answer = client.publish(record(name, "v")).await;
        assert_refused(answer, Code::InvalidArgument, "INVALID_TOPIC_NAME");
    }
    let record = || record("t", "v");
    let cases = [
        (PublishRequest { value: Some(vec![0; 101].into()), ..record() }, "RECORD_TOO_LARGE"),
        (PublishRequest { timestamp_ms: NOW_MS + 3_600_001, ..record() }, "TIMESTAMP_TOO_FAR_AHEAD"),
        (PublishRequest { timestamp_ms: -5, ..record() }, "INVALID_TIMESTAMP"),
        (PublishRequest { headers: vec![Header::default(); 1001], ..record() }, "TOO_MANY_HEADERS"),
        (PublishRequest { durability: 17, ..record() }, "INVALID_DURABILITY"),
    ];
    for (request, reason) in cases {
        let info = assert_refused(client.publish(request).await, Code::InvalidArgument, reason);
        assert_eq!(info.metadata.contains_key("topic"), reason != "INVALID_DURABILITY", "{reason}");
    }
    let elsewhere = PublishRequest { partition: Some(9), ..record() };
    let info = assert_refused(client.publish(elsewhere).await, Code::NotFound, "PARTITION_NOT_FOUND");
    assert_eq!((info.metadata["topic"].as_str(), info.metadata["partition"].as_str()), ("t", "9"));
}

#[tokio::test]
async fn a_mark_that_is_too_long_is_refused_and_not_echoed() {
    let server = TestServer::start().await;
    let marked = |bytes: usize| PublishRequest { correlation_id: "c".repeat(bytes), ..record("t", "v") };
    let mut client = server.pub_sub().await;
    let reason = "CORRELATION_ID_TOO_LONG";
    assert_refused(client.publish(marked(257)).await, Code::InvalidArgument, reason);
    let requests = iter([marked(257), marked(256)]);
    let mut answers = client.publish_stream(requests).await.unwrap().into_inner();
    let refused = answers.message().await.unwrap().unwrap();
    assert_eq!(refused.correlation_id, "");
    assert_error(refused.error, Code::InvalidArgument, reason);
    let taken = answers.message().await.unwrap().unwrap();
    assert_eq!((taken.error, taken.offset, taken.correlation_id.len()), (None, 0, 256));
}

#[tokio::test]
async fn an_unexpected_offset_is_answered_with_the_actual_one() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a", "b"]).await;
    let request = PublishRequest { expected_offset: Some(5), ..record("t", "c") };
    let info =
        assert_refused(server.pub_sub().await.publish(request).await, Code::Aborted, "OFFSET_MISMATCH");
    assert_eq!(info.metadata["actual_offset"], "2");
    let request = PublishRequest { expected_offset: Some(2), ..record("t", "c") };
    assert_eq!(server.pub_sub().await.publish(request).await.unwrap().into_inner().offset, 2);
}

#[tokio::test]
async fn unknown_topics_are_refused_where_publishing_creates_none() {
    let config = BrokerConfig { auto_create: false, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    let answer = server.pub_sub().await.publish(record("t", "v")).await;
    let info = assert_refused(answer, Code::NotFound, "TOPIC_NOT_FOUND");
    assert_eq!(info.metadata["topic"], "t");
}

#[tokio::test]
async fn a_stream_answers_in_order_and_goes_on_behind_an_error() {
    let server = TestServer::start().await;
    let numbered = |number: usize| PublishRequest {
        topic: if number % 10 == 3 { "a/b".into() } else { "t".into() },
        correlation_id: number.to_string(),
        ..record("", "v")
    };
    let requests = iter((0..1000).map(numbered));
    let mut answers = server.pub_sub().await.publish_stream(requests).await.unwrap().into_inner();
    let mut offset = 0;
    for number in 0..1000 {
        let answer = answers.message().await.unwrap().expect("an answer each");
        assert_eq!(answer.correlation_id, number.to_string());
        if number % 10 == 3 {
            assert_error(answer.error, Code::InvalidArgument, "INVALID_TOPIC_NAME");
        } else {
            assert_eq!((answer.error, answer.offset), (None, offset));
            offset += 1;
        }
    }
    assert_eq!(answers.message().await.unwrap(), None, "half-closed: the answers, then OK");
}
