//! Where records come from: read in large pieces on a thread of its own, cut at line ends without copying.
//!
//! A piece is handed over as soon as it has whole lines, so that typed lines are sent when they are typed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::types::limits::PAYLOAD_BYTES_MAX;

/// What is read at once, in bytes.
const PIECE_BYTES: usize = 128 * 1024;

/// Chunks that wait to be sent. With those in flight, what bounds the memory of the command.
const CHUNKS_WAITING: usize = 4;

/// What records are made of.
#[derive(Debug)]
pub(super) enum Input {
    /// One record with this value.
    Single(Option<Bytes>),
    /// One record with the content of this file.
    WholeFile(PathBuf),
    /// A record a line, of this file or of standard input.
    Lines {
        /// None: standard input.
        file: Option<PathBuf>,
    },
}

/// A key and a value.
pub(super) type KeyValue = (Option<Bytes>, Option<Bytes>);

/// Some records, in the order of the input.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) records: Vec<KeyValue>,
    /// What ended the input behind these records before its end.
    pub(super) error: Option<String>,
}

/// Starts reading. The channel closes at the end of the input.
///
/// # Errors
/// If a file cannot be opened.
pub(super) fn read(input: Input, separator: Option<String>) -> anyhow::Result<mpsc::Receiver<Chunk>> {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    match input {
        Input::Single(value) => single(&sender, value),
        Input::WholeFile(path) => single(&sender, Some(whole(&path)?)),
        Input::Lines { file } => {
            let reader: Box<dyn Read + Send> = match file {
                Some(path) => Box::new(open(&path)?),
                None => Box::new(io::stdin()),
            };
            // Not one of the runtime's threads: those are waited for, and a terminal may never answer.
            std::thread::Builder::new()
                .name("input".to_owned())
                .spawn(move || Lines::new(reader, separator).send_to(&sender))?;
        }
    }
    Ok(receiver)
}

fn single(sender: &mpsc::Sender<Chunk>, value: Option<Bytes>) {
    // The channel is new and empty.
    let _ = sender.try_send(Chunk { records: vec![(None, value)], error: None });
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

fn whole(path: &Path) -> anyhow::Result<Bytes> {
    let mut content = Vec::new();
    let bytes_max = crate::types::num::to_u64(PAYLOAD_BYTES_MAX);
    open(path)?
        .take(bytes_max + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(content.len() <= PAYLOAD_BYTES_MAX, "{} has more than {bytes_max} bytes", path.display());
    Ok(content.into())
}

struct Lines<R> {
    reader: R,
    separator: Option<String>,
    /// The beginning of a line whose end was not read yet.
    rest: BytesMut,
    line: u64,
}

impl<R: Read> Lines<R> {
    fn new(reader: R, separator: Option<String>) -> Lines<R> {
        Lines { reader, separator, rest: BytesMut::new(), line: 0 }
    }

    fn send_to(mut self, sender: &mpsc::Sender<Chunk>) {
        loop {
            let (chunk, is_end) = match self.next_chunk() {
                Ok(Some(chunk)) => (chunk, false),
                Ok(None) => (self.last_line(), true),
                Err(error) => {
                    let error = Some(format!("cannot read the input: {error}"));
                    (Chunk { records: Vec::new(), error }, true)
                }
            };
            let is_end = is_end || chunk.error.is_some();
            let is_nothing = chunk.records.is_empty() && chunk.error.is_none();
            if (!is_nothing && sender.blocking_send(chunk).is_err()) || is_end {
                return;
            }
        }
    }

    /// What one read gives; None at the end of the input.
    fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let kept = self.rest.len();
        self.rest.resize(kept + PIECE_BYTES, 0);
        let read = match self.rest.get_mut(kept..) {
            Some(space) => self.reader.read(space),
            None => Ok(0),
        };
        self.rest.truncate(kept + read.as_ref().map_or(0, |read| *read));
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Some(Chunk::default())),
            Err(error) => return Err(error),
        }
        let mut chunk = Chunk::default();
        let fresh = self.rest.get(kept..).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', fresh) {
            let whole_lines = self.rest.split_to(kept + last + 1).freeze();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', &whole_lines) {
                self.add(&mut chunk, whole_lines.slice(start..end));
                start = end + 1;
                if chunk.error.is_some() {
                    return Ok(Some(chunk));
                }
            }
        }
        if self.rest.len() > PAYLOAD_BYTES_MAX {
            let line = self.line + 1;
            chunk.error = Some(format!("line {line} has more than {PAYLOAD_BYTES_MAX} bytes"));
        }
        Ok(Some(chunk))
    }

    /// What stands behind the last line end, if anything.
    fn last_line(&mut self) -> Chunk {
        let mut chunk = Chunk::default();
        if !self.rest.is_empty() {
            let line = self.rest.split().freeze();
            self.add(&mut chunk, line);
        }
        chunk
    }

    fn add(&mut self, chunk: &mut Chunk, line: Bytes) {
        self.line += 1;
        let Some(separator) = &self.separator else {
            chunk.records.push((None, Some(line)));
            return;
        };
        match memchr::memmem::find(&line, separator.as_bytes()) {
            Some(at) => {
                let value = line.slice(at + separator.len()..);
                chunk.records.push((Some(line.slice(..at)), Some(value)));
            }
            None => chunk.error = Some(format!("line {} has no separator {separator:?}", self.line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one a read.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buf[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn chunks(pieces: &[&'static [u8]], separator: Option<&str>) -> Vec<Chunk> {
        let (sender, mut receiver) = mpsc::channel(100);
        Lines::new(Pieces(pieces.to_vec()), separator.map(str::to_owned)).send_to(&sender);
        drop(sender);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    fn values(chunks: &[Chunk]) -> Vec<&[u8]> {
        let records = chunks.iter().flat_map(|chunk| &chunk.records);
        records.map(|(_, value)| value.as_deref().unwrap()).collect()
    }

    #[test]
    fn lines_are_cut_wherever_reads_end() {
        let read = chunks(&[b"a\nb", b"c", b"\n\nd\r\n", b"last"], None);
        assert_eq!(values(&read), [b"a".as_slice(), b"bc", b"", b"d\r", b"last"]);
    }

    #[test]
    fn a_typed_line_is_handed_over_at_once() {
        assert_eq!(chunks(&[b"one\n", b"two\n"], None).len(), 2);
    }

    #[test]
    fn a_final_line_end_makes_no_empty_record() {
        assert_eq!(values(&chunks(&[b"a\n"], None)).len(), 1);
        assert!(chunks(&[], None).is_empty());
    }

    #[test]
    fn keys_stand_before_the_first_separator() {
        let read = chunks(&[b"k::v::w\n"], Some("::"));
        assert_eq!(read[0].records, [(Some("k".into()), Some("v::w".into()))]);
    }

    #[test]
    fn a_line_without_separator_ends_the_input_with_its_number() {
        let read = chunks(&[b"k=1\nnothing\nk=2\n"], Some("="));
        assert_eq!(values(&read), [b"1"]);
        assert_eq!(read[0].error.as_deref(), Some("line 2 has no separator \"=\""));
    }
}
