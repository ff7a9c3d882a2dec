//! Topics in files, through crashes, damage and failing disks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::disk::simulated::{CrashPoint, Fault, FaultPlan, OperationFilter, SimulatedDisk};
use crate::disk::{Access, Disk, replace_file};
use crate::types::{FilePosition, LogConfig, ManualClock, NewBatch, Offset, TopicConfig, TopicId};

const ROOT: &str = "/data";

fn storage_on(disk: &SimulatedDisk) -> Result<FileStorage, DirectoryError> {
    let log = LogConfig { write_ahead_bytes_max: 0, ..LogConfig::default() };
    let config = FileStorageConfig { log, open_threads: 1 };
    FileStorage::open(Arc::new(disk.clone()), Path::new(ROOT), config, Arc::new(ManualClock::new(1)))
}

fn storage(disk: &SimulatedDisk) -> FileStorage {
    storage_on(disk).unwrap()
}

fn meta(name: &str, partitions: u32) -> TopicMeta {
    let config = TopicConfig::default();
    TopicMeta { name: TopicName::parse(name).unwrap(), id: TopicId::random(), partitions, config }
}

fn open_all(storage: &FileStorage) -> Vec<FoundTopic> {
    let mut found = storage.open_all(&mut |_, _| {}).unwrap();
    found.sort_by_key(|topic| match topic {
        FoundTopic::Known { meta, .. } => meta.name.clone(),
        FoundTopic::Damaged { name } | FoundTopic::Failed { name } => name.clone(),
    });
    found
}

/// What was found, in short.
fn summary(found: &[FoundTopic]) -> Vec<String> {
    found
        .iter()
        .map(|topic| match topic {
            FoundTopic::Known { meta, stores } => {
                let states: Vec<_> = stores.iter().map(|store| store.as_ref().err()).collect();
                format!("{} {:?}", meta.name, states.into_iter().flatten().collect::<Vec<_>>())
            }
            FoundTopic::Damaged { name } => format!("{name} damaged"),
            FoundTopic::Failed { name } => format!("{name} failed"),
        })
        .collect()
}

fn garble(disk: &SimulatedDisk, path: &str) {
    let path = PathBuf::from(ROOT).join(path);
    assert!(disk.open(&path, Access::Read).is_ok(), "{path:?} is there to be damaged");
    replace_file(disk, &path, b"garbage").unwrap();
}

fn append(store: &mut dyn PartitionStore, value: &'static [u8]) {
    let payload = [&[0x0a, 2 + value.len() as u8, 0x12, value.len() as u8], value].concat();
    let batch = NewBatch {
        payload: vec![payload.into()],
        record_count: 1,
        max_timestamp_ms: None,
        has_untimed_records: true,
        timestamp_type: crate::types::TimestampType::CreateTime,
    };
    store.append(&[batch], 5).unwrap();
    store.sync().unwrap();
}

#[test]
fn topics_and_their_records_are_found_again() {
    let disk = SimulatedDisk::new();
    let first = storage(&disk);
    let (orders, events) = (meta("orders", 3), meta("events", 1));
    let mut stores = first.create(&orders).unwrap();
    first.create(&events).unwrap();
    append(&mut *stores[1], b"a");
    drop((stores, first));

    let second = storage(&disk.after_power_cut(7));
    let found = open_all(&second);
    assert_eq!(summary(&found), ["events []", "orders []"]);
    let FoundTopic::Known { meta, stores } = &found[1] else { panic!("known") };
    assert_eq!(meta.id, orders.id);
    let next: Vec<_> = stores.iter().map(|store| store.as_ref().unwrap().next_offset()).collect();
    assert_eq!(next, [Offset(0), Offset(1), Offset(0)]);
}

#[test]
fn the_broker_keeps_its_id_and_its_lock() {
    let disk = SimulatedDisk::new();
    let first = storage(&disk);
    let error = storage_on(&disk).err().unwrap();
    assert!(matches!(error, DirectoryError::InUse(_)), "{error}");
    let id = first.broker_id();
    drop(first);
    assert_eq!(storage(&disk).broker_id(), id);
}

#[test]
fn damage_to_one_copy_is_mended_and_to_both_is_never_taken_for_nothing() {
    let disk = SimulatedDisk::new();
    let first = storage(&disk);
    let id = first.broker_id();
    for name in ["a", "b", "c"] {
        first.create(&meta(name, 2)).unwrap();
    }
    drop(first);
    garble(&disk, "broker.0");
    garble(&disk, "topics/a/topic.1");
    garble(&disk, "topics/b/topic.0");
    garble(&disk, "topics/b/topic.1");
    for file in ["checkpoint.0", "checkpoint.1", "00000000000000000000.log"] {
        disk.remove_file(&Path::new(ROOT).join("topics/c/1").join(file)).unwrap();
    }

    let second = storage(&disk);
    assert_eq!(second.broker_id(), id);
    for _ in 0..2 {
        let expected = ["a []".to_owned(), "b damaged".to_owned(), "c [Damaged]".to_owned()];
        assert_eq!(summary(&open_all(&second)), expected);
    }
    second.delete(&TopicName::parse("b").unwrap()).unwrap();
    assert_eq!(summary(&open_all(&second)).len(), 2);
    drop(second);

    garble(&disk, "broker.0");
    garble(&disk, "broker.1");
    let error = storage_on(&disk).err().unwrap();
    assert!(matches!(error, DirectoryError::IdentityLost { what: "damaged", .. }), "{error}");
    for copy in ["broker.0", "broker.1"] {
        disk.remove_file(&Path::new(ROOT).join(copy)).unwrap();
    }
    let error = storage_on(&disk).err().unwrap();
    assert!(matches!(error, DirectoryError::IdentityLost { what: "missing", .. }), "{error}");
}

#[test]
fn metadata_of_another_topic_is_damage() {
    let disk = SimulatedDisk::new();
    let first = storage(&disk);
    first.create(&meta("a", 1)).unwrap();
    first.create(&meta("b", 1)).unwrap();
    for copy in ["topic.0", "topic.1"] {
        let [from, to] = ["a", "b"].map(|name| Path::new(ROOT).join("topics").join(name).join(copy));
        let file = disk.open(&from, Access::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(&mut bytes, FilePosition::ZERO).unwrap();
        replace_file(&disk, &to, &bytes).unwrap();
    }
    assert_eq!(summary(&open_all(&first)), ["a []", "b damaged"]);
}

#[test]
fn a_directory_of_a_newer_version_is_refused_with_both_versions() {
    let disk = SimulatedDisk::new();
    drop(storage(&disk));
    for copy in ["broker.0", "broker.1"] {
        let bytes = crate::codec::envelope::seal(*b"HWBROKER", crate::codec::FORMAT_VERSION + 1, b"?");
        replace_file(&disk, &Path::new(ROOT).join(copy), &bytes).unwrap();
    }
    let error = storage_on(&disk).err().unwrap();
    assert!(matches!(error, DirectoryError::NewerVersion { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn a_full_or_failing_disk_makes_no_topic_and_keeps_the_name_free() {
    let disk = SimulatedDisk::new();
    let first = storage(&disk);
    disk.set_capacity(Some(2_000));
    assert_eq!(first.create(&meta("t", 50)).err(), Some(CreateFailure::DiskFull));
    disk.set_capacity(None);
    assert_eq!(open_all(&first).len(), 0);
    first.create(&meta("t", 2)).unwrap();
    assert_eq!(summary(&open_all(&first)), ["t []"]);
}

#[test]
fn a_creation_that_fails_at_any_operation_leaves_a_topic_whole_or_not_at_all() {
    for nth in 0.. {
        let disk = SimulatedDisk::new();
        let first = storage(&disk);
        disk.fail(FaultPlan::once(OperationFilter::Mutating, nth, Fault::Io));
        let created = first.create(&meta("t", 2)).map(drop);
        disk.clear_faults();
        drop(first);
        for seed in 0..8 {
            let found = summary(&open_all(&storage(&disk.after_power_cut(seed))));
            match created {
                Ok(()) => assert_eq!(found, ["t []"], "{nth} {seed}"),
                Err(CreateFailure::OutcomeUnknown) => {
                    assert!(found.is_empty() || found == ["t []"], "{nth} {seed}: {found:?}");
                }
                Err(_) => assert!(found.is_empty(), "{nth} {seed}: {found:?}"),
            }
        }
        if created.is_ok() {
            break;
        }
    }
}

/// Scenario S5: a crash anywhere in creation or deletion, and creation again under the same name.
#[test]
fn s5_a_crash_at_any_step_of_creation_and_deletion_leaves_a_topic_whole_or_not_at_all() {
    let name = TopicName::parse("t").unwrap();
    let script = |disk: &SimulatedDisk| -> Option<(bool, bool)> {
        let storage = storage_on(disk).ok()?;
        let created = storage.create(&meta("t", 2)).is_ok();
        let deleted = created && storage.delete(&name).is_ok();
        Some((created, deleted))
    };
    let mut at = 0;
    loop {
        let mut crashed = false;
        for point in [CrashPoint::Before(at), CrashPoint::During(at), CrashPoint::After(at)] {
            let disk = SimulatedDisk::new();
            disk.crash_at(point);
            let outcome = script(&disk);
            crashed = crashed || disk.is_crashed();
            for seed in 0..8 {
                let again = storage(&disk.after_power_cut(seed));
                let found = summary(&open_all(&again));
                let deleted = outcome == Some((true, true));
                assert!(found.is_empty() || (!deleted && found == ["t []"]), "{point:?} {seed}: {found:?}");
                if found.is_empty() {
                    again.create(&meta("t", 1)).unwrap();
                }
                assert_eq!(summary(&open_all(&again)), ["t []"], "{point:?} {seed}");
            }
        }
        // The first operations may go uncounted, hence the second condition.
        if !crashed && at > 0 {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "creation and deletion are more than {at} operations");
}
