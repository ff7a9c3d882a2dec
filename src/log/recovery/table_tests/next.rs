//! The column of the next segment, which has been made and is still empty.

use super::*;

const NEXT: Offset = Offset(BATCHES);

#[test]
fn valid_is_the_head() {
    let disk = log_with_empty_next();
    goes_on(&disk, BATCHES, 0..0);
    assert!(disk.read_all(&segment(NEXT)).len() > to_usize(FRAMES_START.0));
}

#[test]
fn zeros_behind_its_header_are_the_end() {
    let disk = log_with_empty_next();
    disk.overwrite(&segment(NEXT), to_usize(FRAMES_START.0), &[0; 8192]);
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!((report.torn, report.damaged.len()), (None, 0));
}

#[test]
fn torn_behind_its_header_is_cut() {
    let disk = log_with_empty_next();
    disk.overwrite(&segment(NEXT), to_usize(FRAMES_START.0), &[7; 100]);
    assert_eq!(goes_on(&disk, BATCHES, 0..0).torn.unwrap().0, 100);
}

#[test]
fn torn_in_the_second_copy_of_its_header_is_the_head() {
    let disk = log_with_empty_next();
    disk.truncate_raw(&segment(NEXT), 700);
    goes_on(&disk, BATCHES, 0..0);
}

#[test]
fn torn_in_its_header_hides_the_end() {
    for len in [0, 40] {
        let disk = log_with_empty_next();
        disk.truncate_raw(&segment(NEXT), len);
        is_read_only_until_accepted(&disk, BATCHES);
    }
}

#[test]
fn corrupt_hides_the_end() {
    let disk = log_with_empty_next();
    disk.flip_bit(&segment(NEXT), 20 * 8);
    disk.flip_bit(&segment(NEXT), 532 * 8);
    is_read_only_until_accepted(&disk, BATCHES);
}

#[test]
fn unknown_version_is_refused() {
    let disk = log_with_empty_next();
    make_newer(&disk, &segment(NEXT));
    is_refused_for_its_version(&disk, &segment(NEXT));
}

#[test]
fn io_error_is_refused() {
    is_refused_for_io(&log_with_empty_next(), "24.log");
}
