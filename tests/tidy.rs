//! The rules of the house, as a test: layers, lengths, module comments, banned calls.
//!
//! Each check is a function from sources to findings. It runs over the project, where it must find nothing,
//! and over a planted violation, which it must find: a check that cannot fail is worse than none.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test: a panic is a failure that says where"
)]

#[path = "tidy/checks.rs"]
mod checks;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;

use source::Source;

type Check = fn(&Source) -> Vec<String>;

/// Every check there is, by name.
const CHECKS: [(&str, Check); 8] = [
    ("layers", layers::wrong_imports),
    ("file length", checks::long_files),
    ("function length", checks::long_functions),
    ("module comment", checks::missing_module_comments),
    ("files outside disk/", checks::file_access),
    ("sleeps in tests", checks::sleeps_in_tests),
    ("banned calls", checks::banned_calls),
    ("unsafe outside disk/", checks::unsafe_code),
];

fn project() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for directory in ["src", "tests", "benches", "examples"] {
        collect(root, &root.join(directory), &mut sources);
    }
    sources.push(Source::read(root, &root.join("build.rs")));
    sources
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(Source::read(root, &path));
        }
    }
}

#[test]
fn project_is_tidy() {
    let sources = project();
    assert!(sources.len() > 20, "the sources were not found");
    let findings: Vec<String> =
        sources.iter().flat_map(|source| CHECKS.iter().flat_map(|(_, check)| check(source))).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// What `check` finds in a file that has a module comment and then `text`.
fn findings(check: Check, path: &str, text: &str) -> Vec<String> {
    check(&Source::new(path, &format!("//! A module.\n{text}\n")))
}

fn assert_found(check: Check, path: &str, text: &str) {
    assert!(!findings(check, path, text).is_empty(), "nothing found in {path}: {text}");
}

fn assert_clean(check: Check, path: &str, text: &str) {
    assert_eq!(findings(check, path, text), Vec::<String>::new(), "in {path}: {text}");
}

#[test]
fn imports_of_higher_layers_are_found() {
    let check = layers::wrong_imports;
    assert_found(check, "src/log/writer.rs", "use crate::partition::Partition;");
    assert_found(check, "src/codec/frame.rs", "use crate::disk::Disk;");
    assert_found(check, "src/disk/real.rs", "use crate::codec::Frame;");
    assert_found(check, "src/types/mod.rs", "use crate::{\n    log::Log,\n};");
    assert_found(check, "src/client/mod.rs", "fn f() { crate::broker::f() }");
    assert_found(check, "src/cli/topic.rs", "use crate::broker::Broker;");
    assert_found(check, "src/broker/mod.rs", "use crate::wire::server::pubsub;");
    assert_found(check, "src/broker/publish.rs", "use super::super::grpc::convert;");
    assert_found(check, "src/codec/mod.rs", "use super::log::ReadCursor;");
    assert_found(
        check,
        "src/log/a.rs",
        "#[cfg(test)]\nmod tests {\n    use super::super::super::broker::X;\n}",
    );
    assert_found(check, "src/main.rs", "use highwater::broker::Broker;");
}

#[test]
fn modules_without_a_layer_are_found() {
    assert_found(layers::wrong_imports, "src/util/mod.rs", "");
    assert_found(layers::wrong_imports, "src/util.rs", "");
}

#[test]
fn imports_of_lower_layers_pass() {
    let check = layers::wrong_imports;
    assert_clean(check, "src/log/writer.rs", "use crate::{codec::Frame, disk::Disk, types::Offset};");
    assert_clean(check, "src/log/writer.rs", "use super::segment::Segment;\nuse crate::log::ReadError;");
    assert_clean(check, "src/broker/tests/x.rs", "use super::super::publish;");
    assert_clean(check, "src/log/a.rs", "// use crate::broker::X;\nconst S: &str = \"crate::broker::X\";");
    assert_clean(check, "src/codec/tests.rs", "use crate::wire::client::pubsub::Record;");
    assert_clean(check, "src/main.rs", "fn main() { highwater::cli::main() }");
    assert_clean(check, "tests/e2e/main.rs", "use highwater::broker::Broker;");
}

#[test]
fn long_files_are_found() {
    assert_found(checks::long_files, "src/log/a.rs", &"// line\n".repeat(400));
    assert_clean(checks::long_files, "src/log/a.rs", &"// line\n".repeat(398));
}

#[test]
fn long_functions_are_found() {
    let function =
        |lines: usize| format!("impl X {{\n    fn f() {{\n{}    }}\n}}", "        g();\n".repeat(lines));
    assert_found(checks::long_functions, "src/log/a.rs", &function(69));
    assert_clean(checks::long_functions, "src/log/a.rs", &function(68));
    let with_braces_in_text = function(40).replacen("g();", "g(\"}}}{\", '{', r#\"{\"#); // {", 1);
    assert_clean(checks::long_functions, "src/log/a.rs", &with_braces_in_text);
    assert_clean(checks::long_functions, "src/log/a.rs", &format!("type F = fn(u8);{}", "\n".repeat(99)));
}

#[test]
fn missing_module_comments_are_found() {
    let check = checks::missing_module_comments;
    assert!(!check(&Source::new("src/log/a.rs", "// A module.\nfn f() {}\n")).is_empty());
    assert!(!check(&Source::new("src/log/a.rs", "")).is_empty());
    assert!(check(&Source::new("src/log/a.rs", "//! A module.\n")).is_empty());
}

#[test]
fn file_access_outside_its_places_is_found() {
    let check = checks::file_access;
    for text in ["use std::fs;", "use std::fs::File;", "use std::{fs, io};", "use rustix::fs::sync;"] {
        assert_found(check, "src/log/a.rs", text);
        assert_clean(check, "src/disk/a.rs", text);
    }
    assert_found(check, "src/log/a.rs", "fn f() { memmap2::Mmap::map(x) }");
    assert_found(check, "src/cli/a.rs", "use memmap2::Mmap;");
    assert_clean(check, "src/config/load.rs", "fn f() { std::fs::read_to_string(x) }");
}

#[test]
fn sleeps_in_tests_are_found() {
    let check = checks::sleeps_in_tests;
    for call in ["std::thread::sleep(d)", "thread::sleep(d)", "tokio::time::sleep(d)", "time::sleep_until(d)"]
    {
        assert_found(check, "tests/e2e/main.rs", &format!("fn f() {{ {call} }}"));
        assert_found(check, "src/log/tests.rs", &format!("fn f() {{ {call} }}"));
        assert_found(
            check,
            "src/log/a.rs",
            &format!("#[cfg(test)]\nmod tests {{\n    fn f() {{ {call} }}\n}}"),
        );
        assert_clean(check, "src/log/a.rs", &format!("fn f() {{ {call} }}"));
    }
    assert_found(check, "tests/e2e/main.rs", "use std::thread::sleep;");
    let on_paused_clock = "#[tokio::test(start_paused = true)]\nasync fn f() { tokio::time::sleep(d).await }";
    assert_clean(check, "src/log/tests.rs", on_paused_clock);
    let behind_it =
        format!("{on_paused_clock}\n#[tokio::test]\nasync fn g() {{ tokio::time::sleep(d).await }}");
    assert_found(check, "src/log/tests.rs", &behind_it);
}

#[test]
fn banned_calls_are_found() {
    let calls = ["todo!()", "unimplemented!()", "dbg!(x)", "mpsc::unbounded_channel()", "mpsc::channel()"];
    for call in calls.into_iter().chain(["tokio::fs::read(x)", "mpsc::channel::<u8>()"]) {
        assert_found(checks::banned_calls, "src/log/a.rs", &format!("fn f() {{ {call} }}"));
    }
    assert_clean(checks::banned_calls, "src/log/a.rs", "fn f() { mpsc::channel(8); /* todo!() */ }");
    assert_clean(checks::banned_calls, "src/log/tests.rs", "fn f() { mpsc::channel(); }");
}

#[test]
fn unsafe_code_outside_disk_is_found() {
    let text = "fn f() { unsafe { g() } }";
    assert_found(checks::unsafe_code, "src/log/a.rs", text);
    assert_found(checks::unsafe_code, "src/disk/a.rs", text);
    assert_clean(
        checks::unsafe_code,
        "src/disk/a.rs",
        "fn f() {\n    // SAFETY: fine.\n    unsafe { g() }\n}",
    );
    let attributed = "// SAFETY: fine.\n#[expect(unsafe_code, reason = \"\")]\nfn f() { unsafe { g() } }";
    assert_clean(checks::unsafe_code, "src/disk/a.rs", attributed);
    assert_clean(checks::unsafe_code, "src/log/a.rs", "const unsafe_allow: bool = true;");
}
