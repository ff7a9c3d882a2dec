//! What surrounds the services: health, reflection, gRPC-Web, limits.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::*;
use crate::types::limits::REQUEST_BYTES_MAX;

#[tokio::test]
async fn health_is_told_for_the_broker_and_each_service() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(server.channel().await);
    for service in ["", "pubsub.PubSub", "pubsub.Log", "pubsub.Admin"] {
        let request = HealthCheckRequest { service: service.into() };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service}");
    }
    let mut watching =
        client.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    assert_eq!(watching.message().await.unwrap().unwrap().status, 1);
    server.broker.begin_stop();
    assert_eq!(watching.message().await.unwrap().unwrap().status, 2, "not serving");
    drop((watching, client));
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn reflection_lists_the_services_as_the_proto_files_say() {
    let server = TestServer::start().await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let ask = |message_request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message_request),
    };
    let requests = vec![
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("pubsub.RecordBatch".into())),
    ];
    let answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    let first = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = first else { panic!("{first:?}") };
    let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["pubsub.PubSub", "pubsub.Log", "pubsub.Admin", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let second = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::FileDescriptorResponse(files) = second else { panic!("{second:?}") };
    let file = prost_types::FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
    let batch = file.message_type.iter().find(|message| message.name() == "RecordBatch").unwrap();
    let records = batch.field.iter().find(|field| field.name() == "records").unwrap();
    assert_eq!(records.type_name(), ".pubsub.RecordSet", "not the bytes that the server makes of it");
}

#[tokio::test]
async fn a_message_above_all_limits_is_refused_by_name() {
    let server = TestServer::start().await;
    let request = PublishRequest { value: Some(vec![0; REQUEST_BYTES_MAX].into()), ..record("t", "") };
    let answer = server.pub_sub().await.publish(request.clone()).await;
    assert_refused(answer, Code::InvalidArgument, "RECORD_TOO_LARGE");
    let mut client = server.pub_sub().await;
    let mut answers = client.publish_stream(tokio_stream::once(request)).await.unwrap().into_inner();
    assert_refused(answers.message().await, Code::InvalidArgument, "RECORD_TOO_LARGE");
}

#[tokio::test]
async fn a_connection_too_many_is_closed() {
    let config = GrpcConfig { connections_max: 1, ..GrpcConfig::default() };
    let server = TestServer::start_with(BrokerConfig::default(), config).await;
    let mut first = server.pub_sub().await;
    first.publish(record("t", "a")).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    first.publish(record("t", "b")).await.unwrap();
}
