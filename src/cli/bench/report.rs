//! Figures of a benchmark, for people and for programs.

use std::io::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::workload::Workload;

/// One timed run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// 10^6 bytes of record values a second.
    mb_per_s: f64,
    records_per_s: f64,
}

impl Run {
    #[expect(
        clippy::as_conversions,
        reason = "figures for people: the rounding of large counts is no matter"
    )]
    pub(super) fn of(workload: &Workload, elapsed: Duration) -> Run {
        let seconds = elapsed.as_secs_f64().max(1e-9);
        let records = workload.batches as f64 * f64::from(workload.records_per_batch);
        Run { mb_per_s: workload.total_bytes() as f64 / 1e6 / seconds, records_per_s: records / seconds }
    }
}

/// The runs of the broker, and of what it is measured beside.
#[derive(Debug)]
pub(super) struct Report {
    name: &'static str,
    broker_name: &'static str,
    baseline_name: &'static str,
    pub(super) broker: Vec<Run>,
    pub(super) baseline: Vec<Run>,
}

impl Report {
    pub(super) const fn new(
        name: &'static str,
        broker_name: &'static str,
        baseline_name: &'static str,
    ) -> Report {
        Report { name, broker_name, baseline_name, broker: Vec::new(), baseline: Vec::new() }
    }

    pub(super) fn print(&self, workload: &Workload, as_json: bool) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if as_json { writeln!(out, "{}", self.json(workload)) } else { self.table(workload, &mut out) }
    }

    fn json(&self, workload: &Workload) -> serde_json::Value {
        let runs = |runs: &[Run]| runs.iter().map(|run| run.mb_per_s).collect::<Vec<_>>();
        json!({
            "bench": self.name,
            "unit": "MB/s, MB = 10^6 bytes of record values",
            "record_bytes": workload.record_bytes,
            "records_per_batch": workload.records_per_batch,
            "batch_bytes": workload.batch_bytes(),
            "total_bytes": workload.total_bytes(),
            "in_flight_batches": workload.in_flight,
            "broker": {"what": self.broker_name, "mb_per_s": runs(&self.broker),
                "median_mb_per_s": median(&self.broker).mb_per_s,
                "median_records_per_s": median(&self.broker).records_per_s},
            "plain": {"what": self.baseline_name, "mb_per_s": runs(&self.baseline),
                "median_mb_per_s": median(&self.baseline).mb_per_s},
        })
    }

    fn table(&self, workload: &Workload, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(
            out,
            "{}: {} bytes a run, records of {} bytes, batches of {} bytes, {} in flight",
            self.name,
            workload.total_bytes(),
            workload.record_bytes,
            workload.batch_bytes(),
            workload.in_flight,
        )?;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["MB/s (10^6 bytes)", "median", "lowest", "highest", "records/s"]);
        for (name, runs) in [(self.broker_name, &self.broker), (self.baseline_name, &self.baseline)] {
            let (low, high) = extremes(runs);
            let middle = median(runs);
            table.add_row([
                name.to_owned(),
                format!("{:.1}", middle.mb_per_s),
                format!("{low:.1}"),
                format!("{high:.1}"),
                format!("{:.0}", middle.records_per_s),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")?;
        let share = median(&self.broker).mb_per_s / median(&self.baseline).mb_per_s;
        writeln!(out, "the broker reaches {:.0}% of {}", share * 100.0, self.baseline_name)
    }
}

fn median(runs: &[Run]) -> Run {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.mb_per_s.total_cmp(&b.mb_per_s));
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(Run { mb_per_s: 0.0, records_per_s: 0.0 })
}

fn extremes(runs: &[Run]) -> (f64, f64) {
    let figures = runs.iter().map(|run| run.mb_per_s);
    (figures.clone().fold(f64::INFINITY, f64::min), figures.fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megabytes_are_millions_of_bytes() {
        let workload = Workload::new(1000, 1000, 5_000_000, 1);
        let run = Run::of(&workload, Duration::from_secs(2));
        assert_eq!(run, Run { mb_per_s: 2.5, records_per_s: 2500.0 });
    }

    #[test]
    fn the_median_is_not_moved_by_an_outlier() {
        let runs = [9.0, 1.0, 1000.0].map(|mb_per_s| Run { mb_per_s, records_per_s: 0.0 });
        assert_eq!(median(&runs).mb_per_s, 9.0);
        assert_eq!(extremes(&runs), (1.0, 1000.0));
    }
}
