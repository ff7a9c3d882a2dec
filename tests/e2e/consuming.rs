//! `highwater consume`: where it starts, where it stops, and what it waits for.

use std::io::{BufRead as _, BufReader};

use crate::harness::{Broker, Running, log_of};

fn numbers(range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("{number}\n")).collect()
}

fn broker_with_numbers(directory: &std::path::Path, count: u32) -> Broker {
    let broker = Broker::start(directory);
    broker.publish(&["produce", "t"], numbers(0..count).as_bytes());
    broker
}

#[test]
fn every_start_and_stop_means_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker_with_numbers(directory.path(), 10);
    let read = |args: &[&str]| broker.text(&[&["consume", "t"], args].concat());
    assert_eq!(read(&["--until", "end"]), numbers(0..10));
    assert_eq!(read(&["--from", "offset:7", "--until", "end"]), numbers(7..10));
    assert_eq!(read(&["--from", "last:3", "--until", "end"]), numbers(7..10));
    assert_eq!(read(&["--from", "last:99", "--until", "end"]), numbers(0..10));
    assert_eq!(read(&["--from", "latest", "--until", "end"]), "");
    assert_eq!(read(&["--from", "offset:2", "--until", "offset:5"]), numbers(2..5));
    assert_eq!(read(&["--count", "4"]), numbers(0..4));
    assert_eq!(read(&["--count", "0"]), "");
    assert_eq!(read(&["--from", "time:-1h", "--until", "end"]), numbers(0..10));
    assert_eq!(read(&["--from", "time:2100-01-01T00:00:00Z", "--until", "end"]), "");
    assert_eq!(read(&["--until", "time:2000-01-01T00:00:00Z"]), "");
    assert_eq!(read(&["--partition", "0", "--until", "end"]), numbers(0..10));
}

#[test]
fn the_last_n_count_over_all_partitions_in_append_order() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.text(&["topic", "create", "t", "--partitions", "3"]);
    for number in 0..6_u32 {
        let partition = (number % 3).to_string();
        broker.publish(&["produce", "t", "--msg", &number.to_string(), "--partition", &partition], b"");
    }
    assert_eq!(broker.text(&["consume", "t", "--from", "last:4", "--count", "4"]), numbers(2..6));
    let all = broker.text(&["consume", "t", "--until", "end"]);
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(broker.text(&["consume", "t", "--partition", "1", "--until", "end"]), "1\n4\n");
}

#[test]
fn a_topic_that_is_not_there_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let mut reading = Running::start(broker.command(&["consume", "later", "--count", "1"]));
    let mut said = String::new();
    let mut errors = BufReader::new(reading.process.stderr.take().unwrap());
    errors.read_line(&mut said).unwrap();
    assert_eq!(said, "there is no topic later yet: waiting for it\n");
    broker.publish(&["produce", "later", "--msg", "at last"], b"");
    let ran = reading.finish(b"");
    assert_eq!((ran.code, ran.text.as_str()), (0, "at last\n"));
}

#[test]
fn following_goes_on_when_the_broker_is_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker_with_numbers(directory.path(), 3);
    let address = broker.grpc.clone();
    let mut reading = Running::start(broker.command(&["consume", "t"]));
    let mut lines = reading.output().lines();
    for expected in ["0", "1", "2"] {
        assert_eq!(lines.next().unwrap().unwrap(), expected);
    }
    broker.kill();
    let broker = Broker::start_with(directory.path(), &address, &[]);
    broker.publish(&["produce", "t"], b"3\n");
    assert_eq!(lines.next().unwrap().unwrap(), "3", "{}", log_of(directory.path()));
    // The same when it stops in good order.
    broker.stop();
    let broker = Broker::start_with(directory.path(), &address, &[]);
    broker.publish(&["produce", "t"], b"4\n");
    assert_eq!(lines.next().unwrap().unwrap(), "4");
    reading.process.kill().unwrap();
    reading.process.wait().unwrap();
}

#[test]
fn a_closed_pipe_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker_with_numbers(directory.path(), 100_000);
    let mut reading = Running::start(broker.command(&["consume", "t", "--until", "end"]));
    let mut first = String::new();
    reading.output().read_line(&mut first).unwrap();
    // The reader's end is dropped here.
    let ran = reading.finish(b"");
    assert_eq!((first.as_str(), ran.code, ran.errors.as_str()), ("0\n", 0, ""));
}

#[test]
fn an_interrupt_ends_with_130() {
    let directory = tempfile::tempdir().unwrap();
    let broker = broker_with_numbers(directory.path(), 1);
    let mut reading = Running::start(broker.command(&["consume", "t"]));
    let mut first = String::new();
    let mut output = reading.output();
    output.read_line(&mut first).unwrap();
    crate::harness::send_signal(reading.process.id(), "INT");
    assert_eq!(reading.finish(b"").code, 130);
}
