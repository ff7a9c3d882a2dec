//! Starting, being refused, and stopping.

use std::io::Read as _;
use std::net::TcpListener;

use highwater::client::messages::{Earliest, Start, SubscribeRequest, start};
use highwater::client::{Client, ReadEvent};

use crate::harness::{Broker, highwater, http_get, log_of, run, serve, wait_for};

fn refused(directory: &std::path::Path, grpc: &str, more: &[&str]) -> (i32, String) {
    let before = log_of(directory).len();
    let mut process = serve(directory, grpc).args(more).spawn().unwrap();
    let mut said = String::new();
    process.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "it started");
    (wait_for(process).code().unwrap(), log_of(directory)[before..].to_owned())
}

#[test]
fn a_second_broker_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Broker::start(directory.path());
    let (code, said) = refused(directory.path(), "127.0.0.1:0", &[]);
    assert!(code == 1 && said.contains("in use"), "{code}: {said}");
    first.publish(&["produce", "t"], b"still here\n");
}

#[test]
fn a_port_in_use_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = refused(directory.path(), &address, &[]);
    assert!(code == 1 && said.contains(&address) && said.contains("in use"), "{code}: {said}");
}

#[test]
fn a_bad_configuration_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("h.yaml"), "# c\nstorage:\n  segment_size: 1\n").unwrap();
    let (code, said) = refused(directory.path(), "127.0.0.1:0", &["--config", "h.yaml"]);
    assert!(code == 2 && said.contains("h.yaml:3:3") && said.contains("segment_bytes"), "{code}: {said}");
    let (code, said) = refused(directory.path(), "127.0.0.1:0", &["--config", "missing.yaml"]);
    assert!(code == 2 && said.contains("missing.yaml"), "{code}: {said}");
    let (code, said) = refused(directory.path(), "0.0.0.0:0", &[]);
    assert!(code == 2 && said.contains("unsafe_allow_insecure_listen"), "{code}: {said}");
    let (code, said) = refused(directory.path(), "nowhere", &[]);
    assert!(code == 2 && said.contains("--grpc-listen"), "{code}: {said}");
}

#[test]
fn a_data_directory_that_cannot_be_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("data"), "a file").unwrap();
    let (code, said) = refused(directory.path(), "127.0.0.1:0", &[]);
    assert!(code == 1 && said.contains("data"), "{code}: {said}");
    assert_eq!(std::fs::read_to_string(directory.path().join("data")).unwrap(), "a file");
}

#[test]
fn without_a_command_it_serves_with_the_file_at_the_default_path() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("config")).unwrap();
    std::fs::write(directory.path().join("config/highwater.yaml"), "storage:\n  typ: memory\n").unwrap();
    let ran = run(highwater(directory.path()), b"");
    ran.assert_failed(2, &["config/highwater.yaml:2:3", "storage.type"]);
}

#[test]
fn health_and_readiness_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let (status, body) = http_get(&broker.http, "/health");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"status\":\"ok\""), "{body}");
    assert_eq!(http_get(&broker.http, "/ready").0, 200);
    assert_eq!(http_get(&broker.http, "/nothing").0, 404);
}

#[test]
fn what_is_in_memory_is_gone_with_the_broker() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("h.yaml"), "storage:\n  type: memory\n").unwrap();
    let memory = ["--config", "h.yaml"];
    let broker = Broker::start_with(directory.path(), "127.0.0.1:0", &memory);
    broker.publish(&["produce", "t"], b"a\n");
    assert_eq!(broker.text(&["consume", "t", "--until", "end"]), "a\n");
    broker.stop();
    let broker = Broker::start_with(directory.path(), "127.0.0.1:0", &memory);
    assert_eq!(broker.text(&["topic", "list"]), "there are no topics\n");
    assert!(!directory.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_tells_streams_to_go_and_ends_with_0() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t"], b"a\n");
    let client = Client::connect(&broker.grpc).await.unwrap();
    let start = Start { at: Some(start::At::Earliest(Earliest {})) };
    let request = SubscribeRequest { topic: "t".into(), start: Some(start), ..SubscribeRequest::default() };
    let mut subscription = client.subscribe(request).await.unwrap();
    assert!(matches!(subscription.next().await, Ok(Some(ReadEvent::Records(_)))));
    broker.signal("TERM");
    let positions = loop {
        match subscription.next().await.unwrap().unwrap() {
            ReadEvent::GoingAway(positions) => break positions,
            ReadEvent::CaughtUp { .. } | ReadEvent::Records(_) => {}
        }
    };
    assert_eq!((positions[0].partition, positions[0].next_offset), (0, 1));
    let end = subscription.next().await.unwrap_err();
    assert_eq!(end.reason, "SHUTTING_DOWN", "{end}");
    let status = tokio::task::spawn_blocking(move || broker.ended()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", log_of(directory.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_stop_that_waits() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("h.yaml"), "server:\n  drain_timeout_ms: 3600000\n").unwrap();
    let broker = Broker::start_with(directory.path(), "127.0.0.1:0", &["--config", "h.yaml"]);
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    broker.publish(&["produce", "t"], &line.repeat(40_000));
    // More than a stream's window, for a reader that does not read: its stream cannot be told to go.
    let client = Client::connect(&broker.grpc).await.unwrap();
    let start = Start { at: Some(start::At::Earliest(Earliest {})) };
    let request = SubscribeRequest { topic: "t".into(), start: Some(start), ..SubscribeRequest::default() };
    let mut subscription = client.subscribe(request).await.unwrap();
    assert!(matches!(subscription.next().await, Ok(Some(ReadEvent::Records(_)))));

    broker.signal("TERM");
    let status = tokio::task::spawn_blocking(move || {
        // The first has been taken note of: the second is a signal of its own.
        while http_get(&broker.http, "/health").0 != 503 {}
        broker.signal("TERM");
        broker.ended()
    });
    assert_eq!(status.await.unwrap().code(), Some(0), "{}", log_of(directory.path()));
    let log = log_of(directory.path());
    assert!(!log.contains("everything acknowledged is on disk"), "it did not wait: {log}");
    drop(subscription);
}

#[test]
fn an_interrupt_stops_in_order_and_ends_with_130() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t"], b"a\n");
    broker.signal("INT");
    assert_eq!(broker.ended().code(), Some(130));
    assert!(log_of(directory.path()).contains("everything acknowledged is on disk"));
}
