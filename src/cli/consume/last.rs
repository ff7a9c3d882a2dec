//! The last N records of a whole topic: the last N of each partition, merged by append time.

use std::collections::BTreeMap;
use std::io::Write;

use super::print::Printer;
use crate::client::messages::{AtEnd, ReadRequest, Record, Start, Stop, start, stop};
use crate::client::{Client, ReadEvent, records_of};

/// Ordered by append time; within a partition by offset.
type Place = (i64, u32, u64);

/// Prints the last `count` records of `partitions`, and returns where reading goes on. Holds `count` records.
pub(super) async fn print(
    client: &Client,
    topic: &str,
    partitions: &[u32],
    count: u64,
    printer: &mut Printer<impl Write>,
) -> anyhow::Result<BTreeMap<u32, u64>> {
    let mut newest = Newest::new(count);
    let mut positions = BTreeMap::new();
    for partition in partitions {
        let next = read_tail(client, topic, *partition, count, &mut newest).await?;
        positions.insert(*partition, next);
    }
    for ((_, partition, offset), (time_ms, record)) in newest.records {
        if printer.is_full() {
            break;
        }
        printer.print(topic, partition, offset, time_ms, &record)?;
    }
    Ok(positions)
}

async fn read_tail(
    client: &Client,
    topic: &str,
    partition: u32,
    count: u64,
    newest: &mut Newest,
) -> anyhow::Result<u64> {
    let end = client.offsets(topic, partition, None).await?.high_watermark;
    let request = ReadRequest {
        topic: topic.to_owned(),
        partition,
        start: Some(Start { at: Some(start::At::LastN(count)) }),
        stop: Some(Stop { at: Some(stop::At::AtEnd(AtEnd {})) }),
        ..ReadRequest::default()
    };
    let mut next = end;
    let mut reader = client.read(request).await?;
    while let Some(event) = reader.next().await? {
        if let ReadEvent::Records(batch) = event {
            let append_time_ms = batch.append_time_ms;
            for (offset, time_ms, record) in records_of(batch) {
                next = next.max(offset + 1);
                newest.offer((append_time_ms, partition, offset), time_ms, record);
            }
        }
    }
    Ok(next)
}

/// The records with the highest places, at most as many as asked for.
struct Newest {
    count_max: u64,
    records: BTreeMap<Place, (i64, Record)>,
}

impl Newest {
    const fn new(count_max: u64) -> Newest {
        Newest { count_max, records: BTreeMap::new() }
    }

    fn offer(&mut self, place: Place, time_ms: i64, record: Record) {
        self.records.insert(place, (time_ms, record));
        if crate::types::num::to_u64(self.records.len()) > self.count_max {
            self.records.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_partitions_are_kept_in_order() {
        let mut newest = Newest::new(3);
        for (append_time_ms, partition, offset) in [(10, 0, 0), (30, 0, 1), (20, 1, 0), (20, 1, 1), (5, 2, 0)]
        {
            newest.offer((append_time_ms, partition, offset), append_time_ms, Record::default());
        }
        let places: Vec<Place> = newest.records.into_keys().collect();
        assert_eq!(places, [(20, 1, 0), (20, 1, 1), (30, 0, 1)]);
    }

    #[test]
    fn none_are_kept_where_none_are_asked_for() {
        let mut newest = Newest::new(0);
        newest.offer((1, 0, 0), 1, Record::default());
        assert!(newest.records.is_empty());
    }
}
