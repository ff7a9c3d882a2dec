//! Which module may use which: a layer imports only lower ones, and only what the table allows.

use crate::source::Source;

/// Top-level modules, and what of the crate each may name. A module may always name itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("codec", &["types"]),
    ("disk", &["types"]),
    ("log", &["types", "codec", "disk"]),
    ("partition", &["types", "codec", "disk", "log"]),
    ("broker", &["types", "codec", "disk", "log", "partition"]),
    ("grpc", &["types", "codec", "log", "partition", "broker", "wire"]),
    ("http", &["types", "codec", "log", "partition", "broker"]),
    ("server", &["types", "codec", "disk", "log", "partition", "broker", "grpc", "http"]),
    ("wire", &[]),
    ("config", &["types"]),
    ("telemetry", &["config"]),
    ("client", &["types", "wire"]),
    // `disk` and `codec` for the offline tools, which hand a real disk to the log and read a topic's metadata.
    ("cli", &["types", "client", "config", "telemetry", "server", "log", "disk", "codec"]),
    ("main", &["cli"]),
];

/// Imports that the table does not allow.
pub(crate) fn wrong_imports(source: &Source) -> Vec<String> {
    let Some(module) = top_level_module(&source.path) else { return Vec::new() };
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}:1: module {module} has no layer in tests/tidy/layers.rs", source.path)];
    };
    let mut findings = Vec::new();
    for (at, used) in uses(source) {
        let is_module = LAYERS.iter().any(|(name, _)| *name == used);
        // Tests of encodings hold them against the generated types.
        let is_oracle = used == "wire" && source.is_test(at);
        if is_module && !is_oracle && used != module && !allowed.contains(&used.as_str()) {
            findings.push(source.finding(at, &format!("{module} must not use {used}")));
        }
    }
    findings
}

/// `src/log/writer.rs` and `src/log.rs` belong to `log`; what is not under `src/` to nobody.
fn top_level_module(path: &str) -> Option<&str> {
    let first = path.strip_prefix("src/")?.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The top-level modules that the code names, each with its place.
fn uses(source: &Source) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
    let roots: &[&str] = if source.path == "src/main.rs" { &["highwater::"] } else { &["crate::"] };
    for root in roots {
        for at in source.words(root) {
            uses.extend(names(&source.code[at + root.len()..]).into_iter().map(|name| (at, name)));
        }
    }
    for at in source.words("super::") {
        if source.code[..at].ends_with("super::") {
            continue;
        }
        let rest = &source.code[at..];
        let supers = count_prefix(rest, "super::");
        if supers >= depth(source, at) {
            let behind = &rest[supers * "super::".len()..];
            uses.extend(names(behind).into_iter().map(|name| (at, name)));
        }
    }
    uses
}

/// How many `super`s lead from here to the crate's root.
fn depth(source: &Source, at: usize) -> usize {
    let path = source.path.strip_prefix("src/").unwrap_or_default();
    let parts = path.split('/').filter(|part| !["mod.rs", "lib.rs", "main.rs"].contains(part)).count();
    let is_test_file = Source::new(&source.path, "").is_test(0);
    parts + usize::from(source.is_test(at) && !is_test_file)
}

fn count_prefix(mut text: &str, prefix: &str) -> usize {
    let mut count = 0;
    while let Some(rest) = text.strip_prefix(prefix) {
        text = rest;
        count += 1;
    }
    count
}

/// The first segments of a path or of a group of paths: `a::b` and `{a::b, c}`.
fn names(text: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = text.strip_prefix('{') else { return vec![name(text)] };
    let mut depth = 0;
    let mut found = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    found
}
