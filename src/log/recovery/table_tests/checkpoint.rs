//! The column of the checkpoint: authoritative, in two generations, never made up.

use super::*;

fn generations() -> [PathBuf; 2] {
    ["checkpoint.0", "checkpoint.1"].map(|name| directory().join(name))
}

/// One damaged generation costs nothing and is kept; two make the log read-only until somebody accepts it.
fn is_mended_or_read_only(wound: impl Fn(&SimulatedDisk, &Path)) {
    for path in generations() {
        let disk = log_at_rest();
        wound(&disk, &path);
        let damaged = disk.read_all(&path);
        goes_on(&disk, BATCHES, 0..0);
        let name = path.file_name().unwrap().to_str().unwrap();
        let quarantine = directory().join("quarantine").join(format!("{name}.0"));
        assert_eq!(disk.read_all(&quarantine), damaged);
    }
    let disk = log_at_rest();
    generations().iter().for_each(|path| wound(&disk, path));
    let damaged = generations().map(|path| disk.read_all(&path));
    let opened = open_table(&disk).unwrap();
    assert!(!opened.log.is_writable());
    drop(opened);
    assert_eq!(generations().map(|path| disk.read_all(&path)), damaged, "they are left as they are");
    is_read_only_until_accepted(&disk, BATCHES);
    assert_eq!(quarantined(&disk), 2);
}

#[test]
fn valid_is_used() {
    let disk = log_at_rest();
    drop(open_table(&disk).unwrap());
    assert_eq!(open_table(&disk).unwrap().report.scanned_bytes, 0);
}

#[test]
fn zeros_leave_it_to_the_other_generation() {
    is_mended_or_read_only(|disk, path| disk.overwrite(path, 0, &vec![0; disk.read_all(path).len()]));
}

#[test]
fn torn_leaves_it_to_the_other_generation() {
    is_mended_or_read_only(|disk, path| disk.truncate_raw(path, 50));
    is_mended_or_read_only(|disk, path| disk.truncate_raw(path, 0));
}

#[test]
fn corrupt_leaves_it_to_the_other_generation() {
    is_mended_or_read_only(|disk, path| disk.flip_bit(path, 30 * 8));
}

#[test]
fn missing_in_one_generation_is_made_again_and_in_both_is_no_new_log() {
    for path in generations() {
        let disk = log_at_rest();
        disk.remove_raw(&path);
        goes_on(&disk, BATCHES, 0..0);
    }
    let disk = log_at_rest();
    generations().iter().for_each(|path| disk.remove_raw(path));
    is_read_only_until_accepted(&disk, BATCHES);
}

#[test]
fn unknown_version_is_refused() {
    for path in generations() {
        let disk = log_at_rest();
        make_newer(&disk, &path);
        is_refused_for_its_version(&disk, &path);
    }
}

#[test]
fn io_error_is_refused() {
    is_refused_for_io(&log_at_rest(), "checkpoint.1");
}

#[test]
fn a_log_without_any_file_is_no_log() {
    let disk = SimulatedDisk::with_directory(&directory());
    assert!(matches!(open_table(&disk), Err(OpenError::NoLog(_))));
}
