//! A stock client, as another team would write it: Python's grpcio with its default settings, stubs generated
//! from `proto/`, and reflection.
//!
//! `./test.sh` makes the Python environment, or finds it made, and names it in `HIGHWATER_TEST_PYTHON`. With
//! `HIGHWATER_SKIP_PYTHON=1` the test is skipped, and says so.

use std::path::Path;
use std::process::Command;

use crate::harness::{Broker, log_of, run};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_stock_client_at_its_defaults_works() {
    let Ok(python) = std::env::var("HIGHWATER_TEST_PYTHON") else {
        let skipped = std::env::var("HIGHWATER_SKIP_PYTHON").is_ok_and(|value| value == "1");
        assert!(skipped, "no Python: run ./test.sh, or set HIGHWATER_SKIP_PYTHON=1 to do without this test");
        eprintln!("SKIPPED: HIGHWATER_SKIP_PYTHON=1");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    generate_stubs(&python, directory.path());
    let broker = Broker::start(directory.path());
    let mut client = Command::new(&python);
    client
        .arg(format!("{PROJECT}/tests/e2e/stock_client.py"))
        .arg(&broker.grpc)
        .env("PYTHONPATH", directory.path())
        .current_dir(directory.path());
    let ran = run(client, b"");
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.text, ran.errors, log_of(directory.path()));
    assert!(ran.text.ends_with("all fine\n"), "{}", ran.text);
}

fn generate_stubs(python: &str, out: &Path) {
    let mut protoc = Command::new(python);
    protoc
        .args(["-m", "grpc_tools.protoc", &format!("-I{PROJECT}/proto")])
        .arg(format!("--python_out={}", out.display()))
        .arg(format!("--grpc_python_out={}", out.display()));
    for file in ["highwater/record", "highwater/pubsub", "highwater/log", "highwater/admin"] {
        protoc.arg(format!("{file}.proto"));
    }
    protoc.args(["google/rpc/status.proto", "google/rpc/error_details.proto"]);
    let ran = run(protoc, b"");
    assert_eq!(ran.code, 0, "{}", ran.errors);
}
