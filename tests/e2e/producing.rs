//! `highwater produce`: where records come from, and what it says at the end.

use std::io::{BufRead as _, Write as _};

use crate::harness::{Broker, Running};

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn lines_become_records_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let ran = broker.run_with(&["produce", "events"], "one\n\nthree ✓\nlast without end".as_bytes());
    assert_eq!((ran.code, ran.errors.as_str()), (0, "4 records acknowledged\n"));
    let text = broker.text(&["consume", "events", "--until", "end"]);
    assert_eq!(text, "one\n\nthree ✓\nlast without end\n");
}

#[test]
fn keys_headers_and_tombstones_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t", "--key-separator", ":", "-H", "a=1", "-H", "b=x=y"], b"k:v:w\n");
    broker.publish(&["produce", "t", "--msg", "{\"n\": 1}", "--key", "k2", "--partition", "0"], b"");
    broker.publish(&["produce", "t", "--key", "k", "--tombstone", "--durability", "synced"], b"");
    let text = broker.text(&["consume", "t", "--until", "end", "--format", "json"]);
    let records: Vec<_> = text.lines().map(json).collect();
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0]["key"], &records[0]["value_base64"]), (&"k".into(), &"djp3".into()));
    assert_eq!(records[0]["headers"], serde_json::json!({"a": "1", "b": "x=y"}));
    assert_eq!((&records[1]["value"]["n"], &records[1]["key"]), (&1.into(), &"k2".into()));
    assert_eq!((&records[2]["tombstone"], &records[2]["offset"]), (&true.into(), &2.into()));
    assert!(records[2]["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_whole_file_is_one_record_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    std::fs::write(directory.path().join("blob"), &content).unwrap();
    broker.publish(&["produce", "t", "--file", "blob", "--whole"], b"");
    let ran = broker.run(&["consume", "t", "--until", "end", "--format", "raw"]);
    assert!(ran.bytes == content, "{} bytes came back", ran.bytes.len());
}

#[test]
fn typed_lines_are_sent_as_they_are_typed() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let mut typing = Running::start(broker.command(&["produce", "t"]));
    let mut reading = Running::start(broker.command(&["consume", "t"]));
    let mut lines = reading.output().lines();
    let input = typing.process.stdin.as_mut().unwrap();
    for typed in ["first", "second"] {
        writeln!(input, "{typed}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), typed);
    }
    assert_eq!(typing.finish(b"").code, 0);
    reading.process.kill().unwrap();
    reading.process.wait().unwrap();
}

#[test]
fn a_broker_that_goes_away_leaves_an_exact_account() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let mut producing = Running::start(broker.command(&["produce", "t", "--json"]));
    let mut reading = Running::start(broker.command(&["consume", "t"]));
    let mut lines = reading.output().lines();
    let input = producing.process.stdin.as_mut().unwrap();
    for number in 0..10 {
        writeln!(input, "{number}").unwrap();
    }
    for number in 0..10 {
        assert_eq!(lines.next().unwrap().unwrap(), number.to_string());
    }
    broker.kill();
    // Nothing more is typed, and the input stays open: it must notice by itself.
    let held = producing.process.stdin.take();
    let ran = producing.finish(b"");
    drop(held);
    assert_eq!(ran.code, 1, "{ran:?}");
    let account = json(&ran.text);
    assert_eq!((&account["acknowledged"], &account["unknown"]), (&10.into(), &0.into()), "{account}");
    assert_eq!(account["resume_line"], 11);
    assert!(ran.errors.contains("resume with line 11: tail -n +11"), "{}", ran.errors);
    reading.process.kill().unwrap();
    reading.process.wait().unwrap();
}

#[test]
fn a_record_too_large_is_named_and_the_others_are_published() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let input = format!("small\n{}\nsmall too\n", "x".repeat(1024 * 1024 + 1));
    let ran = broker.run_with(&["produce", "t"], input.as_bytes());
    ran.assert_failed(1, &["line 2 refused", "RECORD_TOO_LARGE", "2 records acknowledged"]);
    assert_eq!(broker.text(&["consume", "t", "--until", "end"]), "small\nsmall too\n");
}

#[test]
fn a_line_without_separator_is_named_and_what_came_before_it_is_published() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let ran = broker.run_with(&["produce", "t", "--key-separator", "="], b"a=1\nb\nc=3\n");
    ran.assert_failed(1, &["line 2 has no separator", "1 records acknowledged", "resume with line 2"]);
    assert_eq!(broker.text(&["consume", "t", "--until", "end"]), "1\n");
}
