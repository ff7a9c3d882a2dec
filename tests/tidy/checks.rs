//! Lengths, module comments, banned calls.

use crate::source::{Source, matching_brace};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may open files, and why.
const FILE_ACCESS: &[(&str, &str)] = &[
    ("src/disk/", "it is the disk"),
    ("src/config/", "reads the configuration file"),
    ("src/cli/", "reads and writes files that the user names"),
    ("tests/", "tests look at files from outside"),
    ("benches/", "measures the file system beside the broker"),
    ("examples/", "examples are programs of their own"),
    ("build.rs", "writes generated code"),
];

/// Calls that have no place anywhere, and why.
const BANNED: &[(&str, &str)] = &[
    ("todo!", "unfinished code"),
    ("unimplemented!", "unfinished code"),
    ("dbg!", "left from debugging"),
    ("unbounded_channel", "every queue has a bound"),
    ("tokio::fs", "hides a thread pool; disk/ and its pools do this"),
];

/// The standard library's channel without a bound. A test knows how much it sends.
const UNBOUNDED: [&str; 2] = ["mpsc::channel()", "mpsc::channel::<"];

const SLEEPS: [&str; 4] = ["thread::sleep", "time::sleep", "time::sleep_until", "sleep_ms"];

/// Files that are too long to be read in one go.
pub(crate) fn long_files(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines, at most {FILE_LINES_MAX}");
    if lines > FILE_LINES_MAX { vec![format!("{}:1: {what}", source.path)] } else { Vec::new() }
}

/// Functions that do not fit on a screen.
pub(crate) fn long_functions(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for at in source.words("fn") {
        let rest = &source.code[at..];
        let named = rest[2..].trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
        let Some(open) = rest.find(['{', ';']).filter(|open| named && rest.as_bytes()[*open] == b'{') else {
            continue;
        };
        let lines = source.line(matching_brace(&source.code, at + open)) - source.line(at) + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("function of {lines} lines, at most {FUNCTION_LINES_MAX}");
            findings.push(source.finding(at, &what));
        }
    }
    findings
}

/// Modules that do not say what they own.
pub(crate) fn missing_module_comments(source: &Source) -> Vec<String> {
    let says = source.text.starts_with("//! ");
    if says { Vec::new() } else { vec![format!("{}:1: does not begin with //!", source.path)] }
}

/// The file system outside `disk/`.
pub(crate) fn file_access(source: &Source) -> Vec<String> {
    let may = |places: &[&str]| places.iter().any(|place| source.path.starts_with(place));
    let places: Vec<&str> = FILE_ACCESS.iter().map(|(place, _)| *place).collect();
    let mut found = Vec::new();
    for crate_name in ["rustix", "memmap2"] {
        if !may(&["src/disk/"]) {
            found.extend(source.words(crate_name));
        }
    }
    if !may(&places) {
        found.extend(source.words("std::fs"));
        for at in source.words("std::{") {
            let group = &source.code[at + "std::{".len()..];
            let group = &group[..group.find('}').unwrap_or(group.len())];
            if group.split(|c: char| !c.is_alphanumeric()).any(|word| word == "fs") {
                found.push(at);
            }
        }
        found.retain(|at| !source.is_test(*at));
    }
    found.into_iter().map(|at| source.finding(at, "the file system is for disk/ alone")).collect()
}

/// Tests that wait for time to pass instead of for what they mean.
pub(crate) fn sleeps_in_tests(source: &Source) -> Vec<String> {
    let calls = SLEEPS.iter().flat_map(|call| source.words(call));
    let in_tests = calls.filter(|at| source.is_test(*at) && !is_in_paused_time(source, *at));
    in_tests.map(|at| source.finding(at, "tests do not sleep: wait for the event")).collect()
}

/// Whether the test that a position lies in runs on tokio's paused clock, where sleeping takes no time.
fn is_in_paused_time(source: &Source, at: usize) -> bool {
    let before = &source.code[..at];
    let attribute = before.rfind("#[tokio::test").map(|from| &before[from..]);
    attribute.and_then(|text| text.split(']').next()).is_some_and(|text| text.contains("start_paused = true"))
}

/// Calls that have no place anywhere.
pub(crate) fn banned_calls(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for (call, why) in BANNED {
        findings
            .extend(source.words(call).into_iter().map(|at| source.finding(at, &format!("{call}: {why}"))));
    }
    for at in UNBOUNDED.iter().flat_map(|call| source.words(call)).filter(|at| !source.is_test(*at)) {
        findings.push(source.finding(at, "every queue has a bound"));
    }
    findings
}

/// `unsafe` outside `disk/`, or without its reason.
pub(crate) fn unsafe_code(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for at in source.words("unsafe") {
        let line = source.line(at);
        let above = source.text.lines().take(line - 1).collect::<Vec<_>>();
        let belongs =
            |line: &&&str| line.trim_start().starts_with("//") || line.trim_start().starts_with("#[");
        let comment = above.iter().rev().take_while(belongs);
        let explained = comment.into_iter().any(|line| line.contains("SAFETY:"));
        if !source.path.starts_with("src/disk/") {
            findings.push(source.finding(at, "unsafe code is for disk/ alone"));
        } else if !explained {
            findings.push(source.finding(at, "unsafe code without a SAFETY comment above it"));
        }
    }
    findings
}
