//! The column of the head segment.

use super::*;

#[test]
fn valid_is_scanned_from_the_checkpoint() {
    let disk = log_at_rest();
    drop(open_table(&disk).unwrap());
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!((report.scanned_bytes, report.rewritten_bytes), (0, 0));
}

#[test]
fn valid_beyond_what_is_proved_is_written_again() {
    let disk = log_left(|_| {});
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!(report.rewritten_bytes, to_u64(FRAME_LEN), "the last group, for which nothing vouches");
}

#[test]
fn zeros_are_the_end() {
    let disk = log_left(|log| {
        log.append(&[batch(BATCHES, 1, PAYLOAD_LEN)], 1_000).unwrap();
    });
    let disk = disk.after_power_cut(3);
    assert!(disk.read_all(&segment(HEAD)).len() > frame_at(BATCHES), "zeros ahead");
    let report = goes_on(&disk, BATCHES, 0..0);
    assert_eq!(report.torn, None);
}

#[test]
fn torn_is_cut_and_kept_as_evidence() {
    let disk = log_left(|log| {
        log.append(&[batch(BATCHES, 1, 900)], 1_000).unwrap();
    });
    let (path, at) = (segment(HEAD), frame_at(BATCHES));
    disk.overwrite(&path, at + 200, &[0; 512]);
    let before = disk.read_all(&path);
    let report = goes_on(&disk, BATCHES, 0..0);
    let (len, evidence) = report.torn.unwrap();
    assert_eq!(disk.read_all(&evidence), before[at..at + to_usize(len)]);
    assert_eq!(len, 1_028);
}

#[test]
fn torn_at_the_end_of_the_file_is_cut_and_kept_as_evidence() {
    let disk = log_left(|log| {
        log.append(&[batch(BATCHES, 1, PAYLOAD_LEN)], 1_000).unwrap();
    });
    let (path, at) = (segment(HEAD), frame_at(BATCHES));
    for cut in [1, 127, 128, 129, FRAME_LEN - 1] {
        let disk = disk.after_power_cut(1);
        disk.truncate_raw(&path, at + cut);
        let report = goes_on(&disk, BATCHES, 0..0);
        assert_eq!(report.torn.unwrap().0, to_u64(cut));
    }
}

#[test]
fn corrupt_is_named_and_the_log_goes_on_in_a_new_segment() {
    for (in_frame, what) in [(50, "header"), (150, "payload")] {
        let disk = log_at_rest();
        disk.flip_bit(&segment(HEAD), (frame_at(20) + in_frame) * 8);
        let before = disk.read_all(&segment(HEAD));
        let report = goes_on(&disk, BATCHES, 20..21);
        assert_eq!(report.damaged.len(), 1, "{what}");
        assert_eq!((report.torn, report.end_unknown), (None, None));
        assert!(disk.exists(&segment(Offset(BATCHES))), "{what}: appended behind the damage");
        assert_eq!(disk.read_all(&segment(HEAD))[..frame_at(24)], before[..frame_at(24)], "evidence");
    }
}

#[test]
fn corrupt_stays_named_however_often_the_log_is_opened() {
    let disk = log_at_rest();
    disk.flip_bit(&segment(HEAD), frame_at(20) * 8);
    for _ in 0..3 {
        let report = open_table(&disk).unwrap().report;
        assert_eq!(report.damaged.len(), 1);
        assert_eq!(report.damaged[0].offsets.first, Offset(20));
    }
    goes_on(&disk, BATCHES, 20..21);
}

#[test]
fn cut_at_a_frame_boundary_behind_a_checkpoint_hides_the_end() {
    let disk = log_left(|log| log.vouch().unwrap());
    disk.truncate_raw(&segment(HEAD), frame_at(22));
    let opened = open_table(&disk).unwrap();
    assert_eq!(opened.report.damaged[0].offsets.first, Offset(22), "what was cut off is named");
    assert!(opened.report.end_unknown.is_some() && !opened.log.is_writable());
    check(&opened.log, BATCHES, 22..BATCHES);
}

#[test]
fn unknown_version_is_refused() {
    let disk = log_at_rest();
    make_newer(&disk, &segment(HEAD));
    is_refused_for_its_version(&disk, &segment(HEAD));
}

#[test]
fn io_error_is_refused() {
    is_refused_for_io(&log_at_rest(), "18.log");
}
