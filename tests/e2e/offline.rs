//! `highwater log`: the files of a broker that is not running.

use std::path::Path;

use crate::harness::{Broker, Ran, highwater, run};

fn log(directory: &Path, args: &[&str]) -> Ran {
    let mut command = highwater(directory);
    command.arg("log").args(args).args(["--data-dir", "data"]);
    run(command, b"")
}

fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Three batches in a log that was stopped in good order.
fn three_batches(directory: &Path) {
    let broker = Broker::start(directory);
    for value in ["first", "second", "third"] {
        broker.publish(&["produce", "t", "--msg", value], b"");
    }
    broker.stop();
}

/// Flips a bit of the value in the log's file.
fn damage(directory: &Path, value: &str) {
    let path = directory.join("data/topics/t/0/00000000000000000000.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(value.len()).position(|window| window == value.as_bytes()).unwrap();
    *bytes.get_mut(at).unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_sound_log_is_dumped_and_verified() {
    let directory = tempfile::tempdir().unwrap();
    three_batches(directory.path());
    let verified = log(directory.path(), &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.text.contains("sound"), "{}", verified.text);
    let verdicts = json_lines(&log(directory.path(), &["verify", "--json"]).text);
    assert_eq!((&verdicts[0]["sound"], &verdicts[0]["end_offset"]), (&true.into(), &3.into()));
    let frames = json_lines(&log(directory.path(), &["dump", "--topic", "t", "--json"]).text);
    let records: u64 = frames.iter().map(|frame| frame["records"].as_u64().unwrap()).sum();
    assert_eq!(records, 3, "{frames:?}");
    assert!(log(directory.path(), &["dump"]).text.starts_with("t/0 segment 0 position "));
}

#[test]
fn damage_is_named_with_3_and_everything_else_is_served() {
    let directory = tempfile::tempdir().unwrap();
    three_batches(directory.path());
    damage(directory.path(), "second");
    let verified = log(directory.path(), &["verify"]);
    assert_eq!(verified.code, 3, "{verified:?}");
    assert!(verified.text.contains("t/0: offsets 1..2 are damaged"), "{}", verified.text);
    assert_eq!(log(directory.path(), &["dump"]).code, 3);

    let repaired = log(directory.path(), &["repair"]);
    assert_eq!(repaired.code, 0, "{repaired:?}");
    assert!(repaired.text.contains("t/0: takes appends"), "{}", repaired.text);
    assert!(repaired.text.contains("offsets 1..2 are damaged"), "{}", repaired.text);

    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t", "--msg", "fourth"], b"");
    assert_eq!(broker.text(&["consume", "t", "--until", "offset:1"]), "first\n");
    broker.run(&["consume", "t", "--until", "end"]).assert_failed(1, &["CORRUPT_RANGE"]);
    assert_eq!(broker.text(&["consume", "t", "--from", "offset:2", "--until", "end"]), "third\nfourth\n");
    broker.stop();
    assert_eq!(log(directory.path(), &["verify"]).code, 3, "what is damaged stays named");
}

#[test]
fn damaged_metadata_is_found() {
    let directory = tempfile::tempdir().unwrap();
    three_batches(directory.path());
    std::fs::write(directory.path().join("data/topics/t/topic.0"), "garbage").unwrap();
    let verified = log(directory.path(), &["verify"]);
    assert_eq!(verified.code, 3, "{verified:?}");
    assert!(verified.text.contains("topic.0: this generation"), "{}", verified.text);
    // The other generation is enough to serve from.
    let broker = Broker::start(directory.path());
    assert_eq!(broker.text(&["consume", "t", "--until", "end"]), "first\nsecond\nthird\n");
    broker.stop();
    assert_eq!(log(directory.path(), &["verify"]).code, 0);
}

#[test]
fn the_files_of_a_running_broker_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    broker.publish(&["produce", "t", "--msg", "a"], b"");
    for command in ["dump", "verify", "repair"] {
        log(directory.path(), &[command]).assert_failed(1, &["in use"]);
    }
}

#[test]
fn what_is_no_data_directory_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    log(directory.path(), &["repair"]).assert_failed(1, &["no data directory"]);
    assert_eq!(std::fs::read_dir(directory.path().join("data")).unwrap().count(), 0);
    three_batches(directory.path());
    log(directory.path(), &["verify", "--topic", "u"]).assert_failed(1, &["no topic u"]);
    log(directory.path(), &["verify", "--partition", "0"]).assert_failed(2, &["--topic"]);
}
