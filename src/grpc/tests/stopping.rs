//! What clients are told when the broker stops.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::*;

#[tokio::test]
async fn subscribers_are_told_their_positions_and_then_that_the_broker_stops() {
    let server = TestServer::start().await;
    server.publish_all("t", &["a", "b"]).await;
    let request = SubscribeRequest { topic: "t".into(), start: earliest(), ..SubscribeRequest::default() };
    let mut answers = server.pub_sub().await.consume(request).await.unwrap().into_inner();
    loop {
        let event = answers.message().await.unwrap().unwrap().event.unwrap();
        if matches!(event, subscribe_response::Event::CaughtUp(_)) {
            break;
        }
    }
    server.broker.begin_stop();
    let farewell = answers.message().await.unwrap().unwrap().event.unwrap();
    let position = TopicPartitionOffset { topic: "t".into(), partition: 0, next_offset: 2 };
    assert_eq!(farewell, subscribe_response::Event::GoingAway(GoingAway { positions: vec![position] }));
    assert_refused(answers.message().await, Code::Unavailable, "SHUTTING_DOWN");
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn publishers_get_the_answers_to_what_was_taken_and_then_that_the_broker_stops() {
    let server = TestServer::start().await;
    let (sender, requests) = mpsc::channel(4);
    sender.send(record("t", "a")).await.unwrap();
    let mut client = server.pub_sub().await;
    let mut answers = client.publish_stream(ReceiverStream::new(requests)).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().offset, 0);
    server.broker.begin_stop();
    assert_refused(answers.message().await, Code::Unavailable, "SHUTTING_DOWN");
    drop((sender, answers, client));
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_that_do_not_end_are_cut_off() {
    let config = GrpcConfig { drain_timeout: Duration::from_millis(50), ..GrpcConfig::default() };
    let server = TestServer::start_with(BrokerConfig::default(), config).await;
    // Reflection knows nothing of the broker's stop, and goes on for as long as its client asks.
    let (sender, requests) = mpsc::channel(1);
    let mut client = ServerReflectionClient::new(server.channel().await);
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let question = ServerReflectionRequest { host: String::new(), message_request };
    sender.send(question).await.unwrap();
    let answers = client.server_reflection_info(ReceiverStream::new(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    assert!(answers.message().await.unwrap().is_some());
    server.broker.begin_stop();
    server.serving.await.unwrap().unwrap();
    assert!(answers.message().await.is_err());
}

#[tokio::test]
async fn a_subscriber_that_has_not_said_what_is_told_that_the_broker_stops() {
    let server = TestServer::start().await;
    let (sender, requests) = mpsc::channel::<SubscribeRequest>(1);
    let mut client = server.pub_sub().await;
    let waiting =
        tokio::spawn(async move { client.subscribe(ReceiverStream::new(requests)).await.map(|_| ()) });
    server.publish_all("t", &["a"]).await;
    server.broker.begin_stop();
    // Whether the call came before the stop or behind it: it does not hang.
    assert_refused(waiting.await.unwrap(), Code::Unavailable, "SHUTTING_DOWN");
    drop(sender);
}
