//! Records onto standard output.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum;

use super::super::json::{self, Place};
use crate::client::messages::Record;

/// What is collected before it is written, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// How a record is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The value and a line end.
    Value,
    /// An object a line.
    Json,
    /// The value and nothing else.
    Raw,
}

/// Prints records until it has printed as many as it was told.
#[derive(Debug)]
pub(super) struct Printer<W: Write> {
    out: BufWriter<W>,
    format: Format,
    left: Option<u64>,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W, format: Format, count_max: Option<u64>) -> Printer<W> {
        Printer { out: BufWriter::with_capacity(BUFFER_BYTES, out), format, left: count_max }
    }

    /// Whether nothing more is to be printed.
    pub(super) fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    pub(super) fn print(
        &mut self,
        topic: &str,
        partition: u32,
        offset: u64,
        time_ms: i64,
        record: &Record,
    ) -> io::Result<()> {
        let value = record.value.as_deref().unwrap_or_default();
        match self.format {
            Format::Value => {
                self.out.write_all(value)?;
                self.out.write_all(b"\n")?;
            }
            Format::Raw => self.out.write_all(value)?,
            Format::Json => {
                json::write_record(&mut self.out, Place { topic, partition, offset, time_ms }, record)?;
            }
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
