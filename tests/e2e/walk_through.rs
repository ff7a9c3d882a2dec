//! The README's walk-through, word for word, as a shell runs it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{HIGHWATER, run};

const BEGIN: &str = "<!-- walk-through -->\n```sh\n";
const END: &str = "\n```";

/// Enough to be in the middle of it when the broker is killed, and no more than a test should take.
const EVENT_BYTES: &str = "30000000";

fn block() -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(BEGIN).expect("the README has a walk-through");
    rest.split_once(END).expect("the block ends").0.to_owned()
}

fn events_program() -> PathBuf {
    let program = Path::new(HIGHWATER).parent().unwrap().join("examples/events");
    assert!(program.exists(), "build the generator first: cargo build --examples");
    program
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn the_walk_through_of_the_readme_works() {
    let directory = tempfile::tempdir().unwrap();
    let generator = format!("{} --bytes {EVENT_BYTES}", events_program().display());
    let written = "cargo run --release --example events -- --bytes 50000000";
    let script = block();
    assert!(script.contains(written), "the README makes events");
    // Where it fails half-way, no broker is left behind.
    let script = format!("trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}");
    let grpc = free_address();
    let path =
        format!("{}:{}", Path::new(HIGHWATER).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", &script.replace(written, &generator)])
        .current_dir(directory.path())
        .env("PATH", path)
        .env("HIGHWATER_ADDR", &grpc)
        .env("HIGHWATER_SERVER__GRPC_LISTEN", &grpc)
        .env("HIGHWATER_SERVER__HTTP_LISTEN", "127.0.0.1:0");
    let ran = run(command, b"");
    let log = std::fs::read_to_string(directory.path().join("broker.log")).unwrap_or_default();
    assert_eq!(ran.code, 0, "{}\n{}\n{log}", ran.text, ran.errors);
    eprintln!("{}", ran.text);
    assert!(ran.text.ends_with("every event is there, once, in order\n"), "{}", ran.text);
}
