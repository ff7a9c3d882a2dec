//! Brokers and commands as processes. Everything is ended by its id, and nothing is waited for without a bound.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// No command of a test takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const HIGHWATER: &str = env!("CARGO_BIN_EXE_highwater");

/// The program, in `directory`, untouched by the configuration and the environment of whoever runs the tests.
pub(crate) fn highwater(directory: &Path) -> Command {
    let mut command = Command::new(HIGHWATER);
    command.current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HIGHWATER_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running broker; dropping it kills it.
pub(crate) struct Broker {
    process: Option<Child>,
    pub(crate) grpc: String,
    pub(crate) http: String,
    directory: PathBuf,
}

impl Broker {
    /// Starts a broker whose data lies in `directory/data`, on free ports.
    pub(crate) fn start(directory: &Path) -> Broker {
        Broker::start_with(directory, "127.0.0.1:0", &[])
    }

    /// The same on a given gRPC address, with more arguments.
    pub(crate) fn start_with(directory: &Path, grpc: &str, more: &[&str]) -> Broker {
        let mut command = serve(directory, grpc);
        let mut process = command.args(more).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let addresses =
            line.trim().strip_prefix("highwater ready grpc=").and_then(|rest| rest.split_once(" http="));
        let Some((grpc, http)) = addresses else {
            let status = process.wait().unwrap();
            panic!("the broker did not start ({status}): {}", log_of(directory));
        };
        let (grpc, http) = (grpc.to_owned(), http.to_owned());
        Broker { process: Some(process), grpc, http, directory: directory.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.kill_now();
    }

    fn kill_now(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        send_signal(self.id(), name);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        wait_for(self.process.take().unwrap())
    }

    /// SIGTERM, and waits until it is gone.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let log = self.directory.clone();
        let status = self.ended();
        assert!(status.success(), "{status}: {}", log_of(&log));
    }

    /// A command for this broker.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = highwater(&self.directory);
        command.args(args).env("HIGHWATER_ADDR", &self.grpc);
        command
    }

    /// Runs a command for this broker to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.command(args), b"")
    }

    /// The same, with input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        run(self.command(args), input)
    }

    /// The same, which must succeed; what it printed.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.errors);
        ran.text
    }

    /// The same, with input.
    pub(crate) fn publish(&self, args: &[&str], input: &[u8]) {
        let ran = self.run_with(args, input);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.errors);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill_now();
    }
}

/// `highwater serve` with data in `directory/data`; its log goes to `directory/broker.log`.
pub(crate) fn serve(directory: &Path, grpc: &str) -> Command {
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(directory.join("broker.log")).unwrap();
    let mut command = highwater(directory);
    command
        .args(["serve", "--grpc-listen", grpc, "--http-listen", "127.0.0.1:0", "--data-dir", "data"])
        .stdout(Stdio::piped())
        .stderr(log);
    command
}

pub(crate) fn log_of(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("broker.log")).unwrap_or_default()
}

pub(crate) fn send_signal(id: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    assert!(status.success(), "no process {id} to signal");
}

/// Waits for a process, and kills it where it takes too long.
pub(crate) fn wait_for(mut process: Child) -> ExitStatus {
    let id = process.id();
    let (done, ended) = mpsc::channel();
    let waiting = std::thread::spawn(move || done.send(process.wait().unwrap()).unwrap());
    let status = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        send_signal(id, "KILL");
        panic!("process {id} hung");
    });
    waiting.join().unwrap();
    status
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) errors: String,
}

impl Ran {
    /// Asserts that it failed with `code` and said all of `words`.
    pub(crate) fn assert_failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.errors.contains(word), "{word:?} not in {}", self.errors);
        }
    }
}

/// Runs a command to its end, with input.
pub(crate) fn run(command: Command, input: &[u8]) -> Ran {
    Running::start(command).finish(input)
}

/// A command under way.
pub(crate) struct Running {
    pub(crate) process: Child,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { process: command.spawn().unwrap() }
    }

    /// Its output, to be read while it runs.
    pub(crate) fn output(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.process.stdout.take().unwrap())
    }

    /// Gives it its input, unless a test holds that end, and takes its output until it has ended.
    pub(crate) fn finish(mut self, input: &[u8]) -> Ran {
        let stdin = self.process.stdin.take();
        let input = input.to_vec();
        // A command that ends before it has read everything is no failure here.
        let writing = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let output = reading(self.process.stdout.take());
        let errors = reading(self.process.stderr.take());
        let status = wait_for(self.process);
        drop(writing.join().unwrap());
        let (stdout, stderr) = (output.join().unwrap(), errors.join().unwrap());
        let output = Output { status, stdout, stderr };
        Ran {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }
}

fn reading(pipe: Option<impl std::io::Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        bytes
    })
}

/// One HTTP GET: status and body.
pub(crate) fn http_get(address: &str, path: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
