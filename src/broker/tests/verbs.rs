//! What each verb does, and what it refuses.

use std::sync::Arc;

use super::support::{NOW_MS, broker, publish, record, to_partition};
use crate::broker::{
    AppendError, BatchAppend, BatchError, Broker, BrokerConfig, CommitError, CreateTopicError,
    DeleteRecordsError, DeleteTopicError, Delivered, LookupError, NewRecord, NewTopic, PublishError,
    ReadError, RecordError, Selection, Start, Stop, TopicSettings, partition_of_key,
};
use crate::types::limits::RECORD_HEADERS_MAX;
use crate::types::{Offset, PartitionId, TimestampType, TopicConfig, TopicName};

fn topic(name: &str, partitions: u32) -> NewTopic {
    NewTopic { name: name.to_owned(), partitions, ..NewTopic::default() }
}

fn all_of(name: &str) -> Selection {
    Selection {
        topics: vec![name.to_owned()],
        partitions: Vec::new(),
        start: Start::Earliest,
        stop: Some(Stop::AtEnd),
    }
}

async fn refused(broker: &Arc<Broker>, record: NewRecord) -> PublishError {
    broker.publish(record).await.expect_err("refused at the door")
}

#[tokio::test]
async fn publishing_creates_a_topic_and_reading_does_not() {
    let broker = broker(BrokerConfig::default()).await;
    let missing = broker.subscribe(&all_of("events")).await.unwrap_err();
    assert!(matches!(missing, ReadError::Lookup(LookupError::TopicNotFound { .. })));
    assert_eq!(broker.list_topics().unwrap().len(), 0);

    assert_eq!(publish(&broker, record("events", "a")).await.offset, Offset(0));
    assert_eq!(publish(&broker, record("events", "b")).await.offset, Offset(1));
    assert_eq!(broker.list_topics().unwrap().len(), 1);
}

#[tokio::test]
async fn publishing_creates_nothing_where_that_is_off_or_the_record_is_refused() {
    let off = broker(BrokerConfig { auto_create: false, ..BrokerConfig::default() }).await;
    let error = refused(&off, record("events", "a")).await;
    assert!(matches!(error, PublishError::Lookup(LookupError::TopicNotFound { .. })));

    let on = broker(BrokerConfig::default()).await;
    let late = NewRecord { timestamp_ms: Some(NOW_MS + 3_600_001), ..record("events", "a") };
    let error = refused(&on, late).await;
    assert!(matches!(error, PublishError::Record { error: RecordError::TimestampTooFarAhead { .. }, .. }));
    let error = refused(&on, to_partition(1, record("events", "a"))).await;
    assert!(matches!(error, PublishError::Lookup(LookupError::PartitionNotFound { partitions: 1, .. })));
    assert_eq!(on.list_topics().unwrap().len(), 0, "what is refused leaves nothing behind");
}

#[tokio::test]
async fn concurrent_creators_get_one_topic() {
    let broker = broker(BrokerConfig::default()).await;
    let publishes = (0..50).map(|_| publish(&broker, record("events", "a")));
    let mut offsets: Vec<u64> =
        futures_util::future::join_all(publishes).await.iter().map(|published| published.offset.0).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, (0..50).collect::<Vec<_>>(), "all in one partition of one topic");
}

#[tokio::test]
async fn names_are_checked_and_internal_ones_closed() {
    let broker = broker(BrokerConfig::default()).await;
    for name in ["", "..", "a/b", "a\u{7}", &"x".repeat(250)] {
        let error = refused(&broker, record(name, "a")).await;
        assert!(matches!(error, PublishError::Lookup(LookupError::InvalidName(_))), "{name:?}: {error}");
        let error = broker.create_topic(topic(name, 1)).await.unwrap_err();
        assert!(matches!(error, CreateTopicError::Lookup(LookupError::InvalidName(_))));
        assert!(matches!(broker.topic(name), Err(LookupError::InvalidName(_))));
    }
    let internal = LookupError::InternalName;
    assert_eq!(refused(&broker, record("__groups", "a")).await, PublishError::Lookup(internal.clone()));
    assert_eq!(broker.create_topic(topic("__x", 1)).await.unwrap_err(), internal.clone().into());
    assert_eq!(broker.delete_topic("__x").await, Err(DeleteTopicError::Lookup(internal)));
}

#[tokio::test]
async fn records_are_refused_for_what_they_are() {
    let topic_defaults = TopicConfig { max_record_bytes: 20, ..TopicConfig::default() };
    let broker = broker(BrokerConfig { topic_defaults, ..BrokerConfig::default() }).await;
    let of_t = |error| {
        let topic = TopicName::parse("t").unwrap();
        PublishError::Record { topic, partition: None, error }
    };
    let long = refused(&broker, record("t", "01234567890123456789")).await;
    assert_eq!(long, of_t(RecordError::TooLarge { bytes: 22, bytes_max: 20 }));
    let headers = vec![("k".to_owned(), "v".into()); RECORD_HEADERS_MAX + 1];
    let many = refused(&broker, NewRecord { headers, ..record("t", "a") }).await;
    assert_eq!(many, of_t(RecordError::TooManyHeaders));
    let negative = refused(&broker, NewRecord { timestamp_ms: Some(-1), ..record("t", "a") }).await;
    assert_eq!(negative, of_t(RecordError::NegativeTime));
}

#[tokio::test]
async fn timestamps_ahead_do_not_matter_where_the_brokers_clock_counts() {
    let topic_defaults =
        TopicConfig { timestamp_type: TimestampType::LogAppendTime, ..TopicConfig::default() };
    let broker = broker(BrokerConfig { topic_defaults, ..BrokerConfig::default() }).await;
    publish(&broker, NewRecord { timestamp_ms: Some(i64::MAX), ..record("t", "a") }).await;
}

#[tokio::test]
async fn a_key_chooses_its_partition() {
    let broker = broker(BrokerConfig::default()).await;
    broker.create_topic(topic("t", 8)).await.unwrap();
    for key in ["a", "b", "order-17"] {
        let keyed = NewRecord { key: Some(key.into()), ..record("t", "v") };
        assert_eq!(publish(&broker, keyed).await.at.partition, partition_of_key(key.as_bytes(), 8));
    }
    assert_eq!(publish(&broker, to_partition(5, record("t", "v"))).await.at.partition, PartitionId(5));
}

#[tokio::test]
async fn an_unexpected_offset_is_refused_with_the_actual_one() {
    let broker = broker(BrokerConfig::default()).await;
    publish(&broker, record("t", "a")).await;
    let at = |offset| NewRecord { expected_offset: Some(Offset(offset)), ..record("t", "b") };
    let refused = broker.publish(at(7)).await.unwrap().published().await.unwrap_err();
    assert!(matches!(refused, CommitError::OffsetMismatch { actual: Offset(1), .. }));
    assert_eq!(publish(&broker, at(1)).await.offset, Offset(1));
}

#[tokio::test]
async fn batches_that_not_every_client_could_decode_are_refused() {
    let broker = broker(BrokerConfig::default()).await;
    for bad in [&b""[..], b"\x0a", b"\x0a\x02\x08\x01", b"\x12\x00", b"\xff\xff\xff"] {
        let batch = BatchAppend {
            topic: "t".to_owned(),
            partition: PartitionId(0),
            records: bytes::Bytes::copy_from_slice(bad),
            expected_offset: None,
        };
        let error = broker.append(batch).await.unwrap_err();
        assert!(
            matches!(error, AppendError::Batch { error: BatchError::Malformed { .. }, .. }),
            "{bad:?}: {error}"
        );
    }
    assert_eq!(broker.list_topics().unwrap().len(), 0);
}

#[tokio::test]
async fn topics_are_limited_in_number_and_partitions() {
    let broker = broker(BrokerConfig { topics_max: 2, ..BrokerConfig::default() }).await;
    broker.create_topic(topic("a", 1)).await.unwrap();
    broker.create_topic(topic("b", 1)).await.unwrap();
    let error = broker.create_topic(topic("a", 1)).await.unwrap_err();
    assert!(matches!(error, CreateTopicError::Exists { .. }));
    let error = broker.create_topic(topic("c", 1)).await.unwrap_err();
    assert_eq!(error, CreateTopicError::TooManyTopics { topics_max: 2 });
    broker.delete_topic("a").await.unwrap();
    let error = broker.create_topic(topic("c", 10_001)).await.unwrap_err();
    assert_eq!(error, CreateTopicError::PartitionsOutOfBounds { partitions: 10_001 });
    let settings = TopicSettings { segment_bytes: Some(1), ..TopicSettings::default() };
    let error = broker.create_topic(NewTopic { settings, ..topic("c", 1) }).await.unwrap_err();
    assert!(matches!(error, CreateTopicError::Setting(_)));
    broker.create_topic(topic("c", 1)).await.unwrap();
}

#[tokio::test]
async fn a_deleted_topic_ends_its_readers_and_comes_back_as_another() {
    let broker = broker(BrokerConfig::default()).await;
    publish(&broker, record("t", "a")).await;
    let before = broker.topic("t").unwrap();
    let follow = Selection { stop: None, ..all_of("t") };
    let mut reader = broker.subscribe(&follow).await.unwrap().remove(0);
    assert!(matches!(reader.next(1000).await, Ok(Delivered::Batches(_))));
    assert_eq!(before.subscription_count(), 1);

    broker.delete_topic("t").await.unwrap();
    let ended = loop {
        match reader.next(1000).await {
            Ok(Delivered::CaughtUp) => {}
            other => break other,
        }
    };
    assert!(matches!(ended, Err(ReadError::TopicDeleted { .. })));
    drop(reader);
    assert_eq!(before.subscription_count(), 0);
    assert!(matches!(
        broker.delete_topic("t").await,
        Err(DeleteTopicError::Lookup(LookupError::TopicNotFound { .. }))
    ));

    assert_eq!(publish(&broker, record("t", "b")).await.offset, Offset(0));
    assert_ne!(broker.topic("t").unwrap().id(), before.id());
}

#[tokio::test]
async fn reads_start_and_stop_where_they_are_told() {
    let broker = broker(BrokerConfig::default()).await;
    for (value, time) in [("a", 100), ("b", 200), ("c", 300)] {
        publish(&broker, NewRecord { timestamp_ms: Some(time), ..record("t", value) }).await;
    }
    let cases = [
        (Start::Earliest, Some(Stop::AtEnd), 0..3),
        (Start::Offset(Offset(1)), Some(Stop::Offset(Offset(2))), 1..2),
        (Start::Timestamp(150), Some(Stop::Timestamp(300)), 1..2),
        (Start::LastN(2), Some(Stop::AtEnd), 1..3),
        (Start::Offsets([(PartitionId(0), Offset(2))].into()), Some(Stop::AtEnd), 2..3),
        (Start::Latest, Some(Stop::AtEnd), 3..3),
        (Start::Offset(Offset(2)), Some(Stop::Offset(Offset(1))), 2..2),
    ];
    for (start, stop, expected) in cases {
        let selection = Selection { start, stop, ..all_of("t") };
        let mut reader = broker.subscribe(&selection).await.unwrap().remove(0);
        assert_eq!(reader.position(), Offset(expected.start), "{selection:?}");
        while reader.next(1000).await.unwrap() != Delivered::End {}
        assert_eq!(reader.position(), Offset(expected.end), "{selection:?}");
    }
}

#[tokio::test]
async fn reads_outside_the_log_are_refused_with_the_range() {
    let broker = broker(BrokerConfig::default()).await;
    for value in ["a", "b", "c"] {
        publish(&broker, record("t", value)).await;
    }
    assert_eq!(broker.delete_records("t", PartitionId(0), Offset(1)).await, Ok(Offset(1)));
    for offset in [0, 4] {
        let selection = Selection { start: Start::Offset(Offset(offset)), ..all_of("t") };
        let error = broker.subscribe(&selection).await.unwrap_err();
        let ReadError::OutOfRange { asked, available, .. } = error else { panic!("{error}") };
        assert_eq!((asked, available.first, available.end), (Offset(offset), Offset(1), Offset(3)));
    }
    let error = broker.delete_records("t", PartitionId(0), Offset(4)).await.unwrap_err();
    assert!(matches!(error, DeleteRecordsError::OutOfRange { .. }));
    let named = Start::Offsets([(PartitionId(3), Offset(0))].into());
    let error = broker.subscribe(&Selection { start: named, ..all_of("t") }).await.unwrap_err();
    assert!(matches!(error, ReadError::Lookup(LookupError::PartitionNotFound { .. })));
}

#[tokio::test]
async fn a_stopping_broker_refuses_what_begins_and_ends_what_waits() {
    let broker = broker(BrokerConfig::default()).await;
    publish(&broker, record("t", "a")).await;
    let pending = broker.publish(record("t", "b")).await.unwrap();
    let follow = Selection { stop: None, start: Start::Latest, ..all_of("t") };
    let mut reader = broker.subscribe(&follow).await.unwrap().remove(0);
    broker.close().await;
    assert_eq!(pending.published().await.unwrap().offset, Offset(1), "accepted, so committed");
    let ended = loop {
        match reader.next(1000).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended, ReadError::Lookup(LookupError::ShuttingDown));
    let error = refused(&broker, record("t", "c")).await;
    assert_eq!(error, PublishError::Lookup(LookupError::ShuttingDown));
    let error = broker.create_topic(topic("u", 1)).await.unwrap_err();
    assert_eq!(error, CreateTopicError::Lookup(LookupError::ShuttingDown));
}
