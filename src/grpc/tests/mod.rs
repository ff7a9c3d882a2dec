//! The services, end to end: a server on a port of its own, and the client that is generated for others.

mod admin;
mod appending;
mod browsers;
mod delivering;
mod publishing;
mod reading;
mod stopping;
mod transport;
mod unimplemented;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::broker::tests::support;
use crate::broker::{Broker, BrokerConfig};
use crate::grpc::{GrpcConfig, ServeError, serve};
use crate::wire::client::google::rpc;
use crate::wire::client::pubsub::admin_client::AdminClient;
use crate::wire::client::pubsub::log_client::LogClient;
use crate::wire::client::pubsub::pub_sub_client::PubSubClient;
use crate::wire::client::pubsub::*;

/// A server to test with.
struct TestServer {
    broker: Arc<Broker>,
    address: SocketAddr,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl TestServer {
    async fn start() -> TestServer {
        TestServer::start_with(BrokerConfig::default(), GrpcConfig::default()).await
    }

    async fn start_with(broker: BrokerConfig, config: GrpcConfig) -> TestServer {
        let broker = support::broker(broker).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, Arc::clone(&broker), config));
        TestServer { broker, address, serving }
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn pub_sub(&self) -> PubSubClient<Channel> {
        PubSubClient::new(self.channel().await)
    }

    async fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel().await)
    }

    async fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel().await)
    }

    /// Publishes values, one after the other.
    async fn publish_all(&self, topic: &str, values: &[&'static str]) {
        for value in values {
            self.pub_sub().await.publish(record(topic, value)).await.unwrap();
        }
    }

    async fn create(&self, topic: &str, partitions: u32) {
        let request = CreateTopicRequest { topic: topic.into(), partitions, config: None };
        self.admin().await.create_topic(request).await.unwrap();
    }
}

fn record(topic: &str, value: &'static str) -> PublishRequest {
    PublishRequest { topic: topic.into(), value: Some(value.into()), ..PublishRequest::default() }
}

fn earliest() -> Option<Start> {
    Some(Start { at: Some(start::At::Earliest(Earliest {})) })
}

fn from_offset(offset: u64) -> Option<Start> {
    Some(Start { at: Some(start::At::Offset(offset)) })
}

fn at_end() -> Option<Stop> {
    Some(Stop { at: Some(stop::At::AtEnd(AtEnd {})) })
}

fn quick_heartbeat() -> GrpcConfig {
    GrpcConfig { heartbeat: Duration::from_millis(20), ..GrpcConfig::default() }
}

/// What the details of a status say, after making sure that they say it as they should.
fn info_of(status: &rpc::Status) -> rpc::ErrorInfo {
    let info = status.details.iter().find(|any| any.type_url == "type.googleapis.com/google.rpc.ErrorInfo");
    let info = rpc::ErrorInfo::decode(&*info.expect("an ErrorInfo").value).unwrap();
    assert_eq!(info.domain, "highwater");
    info
}

fn details(status: &Status) -> rpc::ErrorInfo {
    let decoded = rpc::Status::decode(status.details()).unwrap();
    assert_eq!((decoded.code, decoded.message.as_str()), (i32::from(status.code()), status.message()));
    info_of(&decoded)
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) -> rpc::ErrorInfo {
    let status = answer.expect_err("a refusal");
    assert_eq!(status.code(), code, "{status:?}");
    let info = details(&status);
    assert_eq!(info.reason, reason, "{status:?}");
    info
}

#[track_caller]
fn assert_error(error: Option<rpc::Status>, code: Code, reason: &str) -> rpc::ErrorInfo {
    let status = error.expect("an error in the answer");
    assert_eq!(status.code, i32::from(code), "{status:?}");
    let info = info_of(&status);
    assert_eq!(info.reason, reason, "{status:?}");
    info
}
