//! What is accepted, what is refused, and what the refusal says.

use std::io::Write as _;

use super::*;

fn with_file(text: &str) -> Result<Loaded, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() })
}

fn refusal(text: &str) -> String {
    let error = with_file(text).unwrap_err().to_string();
    let (_, rest) = error.split_once(':').unwrap();
    rest.to_owned()
}

fn environment(pairs: &[(&str, &str)]) -> Sources {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources { environment: pairs.collect(), ..Sources::default() }
}

fn shipped_file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/highwater.yaml"))
}

#[test]
fn empty_files_and_sections_are_defaults() {
    for text in ["", "# nothing\n", "server:\n", "---\n"] {
        assert_eq!(with_file(text).unwrap().config, Config::default(), "{text:?}");
    }
}

#[test]
fn shipped_file_equals_the_defaults_and_has_every_key() {
    let loaded = load(&Sources { file: Some(shipped_file()), ..Sources::default() }).unwrap();
    assert_eq!(loaded.config, Config::default());
    for (key, origin) in keys::all().iter().zip(&loaded.origins) {
        assert_eq!(*origin, Origin::File(shipped_file()), "{} is not in the shipped file", key.path());
    }
}

#[test]
fn shipped_file_explains_every_key_with_its_unit() {
    let text = std::fs::read_to_string(shipped_file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for key in keys::all() {
        let section = lines.iter().position(|line| *line == format!("{}:", key.section)).unwrap();
        let at = lines.iter().skip(section).position(|line| line.starts_with(&format!("  {}:", key.name)));
        let above = lines[section + at.unwrap() - 1];
        assert!(above.starts_with("  # "), "{} has no comment", key.path());
        if let value::Kind::Whole { unit, .. } | value::Kind::WholeOrNever { unit, .. } = key.kind {
            let comments: Vec<&&str> = lines[..section + at.unwrap()]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("  # "))
                .collect();
            assert!(
                comments.iter().any(|line| line.to_ascii_lowercase().contains(unit)),
                "{} does not say its unit",
                key.path()
            );
        }
    }
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for key in keys::all() {
        let default = key.get(&Config::default()).to_string();
        let sources = environment(&[(key.variable().as_str(), default.trim_matches('"'))]);
        let loaded = load(&sources).unwrap_or_else(|error| panic!("{}: {error}", key.variable()));
        assert!(loaded.origins.contains(&Origin::Environment(key.variable())));
    }
}

#[test]
fn flags_beat_environment_beats_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"storage: {data_dir: from-file, segment_bytes: 8192}\ntopics:\n  auto_create: false\n")
        .unwrap();
    let mut sources = environment(&[
        ("HIGHWATER_STORAGE__DATA_DIR", "from-environment"),
        ("HIGHWATER_STORAGE__SEGMENT_BYTES", "16384"),
        ("HIGHWATER_ADDR", "not about the configuration"),
        ("PATH", "/bin"),
    ]);
    sources.file = Some(file.path().to_owned());
    sources.flags.push(FlagValue { flag: "--data-dir", key: "storage.data_dir", value: "from-flag".into() });
    let config = load(&sources).unwrap().config;
    assert_eq!(config.storage.data_dir, PathBuf::from("from-flag"));
    assert_eq!(config.storage.segment_bytes, 16384);
    assert!(!config.topics.auto_create);
}

#[test]
fn unknown_keys_are_refused_with_place_and_what_was_probably_meant() {
    assert_eq!(
        refusal("server:\n  grpc_listen: 127.0.0.1:1\n  http_lisen: 127.0.0.1:2\n"),
        "3:3: unknown key \"server.http_lisen\"; did you mean \"server.http_listen\"?"
    );
    assert_eq!(refusal("# c\nservr:\n"), "2:1: unknown section \"servr\"; did you mean \"server\"?");
    assert_eq!(
        refusal("server:\n  data_dir: x\n"),
        "2:3: unknown key \"server.data_dir\"; did you mean \"storage.data_dir\"?"
    );
    assert!(refusal("logging:\n  zzzzzzzz: 1\n").ends_with("there are: level, format"));
}

#[test]
fn bad_values_are_refused_with_place_and_what_would_be_right() {
    assert_eq!(
        refusal("storage:\n  segment_bytes: 256MB\n"),
        "2:18: storage.segment_bytes is \"256MB\", but takes a whole number of bytes from 4096 to 8589934592"
    );
    assert_eq!(refusal("storage:\n  type: redis\n"), "2:9: storage.type is redis, but takes file or memory");
    assert_eq!(
        refusal("server:\n  grpc_listen: 50051\n"),
        "2:16: server.grpc_listen is 50051, but takes an IP address and a port, such as 127.0.0.1:50051"
    );
    assert!(refusal("retention:\n  default_ms: -2\n").contains("or -1 for no bound"));
    assert!(refusal("topics:\n  auto_create: maybe\n").contains("takes true or false"));
    assert!(refusal("topics:\n  max_topics: [1]\n").contains("is a list, but takes a whole number"));
    assert!(refusal("topics:\n  max_topics:\n").contains("is empty, but takes a whole number"));
    assert!(refusal("topics:\n  max_topics: 99999999999999999999\n").contains("a whole number"));
    assert!(refusal("topics: 5\n").contains("keys of section \"topics\""));
    assert!(refusal("just text\n").contains("sections"));
}

#[test]
fn repeated_keys_are_refused() {
    assert!(refusal("server:\n  http_listen: 127.0.0.1:1\n  http_listen: 127.0.0.1:2\n").starts_with("3:"));
    assert!(refusal("server:\nserver:\n").contains("a second time"));
}

#[test]
fn broken_yaml_is_refused_with_its_line() {
    let broken = refusal("server:\n  http_listen: 127.0.0.1:1\n grpc_listen: 127.0.0.1:2\n");
    assert!(broken.starts_with("3:"), "{broken}");
}

#[test]
fn variables_that_were_meant_for_the_configuration_are_refused() {
    let refused = |name| load(&environment(&[(name, "1")])).unwrap_err().to_string();
    assert!(refused("HIGHWATER_SERVER__GRPC_LISTN").contains("did you mean \"server.grpc_listen\"?"));
    assert!(refused("HIGHWATER_SEVER__GRPC_LISTEN").contains("did you mean \"server\"?"));
    assert!(refused("HIGHWATER_SERVER_GRPC_LISTEN").contains("HIGHWATER_SERVER__GRPC_LISTEN"));
    assert!(refused("HIGHWATER_SERVER__GRPC_LISTEN").contains("an IP address and a port"));
}

#[test]
fn a_named_file_must_be_there() {
    let sources = Sources { file: Some(PathBuf::from("/nowhere/h.yaml")), ..Sources::default() };
    assert!(matches!(load(&sources), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn listening_beyond_the_loopback_must_be_allowed_by_name() {
    let open = "server:\n  grpc_listen: 0.0.0.0:50051\n";
    assert!(with_file(open).unwrap_err().to_string().contains("unsafe_allow_insecure_listen"));
    assert!(with_file(&format!("{open}  unsafe_allow_insecure_listen: true\n")).is_ok());
    assert!(with_file("server:\n  grpc_listen: '[::1]:50051'\n").is_ok());
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let error = with_file("limits:\n  max_record_bytes: 2097152\n").unwrap_err().to_string();
    assert!(error.contains("must not be more than limits.max_batch_bytes"), "{error}");
}

#[test]
fn printed_configuration_reads_back_the_same() {
    let mut sources = environment(&[("HIGHWATER_RETENTION__DEFAULT_MS", "-1")]);
    sources.flags.push(FlagValue { flag: "--data-dir", key: "storage.data_dir", value: "a: b #".into() });
    let loaded = load(&sources).unwrap();
    let printed = to_yaml(&loaded);
    assert!(printed.contains("# environment HIGHWATER_RETENTION__DEFAULT_MS"), "{printed}");
    assert!(printed.contains("# flag --data-dir"), "{printed}");
    assert_eq!(with_file(&printed).unwrap().config, loaded.config);
}
