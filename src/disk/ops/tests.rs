//! What the helpers leave behind, whatever happens on the way.

use std::collections::BTreeSet;

use super::*;
use crate::disk::simulated::{
    CrashPoint, Fault, FaultPlan, OperationFilter, OperationKind, SimulatedDisk, is_simulated_crash,
};

const DIR: &str = "/data";
const SURVIVAL_SEEDS: u64 = 16;

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn disk() -> SimulatedDisk {
    SimulatedDisk::with_directory(Path::new(DIR))
}

/// Runs a scenario that crashes at every boundary, in every way, and hands each disk that may be found
/// afterwards, and whether the scenario had been told that it was done, to the check.
fn crash_everywhere(
    prepare: impl Fn(&SimulatedDisk),
    scenario: impl Fn(&SimulatedDisk) -> Result<(), DiskError>,
    check: impl Fn(&SimulatedDisk, bool),
) {
    let mut operations = 0;
    loop {
        let points = [CrashPoint::Before, CrashPoint::During, CrashPoint::After];
        let mut done = 0;
        for point in points {
            let disk = disk();
            prepare(&disk);
            disk.crash_at(point(disk.operations(OperationFilter::Mutating) + operations));
            let outcome = scenario(&disk);
            if let Err(error) = &outcome {
                assert!(is_simulated_crash(&error.source), "{error}");
            }
            done += usize::from(outcome.is_ok());
            check(&disk.after_process_crash(), outcome.is_ok());
            for seed in 0..SURVIVAL_SEEDS {
                check(&disk.after_power_cut(seed), outcome.is_ok());
                check(&disk.after_process_crash().after_power_cut(seed), outcome.is_ok());
            }
        }
        if done == points.len() {
            return;
        }
        operations += 1;
        assert!(operations < 100, "the scenario does not end");
    }
}

fn content(disk: &SimulatedDisk, name: &str) -> Option<Vec<u8>> {
    disk.exists(&path(name)).then(|| disk.read_all(&path(name)))
}

#[test]
fn a_created_file_is_whole_or_absent_wherever_the_machine_stops() {
    let bytes = vec![b'n'; 1500];
    crash_everywhere(
        |_| {},
        |disk| create_file(disk, &path("file"), &bytes).map(drop),
        |disk, done| match content(disk, "file") {
            None => assert!(!done),
            found => assert_eq!(found, Some(bytes.clone())),
        },
    );
}

#[test]
fn a_replaced_file_is_old_or_new_wherever_the_machine_stops() {
    let (old, new) = (vec![b'o'; 700], vec![b'n'; 1500]);
    crash_everywhere(
        |disk| replace_file(disk, &path("file"), &old).unwrap(),
        |disk| replace_file(disk, &path("file"), &new),
        |disk, done| {
            let found = content(disk, "file").unwrap();
            assert!(found == new || (!done && found == old));
        },
    );
}

#[test]
fn a_removed_file_stays_removed() {
    crash_everywhere(
        |disk| replace_file(disk, &path("file"), b"bytes").unwrap(),
        |disk| remove_file(disk, &path("file")),
        |disk, done| {
            let found = content(disk, "file");
            assert!(found.is_none() || (!done && found.unwrap() == b"bytes"));
        },
    );
    assert!(remove_file(&disk(), &path("missing")).is_ok());
}

#[test]
fn a_quarantined_file_is_never_lost_nor_overwrites_another() {
    crash_everywhere(
        |disk| {
            replace_file(disk, &path("file"), b"first").unwrap();
            let kept = quarantine(disk, &path("file"), Path::new(DIR)).unwrap();
            assert_eq!(kept, path("quarantine/file.0"));
            replace_file(disk, &path("file"), b"second").unwrap();
        },
        |disk| quarantine(disk, &path("file"), Path::new(DIR)).map(drop),
        |disk, done| {
            assert_eq!(content(disk, "quarantine/file.0").unwrap(), b"first");
            let (old, new) = (content(disk, "file"), content(disk, "quarantine/file.1"));
            assert!(if done { old.is_none() } else { old.is_some() || new.is_some() });
            for found in [old, new].into_iter().flatten() {
                assert_eq!(found, b"second");
            }
        },
    );
}

#[test]
fn a_file_from_another_directory_is_never_lost_in_a_new_quarantine() {
    crash_everywhere(
        |disk| {
            create_dir_durable(disk, &path("sub")).unwrap();
            replace_file(disk, &path("sub/file"), b"bytes").unwrap();
        },
        |disk| quarantine(disk, &path("sub/file"), Path::new(DIR)).map(drop),
        |disk, done| {
            let (old, new) = (content(disk, "sub/file"), content(disk, "quarantine/file.0"));
            assert!(if done { old.is_none() && new.is_some() } else { old.is_some() || new.is_some() });
        },
    );
}

#[test]
fn a_created_directory_survives_and_may_be_created_again() {
    crash_everywhere(
        |_| {},
        |disk| create_dir_durable(disk, &path("sub")),
        |disk, done| {
            assert!(!done || disk.exists(&path("sub")));
            create_dir_durable(disk, &path("sub")).unwrap();
            assert!(disk.after_power_cut(0).exists(&path("sub")), "one that was there is made durable too");
        },
    );
    let disk = disk();
    disk.put_raw(&path("file"), b"");
    assert_eq!(
        create_dir_durable(&disk, &path("file")).unwrap_err().source.kind(),
        io::ErrorKind::NotADirectory
    );
}

#[test]
fn only_temporary_files_are_cleared_away() {
    let disk = disk();
    disk.create_dir(&path("dir.tmp")).unwrap();
    for name in ["a.tmp", "b", "tmp", "c.log.tmp"] {
        disk.put_raw(&path(name), b"");
    }
    assert_eq!(remove_temporary_files(&disk, Path::new(DIR)).unwrap(), 2);
    let after = disk.after_power_cut(0);
    assert_eq!(after.paths(), [path("b"), path("tmp")]);
    assert!(after.exists(&path("dir.tmp")));
    assert_eq!(remove_temporary_files(&after, Path::new(DIR)).unwrap(), 0);
}

#[test]
fn a_tree_of_directories_goes_whole_and_for_good() {
    let build = |disk: &SimulatedDisk| {
        for dir in ["tree", "tree/a", "tree/a/b"] {
            create_dir_durable(disk, &path(dir)).unwrap();
        }
        for file in ["tree/1", "tree/a/2", "tree/a/b/3", "other"] {
            replace_file(disk, &path(file), b"bytes").unwrap();
        }
    };
    crash_everywhere(
        build,
        |disk| remove_dir_tree(disk, &path("tree")),
        |disk, done| {
            assert!(!done || !disk.exists(&path("tree")));
            remove_dir_tree(disk, &path("tree")).unwrap();
            assert_eq!(disk.after_power_cut(0).paths(), [path("other")]);
        },
    );
}

#[test]
fn a_tree_nested_deeper_than_highwater_nests_is_left_alone() {
    let disk = disk();
    let mut dir = path("tree");
    for _ in 0..=DIR_DEPTH_MAX {
        disk.create_dir(&dir).unwrap();
        dir.push("sub");
    }
    let error = remove_dir_tree(&disk, &path("tree")).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
    assert!(disk.exists(dir.parent().unwrap()));
}

#[test]
fn a_file_over_the_cap_is_not_read() {
    let disk = disk();
    disk.put_raw(&path("file"), b"12345");
    assert_eq!(read_file(&disk, &path("file"), 5).unwrap(), b"12345");
    let error = read_file(&disk, &path("file"), 4).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
    assert_eq!(error.to_string(), "read /data/file: 5 bytes, at most 4");
    assert!(read_file(&disk, &path("missing"), 4).unwrap_err().is_not_found());
}

#[test]
fn reading_past_the_end_is_an_unexpected_end() {
    let disk = disk();
    disk.put_raw(&path("file"), b"12345");
    let file = disk.open(&path("file"), Access::Read).unwrap();
    let error = read_exact_at(&*file, &mut [0; 3], FilePosition(3)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn interrupted_and_short_transfers_are_carried_on_with_but_not_for_ever() {
    let disk = disk();
    for kind in [OperationKind::Write, OperationKind::Read] {
        disk.fail(FaultPlan::once(OperationFilter::Kind(kind), 0, Fault::Interrupted));
        disk.fail(FaultPlan::once(OperationFilter::Kind(kind), 1, Fault::Short));
        disk.fail(FaultPlan::once(OperationFilter::Kind(kind), 2, Fault::Interrupted));
    }
    let file = create_file(&disk, &path("file"), b"some bytes").unwrap();
    let mut bytes = [0; 10];
    read_exact_at(&*file, &mut bytes, FilePosition::ZERO).unwrap();
    assert_eq!(&bytes, b"some bytes");

    disk.fail(FaultPlan::for_good(OperationFilter::Any, 0, Fault::Interrupted));
    let read = read_exact_at(&*file, &mut bytes, FilePosition::ZERO).unwrap_err();
    let written = write_all_at(&*file, &mut [IoSlice::new(b"x")], FilePosition::ZERO).unwrap_err();
    assert_eq!([read.kind(), written.kind()], [io::ErrorKind::Interrupted; 2]);
}

#[test]
fn more_buffers_than_the_system_takes_at_once_are_all_written() {
    let disk = disk();
    let file = disk.create_new(&path("file")).unwrap();
    let bytes: Vec<u8> = (0..3000).map(|n| n as u8).collect();
    let mut bufs: Vec<IoSlice<'_>> = bytes.chunks(1).map(IoSlice::new).collect();
    bufs.insert(0, IoSlice::new(b""));
    write_all_at(&*file, &mut bufs, FilePosition(7)).unwrap();
    assert_eq!(disk.read_all(&path("file"))[7..], bytes);
    assert!(write_all_at(&*file, &mut [IoSlice::new(b"")], FilePosition::ZERO).is_ok());
}

#[test]
fn a_failure_names_the_operation_and_the_path_and_leaves_the_old_content() {
    let disk = disk();
    replace_file(&disk, &path("file"), b"old").unwrap();
    let mut failed = BTreeSet::new();
    for n in 0.. {
        disk.clear_faults();
        disk.fail(FaultPlan::once(OperationFilter::Mutating, n, Fault::NoSpace));
        match replace_file(&disk, &path("file"), b"new") {
            Ok(()) => break,
            Err(error) => {
                assert!(error.is_disk_full());
                failed.insert(error.operation);
                let found = disk.read_all(&path("file"));
                assert!(found == b"old" || error.path == Path::new(DIR), "{error}");
            }
        }
    }
    assert_eq!(failed, BTreeSet::from(["remove", "create", "write", "sync", "rename"]));
    assert_eq!(disk.read_all(&path("file")), b"new");
}
