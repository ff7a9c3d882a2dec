//! The column of the sealed segment.

use super::*;

#[test]
fn valid_is_trusted_by_its_footer() {
    let disk = log_at_rest();
    let report = goes_on(&disk, BATCHES, 0..0);
    let head_len = to_u64(disk.read_all(&segment(HEAD)).len());
    assert!(report.scanned_bytes <= head_len, "only the head is scanned");
}

#[test]
fn zeros_behind_the_proved_end_are_trimmed() {
    let disk = log_at_rest();
    let sealed = disk.read_all(&segment(SEALED));
    disk.put_raw(&segment(SEALED), &[&sealed[..], &[0; 5000]].concat());
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!(report.damaged, []);
    assert_eq!(disk.read_all(&segment(SEALED)), sealed);
}

#[test]
fn zeros_before_the_end_are_damage() {
    let disk = log_at_rest();
    disk.overwrite(&segment(SEALED), frame_at(12), &[0; 2 * FRAME_LEN]);
    goes_on(&disk, BATCHES, 12..14);
}

#[test]
fn torn_is_damage_up_to_the_next_segment() {
    for cut in [frame_at(15), frame_at(15) + 1, frame_at(15) + 128, frame_at(16) - 1] {
        let disk = log_at_rest();
        disk.truncate_raw(&segment(SEALED), cut);
        let report = goes_on(&disk, BATCHES, 15..18);
        assert_eq!(report.damaged.first().map(|damage| damage.offsets.first), Some(Offset(15)));
        assert_eq!(disk.read_all(&segment(SEALED)).len(), cut, "it is left as it was found");
    }
}

#[test]
fn torn_off_with_its_header_is_damage_as_a_whole() {
    let disk = log_at_rest();
    disk.truncate_raw(&segment(SEALED), 40);
    goes_on(&disk, BATCHES, 9..18);
}

#[test]
fn corrupt_is_named_and_served_around() {
    for in_frame in [50, 150] {
        let disk = log_at_rest();
        disk.flip_bit(&segment(SEALED), (frame_at(12) + in_frame) * 8);
        goes_on(&disk, BATCHES, 12..13);
    }
}

#[test]
fn corrupt_in_the_footer_costs_nothing() {
    let disk = log_at_rest();
    disk.flip_bit(&segment(SEALED), (frame_at(17) + FRAME_LEN + 30) * 8);
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!(report.damaged, []);
    assert_eq!(quarantined(&disk), 0, "its index is as good as ever");
}

#[test]
fn corrupt_in_one_copy_of_the_header_costs_nothing() {
    for at in [20, 532] {
        let disk = log_at_rest();
        disk.flip_bit(&segment(SEALED), at * 8);
        assert_eq!(goes_on(&disk, BATCHES, 0..0).damaged, []);
    }
}

#[test]
fn unknown_version_is_refused() {
    let disk = log_at_rest();
    make_newer(&disk, &segment(SEALED));
    is_refused_for_its_version(&disk, &segment(SEALED));
}

#[test]
fn io_error_is_refused() {
    is_refused_for_io(&log_at_rest(), "09.log");
}
