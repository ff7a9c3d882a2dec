//! What became of the records: the account that `produce` gives at its end.

use std::io::Write as _;

use serde_json::json;

use super::Sent;
use crate::client::messages::PublishResponse;
use crate::client::{ClientError, Failure, Outcome};

/// Refused records that are named one by one; the rest is counted.
const NAMED_MAX: u64 = 10;

/// Counts by outcome. Sequences count from 0, lines from 1.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    refused: u64,
    unknown: u64,
    /// The first record that a resumed run must send: it was not acknowledged, and may be with the next try.
    first_to_resume: Option<u64>,
    last_acknowledged: Option<u64>,
    /// Why sending on makes no sense.
    hopeless: Option<ClientError>,
    /// Why the stream ended, if not as it should.
    stream_error: Option<ClientError>,
    input_error: Option<String>,
    whole_input: bool,
}

impl Tally {
    pub(super) fn count(&mut self, outcome: Outcome<PublishResponse>) {
        let sequence = outcome.sequence;
        match outcome.result {
            Ok(_) => {
                self.acknowledged += 1;
                self.last_acknowledged = self.last_acknowledged.max(Some(sequence));
            }
            Err(Failure::Refused(error)) => {
                self.refused += 1;
                if self.refused <= NAMED_MAX {
                    eprintln!("line {} refused: {error}", sequence + 1);
                }
                if !is_about_the_record(&error) {
                    self.resume_from(sequence);
                    self.hopeless.get_or_insert(error);
                }
            }
            Err(Failure::Unknown(error)) => {
                self.unknown += 1;
                self.resume_from(sequence);
                self.hopeless.get_or_insert(error);
            }
        }
    }

    fn resume_from(&mut self, sequence: u64) {
        self.first_to_resume = Some(self.first_to_resume.map_or(sequence, |first| first.min(sequence)));
    }

    /// Whether the records to come would fare like the last one.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.hopeless.is_some()
    }

    pub(super) fn ended_with(&mut self, error: Option<&ClientError>) {
        self.stream_error = error.cloned();
    }

    pub(super) fn finish(&mut self, sent: &Sent) {
        self.input_error.clone_from(&sent.input_error);
        self.whole_input = sent.whole_input;
    }

    /// Nobody waits any longer: of the `sent` records, those without an answer may or may not be in the log. They
    /// are where a resumed run begins, even when all the input was sent.
    pub(super) fn interrupt(&mut self, sent: u64) {
        let answered = self.answered();
        let unanswered = sent.saturating_sub(answered);
        if unanswered > 0 {
            self.resume_from(answered);
            self.unknown += unanswered;
        }
    }

    const fn answered(&self) -> u64 {
        self.acknowledged + self.refused + self.unknown
    }

    /// Whether all that was given was acknowledged.
    pub(super) const fn is_complete(&self) -> bool {
        self.whole_input && self.refused == 0 && self.unknown == 0
    }

    /// The line to go on with, where the input was not sent to its end.
    fn resume_line(&self) -> Option<u64> {
        if self.whole_input && self.unknown == 0 && self.hopeless.is_none() {
            return None;
        }
        Some(self.first_to_resume.unwrap_or(self.answered()) + 1)
    }

    /// Says it: figures and advice for people on standard error, or JSON on standard output.
    pub(super) fn report(&self, topic: &str, lines: bool, as_json: bool) -> anyhow::Result<()> {
        let resume_line = self.resume_line().filter(|_| lines);
        // A stream that broke when everything had its acknowledgement is nobody's concern.
        let stream_error = self.stream_error.as_ref().filter(|_| !self.is_complete());
        if as_json {
            let error = stream_error.or(self.hopeless.as_ref()).map(ToString::to_string);
            let figures = json!({
                "acknowledged": self.acknowledged, "refused": self.refused, "unknown": self.unknown,
                "resume_line": resume_line, "error": error.or_else(|| self.input_error.clone()),
            });
            writeln!(std::io::stdout().lock(), "{figures}")?;
        }
        if let Some(error) = stream_error {
            eprintln!("error: the connection to the broker is lost: {error}");
        } else if let Some(error) = self.hopeless.as_ref().filter(|_| self.unknown > 0) {
            eprintln!("error: {error}");
        }
        if let Some(error) = &self.input_error {
            eprintln!("error: {error}");
        }
        if !as_json {
            eprintln!("{} records acknowledged", self.acknowledged);
            if self.refused > 0 {
                eprintln!("{} records refused", self.refused);
            }
            if self.unknown > 0 {
                eprintln!(
                    "{} records have an unknown outcome: they may or may not be in the log",
                    self.unknown
                );
            }
        }
        if let Some(line) = resume_line {
            eprintln!("resume with line {line}: tail -n +{line} FILE | highwater produce {topic}");
            if self.last_acknowledged.is_some_and(|last| last >= line) {
                eprintln!("records behind it that were acknowledged will then be there twice");
            }
        }
        Ok(())
    }
}

/// Whether an error concerns this record and not those behind it.
fn is_about_the_record(error: &ClientError) -> bool {
    const REASONS: [&str; 4] =
        ["RECORD_TOO_LARGE", "TOO_MANY_HEADERS", "TIMESTAMP_TOO_FAR_AHEAD", "MALFORMED_RECORD_SET"];
    REASONS.contains(&error.reason.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tonic::Code;

    use super::*;

    fn outcome(sequence: u64, failure: Option<Failure>) -> Outcome<PublishResponse> {
        Outcome { sequence, result: failure.map_or(Ok(PublishResponse::default()), Err) }
    }

    fn error(code: Code, reason: &str) -> ClientError {
        let (reason, message) = (reason.to_owned(), "no".to_owned());
        ClientError { code, reason, message, metadata: BTreeMap::new() }
    }

    #[test]
    fn a_record_too_large_does_not_hold_up_the_others() {
        let mut tally = Tally::default();
        tally.count(outcome(0, None));
        let too_large = error(Code::InvalidArgument, "RECORD_TOO_LARGE");
        tally.count(outcome(1, Some(Failure::Refused(too_large))));
        tally.count(outcome(2, None));
        assert!(!tally.is_hopeless());
        tally.finish(&Sent { input_error: None, whole_input: true });
        assert!(!tally.is_complete());
        assert_eq!(tally.resume_line(), None, "sending it again would not help");
    }

    #[test]
    fn resuming_begins_with_the_first_record_that_has_no_acknowledgement() {
        let mut tally = Tally::default();
        tally.count(outcome(0, None));
        tally.count(outcome(2, None));
        let lost = error(Code::Unavailable, "");
        tally.count(outcome(1, Some(Failure::Unknown(lost.clone()))));
        tally.count(outcome(3, Some(Failure::Unknown(lost))));
        tally.finish(&Sent::cut_off());
        assert_eq!((tally.acknowledged, tally.unknown, tally.resume_line()), (2, 2, Some(2)));
    }

    #[test]
    fn a_stream_that_breaks_behind_the_last_acknowledgement_has_done_its_work() {
        let mut tally = Tally::default();
        tally.count(outcome(0, None));
        tally.ended_with(Some(&error(Code::Unavailable, "")));
        tally.finish(&Sent { input_error: None, whole_input: true });
        assert!(tally.is_complete());
        assert_eq!(tally.resume_line(), None);
    }

    #[test]
    fn an_idle_stream_that_breaks_resumes_behind_the_last_answer() {
        let mut tally = Tally::default();
        tally.count(outcome(0, None));
        tally.ended_with(Some(&error(Code::Unavailable, "")));
        tally.finish(&Sent::cut_off());
        assert_eq!(tally.resume_line(), Some(2));
        assert!(!tally.is_complete());
    }

    #[test]
    fn an_interrupt_leaves_what_was_sent_and_not_answered_unknown() {
        let mut tally = Tally::default();
        tally.count(outcome(0, None));
        tally.count(outcome(1, None));
        tally.finish(&Sent::cut_off());
        tally.interrupt(5);
        assert_eq!((tally.acknowledged, tally.unknown, tally.resume_line()), (2, 3, Some(3)));
    }

    #[test]
    fn an_interrupt_behind_the_end_of_the_input_resumes_only_where_answers_are_missing() {
        for (sent, resume_line) in [(2, Some(2)), (1, None)] {
            let mut tally = Tally::default();
            tally.count(outcome(0, None));
            tally.finish(&Sent { input_error: None, whole_input: true });
            tally.interrupt(sent);
            assert_eq!((tally.is_complete(), tally.resume_line()), (sent == 1, resume_line));
        }
    }
}
