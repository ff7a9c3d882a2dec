//! Over a plain socket: the bytes that a probe sees.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn get(address: std::net::SocketAddr, request_line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request_line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn probes_are_answered_while_the_broker_starts_and_stops() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (phase, watched) = watch::channel(Phase::Starting { topics_begun: 3, topics_total: 7 });
    let stopped = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, watched, stopped.clone()));

    let answer = get(address, "GET /ready").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer
            .ends_with(r#"{"status":"starting","doing":"opening topics","topics_begun":3,"topics_total":7}"#),
        "{answer}"
    );
    let answer = get(address, "GET /health").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");

    phase.send_replace(Phase::Stopping);
    let answer = get(address, "GET /ready").await;
    assert!(answer.ends_with(r#"{"status":"stopping"}"#), "{answer}");
    let answer = get(address, "GET /nothing").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains(r#""code":"NOT_FOUND""#), "{answer}");
    let answer = get(address, "POST /health").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");

    stopped.cancel();
    serving.await.unwrap().unwrap();
}
