//! Starting, stopping and starting again, on real files.

use std::path::Path;

use tonic::transport::Channel;

use super::*;
use crate::wire::client::pubsub::pub_sub_client::PubSubClient;
use crate::wire::client::pubsub::{
    PublishRequest, Start, Stop, SubscribeRequest, start, stop, subscribe_response,
};

fn config(data_dir: &Path) -> ServerConfig {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    ServerConfig {
        grpc_listen: anywhere,
        http_listen: anywhere,
        unsafe_allow_insecure_listen: false,
        storage: Storage::Files { data_dir: data_dir.to_owned() },
        broker: BrokerConfig::default(),
        grpc: GrpcConfig::default(),
        commit_threads: 2,
        read_threads: 2,
        inflight_bytes_max: 1 << 24,
        partition_inflight_bytes_max: 1 << 22,
        partition_tail_bytes_max: 1 << 20,
        upkeep_interval: Duration::from_secs(5),
    }
}

async fn started(data_dir: &Path) -> Server {
    let mut server = Server::start(config(data_dir)).await.unwrap();
    server.ready().await;
    server
}

async fn client(server: &Server) -> PubSubClient<Channel> {
    PubSubClient::connect(format!("http://{}", server.grpc_address())).await.unwrap()
}

fn record(value: &'static str) -> PublishRequest {
    PublishRequest { topic: "events".into(), value: Some(value.into()), ..PublishRequest::default() }
}

#[tokio::test]
async fn records_survive_a_graceful_stop_and_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("not/there/yet");
    let server = started(&data_dir).await;
    let mut publisher = client(&server).await;
    for (offset, value) in ["a", "b", "c"].into_iter().enumerate() {
        let answer = publisher.publish(record(value)).await.unwrap().into_inner();
        assert_eq!(answer.offset, offset as u64);
    }
    server.stop();
    server.ended().await.unwrap();

    let server = started(&data_dir).await;
    let request = SubscribeRequest {
        topic: "events".into(),
        start: Some(Start { at: Some(start::At::Earliest(Default::default())) }),
        stop: Some(Stop { at: Some(stop::At::AtEnd(Default::default())) }),
        ..SubscribeRequest::default()
    };
    let mut answers = client(&server).await.consume(request).await.unwrap().into_inner();
    let mut values = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        if let Some(subscribe_response::Event::Records(batch)) = answer.event {
            values.extend(batch.records.unwrap().record.into_iter().map(|record| record.value.unwrap()));
        }
    }
    assert_eq!(values, ["a", "b", "c"]);
    assert_eq!(publisher_offset(&server).await, 3);
    server.stop();
    server.ended().await.unwrap();
}

async fn publisher_offset(server: &Server) -> u64 {
    client(server).await.publish(record("d")).await.unwrap().into_inner().offset
}

#[tokio::test]
async fn a_second_broker_on_a_directory_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let first = started(directory.path()).await;
    let second = started(directory.path()).await;
    let error = second.ended().await.unwrap_err();
    let expected = format!("the data directory {} is in use", directory.path().display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    first.stop();
    first.ended().await.unwrap();
    let third = started(directory.path()).await;
    third.stop();
    third.ended().await.unwrap();
}

#[tokio::test]
async fn listeners_that_others_can_reach_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let open = ServerConfig { http_listen: ([0, 0, 0, 0], 0).into(), ..config(directory.path()) };
    let error = Server::start(open.clone()).await.unwrap_err();
    assert!(matches!(error, ServerError::InsecureListen { .. }), "{error}");
    let allowed = ServerConfig { unsafe_allow_insecure_listen: true, ..open };
    let server = Server::start(allowed).await.unwrap();
    server.stop();
    server.ended().await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let config = ServerConfig { grpc_listen: address, ..config(directory.path()) };
    let error = Server::start(config).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address} for gRPC")), "{error}");
}

/// Scenario S11, as far as there is something to recognise a retry by: the offset that the record was to get.
#[tokio::test]
async fn s11_a_retry_of_an_append_whose_answer_was_lost_is_refused_before_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let retry = PublishRequest { expected_offset: Some(0), ..record("once") };
    let server = started(directory.path()).await;
    client(&server).await.publish(retry.clone()).await.unwrap();
    let again = client(&server).await.publish(retry.clone()).await.unwrap_err();
    assert_eq!(again.code(), tonic::Code::Aborted, "{again}");
    server.stop();
    server.ended().await.unwrap();

    let server = started(directory.path()).await;
    let again = client(&server).await.publish(retry).await.unwrap_err();
    assert_eq!(again.code(), tonic::Code::Aborted, "{again}");
    let next = client(&server).await.publish(record("next")).await.unwrap().into_inner();
    assert_eq!(next.offset, 1, "nothing was appended twice");
    server.stop();
    server.ended().await.unwrap();
}
