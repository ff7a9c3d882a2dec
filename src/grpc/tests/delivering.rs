//! The merging of partitions into a stream, message by message.

use std::future::pending;

use super::super::convert::ResponseLimit;
use super::super::delivery::{Delivery, Next, Sent};
use super::*;
use crate::broker::tests::support::{publish, record, to_partition};
use crate::broker::{NewTopic, Selection, Start as From};

async fn delivery(broker: &Arc<Broker>, topic: &str) -> Delivery {
    let selection =
        Selection { topics: vec![topic.to_owned()], partitions: vec![], start: From::Earliest, stop: None };
    let readers = broker.subscribe(&selection).await.unwrap();
    Delivery::new(broker.clone(), readers, ResponseLimit::from_request(0), Duration::from_millis(10))
}

async fn next(delivery: &mut Delivery) -> Sent {
    match delivery.next(pending::<()>()).await {
        Next::Send(sent) => sent,
        Next::Steer(()) => unreachable!("nobody steers"),
        Next::End(end) => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn a_paused_partition_waits_and_resumes_where_it_was() {
    let broker = support::broker(BrokerConfig::default()).await;
    publish(&broker, record("t", "a")).await;
    let mut delivery = delivery(&broker, "t").await;
    delivery.pause("t", &[]).unwrap();
    assert!(matches!(next(&mut delivery).await, Sent::Heartbeat(_)));
    publish(&broker, record("t", "b")).await;
    assert!(matches!(next(&mut delivery).await, Sent::Heartbeat(_)));
    delivery.resume("t", &[0]).unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 2 {
        if let Sent::Records(batch) = next(&mut delivery).await {
            offsets.push(batch.base_offset);
        }
    }
    assert_eq!(offsets, [0, 1]);
    assert!(delivery.pause("t", &[1]).is_err() && delivery.resume("u", &[]).is_err());
}

#[tokio::test]
async fn a_busy_partition_does_not_starve_another() {
    let broker = support::broker(BrokerConfig::default()).await;
    broker
        .create_topic(NewTopic { name: "t".to_owned(), partitions: 2, ..NewTopic::default() })
        .await
        .unwrap();
    let value: &'static str = Box::leak("x".repeat(1_000_000).into_boxed_str());
    for _ in 0..20 {
        publish(&broker, to_partition(0, record("t", value))).await;
    }
    publish(&broker, to_partition(1, record("t", "b"))).await;
    let mut delivery = delivery(&broker, "t").await;
    let mut before = 0;
    loop {
        match next(&mut delivery).await {
            Sent::Records(batch) if batch.partition == 1 => break,
            Sent::Records(_) => before += 1,
            _ => {}
        }
    }
    assert!(before < 10, "{before} records of the busy partition came first");
}
