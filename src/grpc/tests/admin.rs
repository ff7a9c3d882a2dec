//! `pubsub.Admin`.

use super::*;

fn create(topic: &str, config: TopicConfig) -> CreateTopicRequest {
    CreateTopicRequest { topic: topic.into(), partitions: 2, config: Some(config) }
}

#[tokio::test]
async fn a_topic_is_created_described_listed_and_deleted() {
    let server = TestServer::start().await;
    let mut admin = server.admin().await;
    let config = TopicConfig {
        retention_ms: Some(60_000),
        retention_bytes: Some(-1),
        max_record_bytes: Some(1000),
        timestamp_type: Some(TimestampType::LogAppendTime.into()),
        cleanup_policy: Some("delete".into()),
        compression: Some("producer".into()),
        storage: Some("memory".into()),
        durability: Some(Durability::Synced.into()),
        ..TopicConfig::default()
    };
    let created = admin.create_topic(create("orders", config.clone())).await.unwrap().into_inner();
    assert_eq!(created.partitions, 2);
    server.publish_all("audit", &["a"]).await;

    let request = GetTopicInfoRequest { topic: "orders".into() };
    let info = admin.get_topic_info(request.clone()).await.unwrap().into_inner();
    assert_eq!((info.topic.as_str(), info.topic_id.as_str()), ("orders", created.topic_id.as_str()));
    assert_eq!(info.topic_id.len(), 36);
    let told = info.config.unwrap();
    assert_eq!((told.retention_ms, told.retention_bytes), (config.retention_ms, Some(-1)));
    assert_eq!((told.max_record_bytes, told.segment_bytes), (Some(1000), Some(256 << 20)));
    assert_eq!(info.partitions.len(), 2);
    assert!(info.partitions.iter().all(|partition| partition.writable));

    let listed = admin.list_topics(ListTopicsRequest {}).await.unwrap().into_inner().topics;
    assert_eq!(listed.iter().map(|topic| topic.topic.as_str()).collect::<Vec<_>>(), ["audit", "orders"]);
    let broker = admin.describe_broker(DescribeBrokerRequest {}).await.unwrap().into_inner();
    assert_eq!((broker.topics, broker.partitions, broker.storage.as_str()), (2, 3, "memory"));

    let answer = admin.create_topic(create("orders", TopicConfig::default())).await;
    assert_refused(answer, Code::AlreadyExists, "TOPIC_EXISTS");
    let delete = DeleteTopicRequest { topic: "orders".into() };
    admin.delete_topic(delete.clone()).await.unwrap();
    assert_refused(admin.delete_topic(delete).await, Code::NotFound, "TOPIC_NOT_FOUND");
    assert_refused(admin.get_topic_info(request).await, Code::NotFound, "TOPIC_NOT_FOUND");
}

#[tokio::test]
async fn settings_are_checked_and_those_that_do_not_act_yet_refused() {
    let server = TestServer::start().await;
    let mut admin = server.admin().await;
    let none = TopicConfig::default;
    let (bad, not_yet) = (Code::InvalidArgument, Code::Unimplemented);
    let cases = [
        (TopicConfig { retention_ms: Some(0), ..none() }, bad),
        (TopicConfig { segment_bytes: Some(1), ..none() }, bad),
        (TopicConfig { cleanup_policy: Some("burn".into()), ..none() }, bad),
        (TopicConfig { storage: Some("tape".into()), ..none() }, bad),
        (TopicConfig { timestamp_type: Some(9), ..none() }, bad),
        (TopicConfig { durability: Some(9), ..none() }, bad),
        (TopicConfig { cleanup_policy: Some("compact".into()), ..none() }, not_yet),
        (TopicConfig { compression: Some("zstd".into()), ..none() }, not_yet),
        (TopicConfig { compression: Some("none".into()), ..none() }, not_yet),
        (TopicConfig { storage: Some("file".into()), ..none() }, not_yet),
        (TopicConfig { durability: Some(Durability::Written.into()), ..none() }, not_yet),
        (TopicConfig { dedupe_window_ms: Some(1), ..none() }, not_yet),
        (TopicConfig { min_compaction_lag_ms: Some(1), ..none() }, not_yet),
    ];
    for (config, code) in cases {
        let status = admin.create_topic(create("t", config.clone())).await.unwrap_err();
        assert_eq!(status.code(), code, "{config:?}: {status:?}");
        details(&status);
    }
    let request = CreateTopicRequest { partitions: 10_001, ..create("t", none()) };
    assert_refused(admin.create_topic(request).await, bad, "INVALID_PARTITION_COUNT");
    assert_refused(admin.create_topic(create("__t", none())).await, bad, "INVALID_TOPIC_NAME");
    assert_eq!(server.broker.list_topics().unwrap().len(), 0);
}

#[tokio::test]
async fn more_topics_than_may_be_are_refused() {
    let config = BrokerConfig { topics_max: 1, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    server.publish_all("a", &["v"]).await;
    let answer = server.pub_sub().await.publish(record("b", "v")).await;
    assert_refused(answer, Code::ResourceExhausted, "TOO_MANY_TOPICS");
}

#[tokio::test]
async fn deleted_records_are_out_of_range() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a", "b", "c"]).await;
    let mut admin = server.admin().await;
    let request = DeleteRecordsRequest { topic: "t".into(), partition: 0, before_offset: 2 };
    let answer = admin.delete_records(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.log_start_offset, 2);
    let beyond = DeleteRecordsRequest { before_offset: 4, ..request };
    let info = assert_refused(admin.delete_records(beyond).await, Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    assert_eq!(info.metadata["end_offset"], "3");
    let request = ReadRequest { topic: "t".into(), start: from_offset(1), ..ReadRequest::default() };
    let info =
        assert_refused(server.log().await.read(request).await, Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    assert_eq!(info.metadata["first_offset"], "2");
}

#[tokio::test]
async fn deleting_a_topic_ends_its_subscriptions() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a"]).await;
    let request = SubscribeRequest { topic: "t".into(), ..SubscribeRequest::default() };
    let mut answers = server.pub_sub().await.consume(request).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some(), "caught up");
    server.admin().await.delete_topic(DeleteTopicRequest { topic: "t".into() }).await.unwrap();
    assert_refused(answers.message().await, Code::NotFound, "TOPIC_NOT_FOUND");
}
