//! What survives of directory entries.

use super::*;

/// Which of the names survive, over many seeds, as strings of names.
fn surviving_names(disk: &SimulatedDisk) -> BTreeSet<String> {
    let names = |seed| {
        let paths = disk.after_power_cut(seed).paths();
        let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
        names.collect::<Vec<_>>().join(" ")
    };
    (0..300).map(names).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn syncing_a_file_does_not_make_its_name_durable() {
    let disk = disk();
    let file = create(&disk, "file", b"bytes");
    file.sync().unwrap();
    assert!(!disk.after_power_cut(0).exists(&path("file")));
    assert_eq!(survivors(&disk, "file"), BTreeSet::from([None, Some(b"bytes".to_vec())]));
    disk.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(survivors(&disk, "file"), BTreeSet::from([Some(b"bytes".to_vec())]));
}

#[test]
fn syncing_a_directory_does_not_make_the_bytes_durable() {
    let disk = disk();
    let _file = create(&disk, "file", b"bytes");
    disk.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(disk.after_power_cut(0).read_all(&path("file")), b"");
}

#[test]
fn a_directory_that_is_not_in_its_parent_takes_its_files_along() {
    let disk = disk();
    disk.create_dir(&path("sub")).unwrap();
    disk.create_new(&path("sub/file")).unwrap();
    disk.sync_dir(&path("sub")).unwrap();
    assert_eq!(disk.after_power_cut(0).paths(), Vec::<PathBuf>::new());
    disk.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(disk.after_power_cut(0).paths(), [path("sub/file")]);
}

#[test]
fn a_rename_is_not_durable_before_the_directory_is_synced() {
    let disk = disk();
    drop(create_durable(&disk, "old", b"bytes"));
    disk.rename(&path("old"), &path("new")).unwrap();
    assert_eq!(disk.paths(), [path("new")]);
    assert_eq!(disk.after_process_crash().paths(), [path("new")]);
    assert_eq!(surviving_names(&disk), set(&["old", "new"]), "atomic: never both, never none");
    disk.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(surviving_names(&disk), set(&["new"]));
}

#[test]
fn a_replacing_rename_leaves_the_old_file_or_the_new_one() {
    let disk = disk();
    drop(create_durable(&disk, "file", b"old"));
    let temporary = create(&disk, "file.tmp", b"new");
    temporary.sync().unwrap();
    disk.rename(&path("file.tmp"), &path("file")).unwrap();
    let expected = [b"old", b"new"].map(|bytes| Some(bytes.to_vec()));
    assert_eq!(survivors(&disk, "file"), BTreeSet::from(expected));
}

#[test]
fn a_rename_between_directories_needs_both_synced() {
    let disk = disk();
    disk.create_dir(&path("sub")).unwrap();
    drop(create_durable(&disk, "file", b"bytes"));
    disk.rename(&path("file"), &path("sub/moved")).unwrap();
    assert_eq!(surviving_names(&disk), set(&["file", "moved"]));

    let target_first = disk.after_process_crash();
    target_first.sync_dir(&path("sub")).unwrap();
    assert_eq!(surviving_names(&target_first), set(&["file moved", "moved"]));
    target_first.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(surviving_names(&target_first), set(&["moved"]));

    disk.sync_dir(Path::new(DIR)).unwrap();
    assert_eq!(surviving_names(&disk), set(&["", "moved"]));
}

#[test]
fn any_subset_of_unsynced_removals_persists() {
    let disk = disk();
    for name in ["a", "b", "c"] {
        drop(create_durable(&disk, name, b""));
    }
    for name in ["a", "b", "c"] {
        disk.remove_file(&path(name)).unwrap();
    }
    assert_eq!(surviving_names(&disk), set(&["", "a", "b", "c", "a b", "a c", "b c", "a b c"]));
    assert_eq!(disk.after_process_crash().paths(), Vec::<PathBuf>::new());
}

#[test]
fn a_file_without_a_name_is_still_read_through_its_descriptor() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"bytes");
    disk.remove_file(&path("file")).unwrap();
    let again = create(&disk, "file", b"other");
    assert_eq!(&*file.map().unwrap(), b"bytes");
    assert_eq!(&*again.map().unwrap(), b"other");
}

#[test]
fn a_directory_is_never_lost_with_a_file_that_was_moved_out_of_it() {
    let disk = disk();
    disk.create_dir(&path("sub")).unwrap();
    drop(create(&disk, "sub/file", b""));
    disk.sync_dir(&path("sub")).unwrap();
    disk.sync_dir(Path::new(DIR)).unwrap();
    disk.rename(&path("sub/file"), &path("file")).unwrap();
    disk.remove_dir(&path("sub")).unwrap();
    for seed in 0..100 {
        assert_eq!(disk.after_power_cut(seed).paths().len(), 1, "seed {seed}");
    }
}

#[test]
fn refuses_what_file_systems_refuse() {
    let disk = disk();
    drop(create(&disk, "file", b""));
    disk.create_dir(&path("sub")).unwrap();
    drop(create(&disk, "sub/file", b""));
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(disk.remove_dir(&path("sub"))), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind(disk.remove_dir(&path("file"))), ErrorKind::NotADirectory);
    assert_eq!(kind(disk.remove_file(&path("sub"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.remove_file(&path("missing"))), ErrorKind::NotFound);
    assert_eq!(kind(disk.create_dir(&path("sub"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(disk.create_dir(&path("missing/sub"))), ErrorKind::NotFound);
    assert_eq!(kind(disk.create_dir(&path("file/sub"))), ErrorKind::NotADirectory);
    assert_eq!(kind(disk.rename(&path("missing"), &path("new"))), ErrorKind::NotFound);
    assert_eq!(kind(disk.rename(&path("file"), &path("sub"))), ErrorKind::IsADirectory);
    assert_eq!(kind(disk.rename(&path("sub"), &path("file"))), ErrorKind::NotADirectory);
    assert_eq!(kind(disk.rename(&path("sub"), &path("sub/sub"))), ErrorKind::InvalidInput);
    assert_eq!(kind(disk.sync_dir(&path("file"))), ErrorKind::NotADirectory);
    assert_eq!(disk.open(&path("sub"), Access::Read).unwrap_err().kind(), ErrorKind::IsADirectory);
    let names: Vec<_> = disk.list_dir(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["file", "sub"]);
}
