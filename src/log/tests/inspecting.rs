//! The offline tools' view: `inspect` finds what is wrong, changes nothing, and agrees with recovery.

use super::support::*;
use crate::log::{OnUnknownEnd, inspect, layout};
use crate::types::Offset;

fn filled() -> crate::disk::simulated::SimulatedDisk {
    let disk = disk_with_log();
    let mut log = open(&disk);
    for seed in 0..60 {
        append(&mut log, seed, 2, 150);
    }
    log.close().unwrap();
    disk
}

fn look(disk: &crate::disk::simulated::SimulatedDisk) -> crate::log::Inspection {
    inspect(disk, &directory(), None, &mut |_, _, _| {}).unwrap()
}

#[test]
fn a_sound_log_has_no_findings_and_every_frame_is_shown() {
    let disk = filled();
    let mut records = 0;
    let found = inspect(&disk, &directory(), Some(IDENTITY), &mut |_, header, payload| {
        records += header.record_count;
        assert_eq!(payload.len(), header.payload_len as usize);
    })
    .unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!(records, 120);
    assert_eq!(found.identity, Some(IDENTITY));
    assert_eq!(found.segments.last().unwrap().offsets.end, Offset(120));
}

#[test]
fn looking_changes_nothing() {
    let disk = filled();
    let path = &segment_files(&disk)[0];
    disk.flip_bit(path, 1500 * 8);
    disk.flip_bit(&directory().join("checkpoint.0"), 100);
    let before: Vec<_> = disk.paths().iter().map(|path| (path.clone(), disk.read_all(path))).collect();
    assert!(!look(&disk).is_sound());
    let after: Vec<_> = disk.paths().iter().map(|path| (path.clone(), disk.read_all(path))).collect();
    assert_eq!(before, after);
}

#[test]
fn damage_in_a_sealed_segment_is_named_by_its_offsets() {
    let disk = filled();
    disk.flip_bit(&segment_files(&disk)[0], 1500 * 8);
    let found = look(&disk);
    assert_eq!(found.damaged.len(), 1, "{found:?}");
    assert!(found.damaged[0].offsets.first < Offset(6));
}

#[test]
fn a_missing_file_is_named_by_its_offsets() {
    let disk = filled();
    let files = segment_files(&disk);
    disk.remove_raw(&files[1]);
    let found = look(&disk);
    let name = files[1].file_name().unwrap().to_str().unwrap();
    assert_eq!(found.damaged.len(), 1);
    assert_eq!(Some(found.damaged[0].offsets.first), layout::parse_segment_name(name));
}

#[test]
fn repair_goes_on_at_an_offset_that_was_never_given_out() {
    let disk = filled();
    let head = segment_files(&disk).pop().unwrap();
    disk.truncate_raw(&head, 1200);
    let opened = open_with(&disk, small_config()).unwrap();
    assert!(opened.report.end_unknown.is_some());
    let mut log = opened.log;
    assert!(matches!(log.append(&[batch(1, 1, 8)], 0), Err(crate::log::AppendError::EndUnknown)));
    assert!(!log.reader().info().is_writable);
    drop(log);

    let shared = std::sync::Arc::new(disk.clone());
    let repaired =
        crate::log::Log::open(shared, &directory(), IDENTITY, small_config(), OnUnknownEnd::Accept).unwrap();
    let mut log = repaired.log;
    let base = append(&mut log, 77, 1, 20);
    assert!(base >= Offset(120));
    drop(log);
    let mut log = open(&disk);
    assert_eq!(read_from(&log.reader(), base).unwrap().len(), 1);
    append(&mut log, 78, 1, 20);
}
