//! gRPC-Web as browsers speak it: over HTTP/1, for pages of the broker's own origin alone.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Publishes a record with these header lines, and returns the whole answer.
async fn publish_with(address: SocketAddr, headers: &str) -> String {
    let message = record("t", "v").encode_to_vec();
    let mut body = vec![0];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    let head = format!(
        "POST /pubsub.PubSub/Publish HTTP/1.1\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn publish_as(address: SocketAddr, host: &str, origin: Option<&str>) -> String {
    let origin = origin.map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
    publish_with(address, &format!("host: {host}\r\ncontent-type: application/grpc-web\r\n{origin}")).await
}

#[tokio::test]
async fn pages_of_the_brokers_own_origin_are_answered() {
    let server = TestServer::start().await;
    for (host, origin) in [
        ("localhost", None),
        ("localhost:8080", Some("http://localhost:8080")),
        ("LOCALHOST", Some("http://localhost")),
        ("127.0.0.1:8080", Some("https://127.0.0.1:8080")),
        ("[::1]:8080", Some("http://[::1]:8080")),
    ] {
        let answer = publish_as(server.address, host, origin).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("grpc-status:0"), "{host}: {answer}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = TestServer::start().await;
    for origin in [
        "http://evil.example",
        "http://localhost:81",
        "http://localhost.evil.example",
        "file://localhost",
        "null",
        "localhost",
        "",
        "http://localhost\r\norigin: http://evil.example",
    ] {
        let answer = publish_as(server.address, "localhost", Some(origin)).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{origin}: {answer}");
    }
    for content_type in ["application/grpc-web-text", "application/grpc-web+proto", "Application/Grpc-Web"] {
        let headers =
            format!("host: localhost\r\ncontent-type: {content_type}\r\norigin: http://evil.example\r\n");
        let answer = publish_with(server.address, &headers).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{content_type}: {answer}");
    }
    assert_eq!(server.broker.list_topics().unwrap().len(), 0, "nothing was published");
}

#[tokio::test]
async fn names_that_a_stranger_may_have_bound_to_this_machine_are_refused() {
    let server = TestServer::start().await;
    for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"] {
        let origin = format!("http://{host}");
        for origin in [None, Some(origin.as_str())] {
            let answer = publish_as(server.address, host, origin).await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{host}: {answer}");
        }
    }
    assert_eq!(server.broker.list_topics().unwrap().len(), 0, "nothing was published");
}
