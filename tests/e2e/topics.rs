//! `highwater topic` and `highwater config`.

use crate::harness::{Broker, highwater, run};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn topics_are_created_listed_described_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    assert_eq!(broker.text(&["topic", "list"]), "there are no topics\n");
    let settings = ["--config", "retention_ms=-1", "--config", "segment_bytes=65536"];
    let create = [&["topic", "create", "orders", "--partitions", "3"], &settings[..]].concat();
    assert_eq!(broker.text(&create), "created topic orders with 3 partitions\n");
    broker.run(&["topic", "create", "orders"]).assert_failed(1, &["TOPIC_EXISTS"]);

    let listed = json(&broker.text(&["topic", "list", "--json"]));
    assert_eq!(listed["topics"][0]["topic"], "orders");
    assert!(broker.text(&["topic", "list"]).contains("orders"));

    let described = json(&broker.text(&["topic", "describe", "orders", "--json"]));
    assert_eq!(described["config"]["retention_ms"], -1);
    assert_eq!(described["config"]["segment_bytes"], 65536);
    assert_eq!(described["partitions"].as_array().unwrap().len(), 3);
    assert_eq!(described["topic_id"], listed["topics"][0]["topic_id"]);
    assert!(broker.text(&["topic", "describe", "orders"]).contains("segment_bytes = 65536"));

    broker.run(&["topic", "alter", "orders", "--partitions", "5"]).assert_failed(1, &["UNIMPLEMENTED"]);
    assert_eq!(broker.text(&["topic", "delete", "orders"]), "deleted topic orders\n");
    broker.run(&["topic", "delete", "orders"]).assert_failed(1, &["TOPIC_NOT_FOUND"]);
    broker.run(&["topic", "describe", "orders"]).assert_failed(1, &["TOPIC_NOT_FOUND"]);
}

#[test]
fn a_topic_made_again_under_its_name_is_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let id = |text: String| json(&text)["topic_id"].as_str().unwrap().to_owned();
    let first = id(broker.text(&["topic", "create", "t", "--json"]));
    broker.publish(&["produce", "t"], b"old\n");
    broker.text(&["topic", "delete", "t", "--json"]);
    let second = id(broker.text(&["topic", "create", "t", "--json"]));
    assert_ne!(first, second);
    assert_eq!(broker.text(&["consume", "t", "--until", "end"]), "");
}

#[test]
fn wrong_settings_are_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start(directory.path());
    let create = |setting: &str| broker.run(&["topic", "create", "t", "--config", setting]);
    create("retention=1").assert_failed(2, &["retention_ms"]);
    create("retention_ms=soon").assert_failed(2, &["whole number"]);
    create("retention_ms").assert_failed(2, &["key=value"]);
    create("segment_bytes=1").assert_failed(1, &["INVALID_CONFIG"]);
    broker.run(&["topic", "alter", "t"]).assert_failed(2, &["nothing to change"]);
}

#[test]
fn configurations_are_checked_and_printed() {
    let directory = tempfile::tempdir().unwrap();
    let check = |args: &[&str], variable: &str| {
        let mut command = highwater(directory.path());
        command.args(args).env("HIGHWATER_TOPICS__MAX_TOPICS", variable);
        run(command, b"")
    };
    assert_eq!(check(&["config", "check"], "5").text, "no file; environment and defaults are fine\n");
    std::fs::write(directory.path().join("h.yaml"), "topics:\n  auto_creat: false\n").unwrap();
    check(&["config", "check", "h.yaml"], "5")
        .assert_failed(2, &["h.yaml:2:3", "topics.auto_creat", "topics.auto_create"]);
    check(&["config", "check"], "many").assert_failed(2, &["HIGHWATER_TOPICS__MAX_TOPICS"]);
    std::fs::write(directory.path().join("h.yaml"), "topics:\n  auto_create: false\n").unwrap();
    let printed = check(&["config", "print", "h.yaml"], "5").text;
    for line in ["  auto_create: false", "# h.yaml", "  max_topics: 5", "MAX_TOPICS", "# default"] {
        assert!(printed.contains(line), "{line:?} not in {printed}");
    }
}
