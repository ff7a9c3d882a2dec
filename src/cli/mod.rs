//! The command line: parses, runs one command, and turns its outcome into an exit code.
//!
//! Commands for running brokers use only the client library; the offline tools use only the log.

mod bench;
mod config;
mod consume;
mod exit;
mod json;
mod log_tools;
mod produce;
mod serve;
mod time;
mod topic;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::client::Client;
use exit::Exit;

/// Where clients look for the broker if nobody says otherwise.
const DEFAULT_ADDR: &str = "127.0.0.1:50051";

/// A durable, log-structured message broker: acknowledged means synced.
#[derive(Debug, Parser)]
#[command(
    name = "highwater",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command, `highwater` serves, as `highwater serve` does.

A first walk:
  highwater serve --data-dir ./data          # in one terminal
  highwater produce greetings --msg hello    # in another
  highwater consume greetings --until end

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 damage found, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the broker.
    Serve(serve::ServeArgs),
    /// Publish records: a line of standard input each, or as the flags say.
    Produce(produce::ProduceArgs),
    /// Read records and print them.
    Consume(consume::ConsumeArgs),
    /// Create, list, describe, change and delete topics.
    #[command(subcommand)]
    Topic(topic::TopicCommand),
    /// Look at the files of a broker that is not running.
    #[command(subcommand)]
    Log(log_tools::LogCommand),
    /// Measure the broker beside the plain disk.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Check a configuration, or print the effective one.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// Where the broker is.
#[derive(Debug, Args)]
struct BrokerArgs {
    /// The broker's gRPC address, host:port.
    #[arg(long, env = "HIGHWATER_ADDR", default_value = DEFAULT_ADDR, value_name = "ADDR")]
    addr: String,
}

impl BrokerArgs {
    async fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&self.addr).await?)
    }
}

/// Runs the command that this process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Produce(args)) => in_runtime(produce::run(args)),
        Some(Command::Consume(args)) => in_runtime(interruptible(consume::run(args))),
        Some(Command::Topic(command)) => in_runtime(interruptible(topic::run(command))),
        Some(Command::Log(command)) => log_tools::run(&command),
        Some(Command::Bench(command)) => in_runtime(bench::run(command)),
        Some(Command::Config(command)) => config::run(&command),
    };
    exit::report(outcome)
}

fn in_runtime(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    // Tasks that still hold a connection are not waited for.
    runtime.shutdown_background();
    outcome
}

/// Ends the process at the first interrupt. From a task of its own: the command's may be blocked in writing to
/// a pipe that nobody reads.
async fn interruptible(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Interrupted.code());
        }
    });
    command.await
}
