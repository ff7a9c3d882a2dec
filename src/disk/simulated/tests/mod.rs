//! The simulation is what every crash test stands on, so it is tested like the thing itself.

mod faults;
#[cfg(target_os = "linux")] // its errors are the ones to compare with
mod likeness;
mod names;
mod power_cut;

use std::collections::BTreeSet;
use std::io::{ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::disk::{read_exact_at, write_all_at};
use crate::types::FilePosition;

const DIR: &str = "/data";

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn disk() -> SimulatedDisk {
    SimulatedDisk::with_directory(Path::new(DIR))
}

fn create(disk: &SimulatedDisk, name: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.create_new(&path(name)).unwrap();
    write(&*file, 0, bytes);
    file
}

fn write(file: &dyn DiskFile, at: u64, bytes: &[u8]) {
    write_all_at(file, &mut [IoSlice::new(bytes)], FilePosition(at)).unwrap();
}

/// A file whose bytes and name are durable.
fn create_durable(disk: &SimulatedDisk, name: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = create(disk, name, bytes);
    file.sync().unwrap();
    disk.sync_dir(Path::new(DIR)).unwrap();
    file
}

/// What can be found under a name after a power cut, over many seeds; None where the file is gone.
fn survivors(disk: &SimulatedDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let disk = disk.after_power_cut(seed);
        disk.exists(&path(name)).then(|| disk.read_all(&path(name)))
    };
    (0..300).map(outcome).collect()
}

#[test]
fn behaves_like_a_file_system_while_nothing_fails() {
    let disk = disk();
    let file = create(&disk, "file", b"abcdef");
    assert_eq!(disk.create_new(&path("file")).unwrap_err().kind(), ErrorKind::AlreadyExists);
    write(&*file, 8, b"i");
    file.set_len(12).unwrap();
    let reader = disk.open(&path("file"), Access::Read).unwrap();
    assert_eq!(
        reader.write_at(&[IoSlice::new(b"x")], FilePosition::ZERO).unwrap_err().raw_os_error(),
        Some(9)
    );
    assert!(reader.set_len(0).is_err());
    let mut bytes = [0xff; 12];
    read_exact_at(&*reader, &mut bytes, FilePosition::ZERO).unwrap();
    assert_eq!(&bytes, b"abcdef\0\0i\0\0\0");
    assert_eq!(&*reader.map().unwrap(), &bytes);
    assert_eq!(reader.read_at(&mut bytes, FilePosition(12)).unwrap(), 0);
    assert_eq!(reader.read_cached_at(&mut bytes[..3], FilePosition(1)).unwrap(), Some(3));
    file.set_len(3).unwrap();
    assert_eq!(reader.len().unwrap(), 3);
    assert!(!reader.is_empty().unwrap());
}

#[test]
fn a_lock_excludes_others_until_it_is_dropped_or_the_process_dies() {
    let disk = disk();
    let lock = disk.lock(&path("lock")).unwrap();
    assert_eq!(disk.lock(&path("lock")).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(disk.after_process_crash().lock(&path("lock")).is_ok());
    drop(lock);
    assert!(disk.lock(&path("lock")).is_ok());
}

#[test]
fn operations_are_counted_by_kind_and_told_by_name() {
    let disk = disk();
    assert_eq!(disk.operations(OperationFilter::Any), 0);
    let file = create(&disk, "file", b"abc");
    file.sync().unwrap();
    file.len().unwrap();
    disk.open(&path("file"), Access::Read).unwrap();
    assert_eq!(disk.operations(OperationFilter::Any), 5);
    assert_eq!(disk.operations(OperationFilter::Mutating), 3);
    assert_eq!(disk.operations(OperationFilter::Kind(OperationKind::Read)), 1);
    assert_eq!(disk.operation_log()[1], (OperationKind::Write, path("file")));
}

#[test]
fn raw_damage_is_seen_by_readers_and_survives_a_power_cut() {
    let disk = disk();
    let file = create(&disk, "file", b"abcdef");
    file.sync().unwrap();
    write(&*file, 0, b"?");
    write(&*file, 0, b"A");
    disk.overwrite(&path("file"), 2, b"XY");
    disk.flip_bit(&path("file"), 8 * 5);
    assert_eq!(disk.read_all(&path("file")), b"AbXYeg");
    assert_eq!(disk.durable_bytes(&path("file")), b"abXYeg");
    disk.sync_dir(Path::new(DIR)).unwrap();
    let damaged = survivors(&disk, "file");
    assert!(damaged.iter().flatten().all(|bytes| bytes.ends_with(b"bXYeg")), "{damaged:?}");
    disk.truncate_raw(&path("file"), 5);
    disk.copy_raw(&path("file"), &path("copy"));
    disk.put_raw(&path("file"), b"new");
    assert_eq!(disk.paths(), [path("copy"), path("file")]);
    disk.remove_raw(&path("file"));
    for seed in 0..20 {
        let after = disk.after_power_cut(seed);
        assert_eq!(after.paths(), [path("copy")]);
        assert_eq!(after.read_all(&path("copy")), b"AbXYe");
    }
}
