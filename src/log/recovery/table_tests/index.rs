//! The column of the index: derived, never trusted, always rebuildable.

use super::*;

fn index() -> PathBuf {
    index_path(&directory(), SEALED)
}

fn is_rebuilt(wound: impl FnOnce(&SimulatedDisk)) {
    let disk = log_at_rest();
    let sound = disk.read_all(&index());
    wound(&disk);
    let damaged = disk.read_all(&index());
    goes_on(&disk, BATCHES, 0..0);
    assert_eq!(disk.read_all(&index()), sound);
    let quarantine = directory().join("quarantine").join("00000000000000000009.index.0");
    assert_eq!(disk.read_all(&quarantine), damaged, "what was damaged is kept");
}

#[test]
fn valid_is_mapped() {
    let disk = log_at_rest();
    let writes_before = disk.read_all(&index());
    goes_on(&disk, BATCHES, 0..0);
    assert_eq!((disk.read_all(&index()), quarantined(&disk)), (writes_before, 0));
}

#[test]
fn missing_is_rebuilt() {
    let disk = log_at_rest();
    let sound = disk.read_all(&index());
    disk.remove_raw(&index());
    goes_on(&disk, BATCHES, 0..0);
    assert_eq!(disk.read_all(&index()), sound);
}

#[test]
fn zeros_are_set_aside_and_rebuilt() {
    is_rebuilt(|disk| disk.overwrite(&index(), 0, &vec![0; disk.read_all(&index()).len()]));
}

#[test]
fn torn_is_set_aside_and_rebuilt() {
    is_rebuilt(|disk| disk.truncate_raw(&index(), 30));
    is_rebuilt(|disk| disk.truncate_raw(&index(), 0));
}

#[test]
fn corrupt_is_set_aside_and_rebuilt() {
    is_rebuilt(|disk| disk.flip_bit(&index(), 40 * 8));
    is_rebuilt(|disk| disk.put_raw(&index(), &disk.read_all(&index_path(&directory(), Offset(0)))));
}

#[test]
fn unknown_version_is_set_aside_and_rebuilt() {
    is_rebuilt(|disk| make_newer(disk, &index()));
}

#[test]
fn io_error_fails_the_read_and_nothing_else() {
    let disk = log_at_rest();
    let log = open_table(&disk).unwrap().log;
    let reads = OperationFilter::Kind(OperationKind::Read);
    disk.fail(FaultPlan::for_good(reads, 0, Fault::Io).on_names_ending("09.index"));
    let read = log.reader().read(&mut ReadCursor::at(Offset(12)), 1, Residency::MayBlock);
    assert!(matches!(read, Err(ReadError::Io(_))), "{read:?}");
    assert!(log.reader().read(&mut ReadCursor::at(Offset(3)), 1, Residency::MayBlock).is_ok());
    disk.clear_faults();
    check(&log, BATCHES, 0..0);
    drop(log);
    goes_on(&disk, BATCHES, 0..0);
    assert_eq!(quarantined(&disk), 0, "it could not be read; that does not make it damaged");
}
