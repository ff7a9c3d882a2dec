//! Crashes where they are wanted, and operations that fail.

use super::*;
use OperationKind as Kind;

const EIO: Option<i32> = Some(5);
const ENOSPC: Option<i32> = Some(28);

fn only(kind: Kind) -> OperationFilter {
    OperationFilter::Kind(kind)
}

#[test]
fn from_the_crash_on_every_call_fails() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"bytes");
    disk.crash_at(CrashPoint::After(disk.operations(OperationFilter::Mutating) + 1));
    write(&*file, 0, b"B");
    assert!(!disk.is_crashed());
    assert!(is_simulated_crash(&file.sync().unwrap_err()));
    assert!(disk.is_crashed());
    assert!(is_simulated_crash(&file.len().unwrap_err()));
    assert!(is_simulated_crash(&disk.open(&path("file"), Access::Read).unwrap_err()));
    assert!(is_simulated_crash(&disk.list_dir(Path::new(DIR)).unwrap_err()));
    let after = disk.after_power_cut(0);
    assert_eq!(after.read_all(&path("file")), b"Bytes", "the sync took effect, though nobody was told");
    assert!(!after.is_crashed());
    assert!(after.open(&path("file"), Access::Read).is_ok());
    assert!(!is_simulated_crash(&io::ErrorKind::NotFound.into()));
}

#[test]
fn the_crashing_call_has_all_half_or_none_of_its_effect() {
    let outcome = |point| {
        let disk = disk();
        let file = create_durable(&disk, "file", b"....");
        disk.crash_at(point);
        let error = file.write_at(&[IoSlice::new(b"abcd")], FilePosition::ZERO).unwrap_err();
        assert!(is_simulated_crash(&error));
        disk.after_process_crash().read_all(&path("file"))
    };
    assert_eq!(outcome(CrashPoint::Before(4)), b"....");
    assert_eq!(outcome(CrashPoint::During(4)), b"ab..");
    assert_eq!(outcome(CrashPoint::After(4)), b"abcd");
}

#[test]
fn a_crash_after_a_creation_leaves_the_file_nobody_got() {
    let disk = disk();
    disk.crash_at(CrashPoint::After(0));
    assert!(is_simulated_crash(&disk.create_new(&path("file")).unwrap_err()));
    assert!(disk.after_process_crash().exists(&path("file")));
}

#[test]
fn only_the_chosen_operation_fails_or_all_from_it_on() {
    let disk = disk();
    let file = create(&disk, "file", b"");
    disk.fail(FaultPlan::once(only(Kind::SetLen), 1, Fault::Io));
    let lens = [1, 2, 3].map(|len| file.set_len(len).is_ok());
    assert_eq!(lens, [true, false, true]);
    disk.fail(FaultPlan::for_good(only(Kind::SetLen), 1, Fault::NoSpace));
    assert!(file.set_len(4).is_ok());
    for _ in 0..3 {
        assert_eq!(file.set_len(5).unwrap_err().kind(), ErrorKind::StorageFull);
    }
    disk.clear_faults();
    assert!(file.set_len(5).is_ok());
}

#[test]
fn a_plan_for_names_leaves_others_alone() {
    let disk = disk();
    let (log, index) = (create(&disk, "1.log", b""), create(&disk, "1.index", b""));
    disk.fail(FaultPlan::for_good(OperationFilter::Any, 0, Fault::Io).on_names_ending(".index"));
    assert!(log.sync().is_ok());
    assert_eq!(index.sync().unwrap_err().raw_os_error(), EIO);
    assert_eq!(disk.rename(&path("1.index"), &path("2.index")).unwrap_err().raw_os_error(), EIO);
    assert!(disk.exists(&path("1.index")));
}

#[test]
fn a_failed_sync_loses_its_bytes_though_they_can_be_read_and_synced_again() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"old");
    write(&*file, 0, b"new bytes");
    disk.fail(FaultPlan::once(only(Kind::Sync), 0, Fault::Io));
    assert_eq!(file.sync().unwrap_err().raw_os_error(), EIO);
    assert_eq!(disk.read_all(&path("file")), b"new bytes");
    assert_eq!(disk.durable_bytes(&path("file")), b"old");
    let outcomes = survivors(&disk, "file");
    assert!(outcomes.iter().flatten().all(|bytes| bytes.starts_with(b"old")), "{outcomes:?}");

    assert!(file.sync().is_ok(), "the failure is reported once");
    assert_eq!(disk.read_all(&path("file")), b"new bytes");
    assert_eq!(disk.after_power_cut(1).read_all(&path("file")), b"old\0\0\0\0\0\0", "the length alone");

    // Only what is written again is written at all.
    write(&*file, 0, b"new bytes");
    file.sync().unwrap();
    assert_eq!(disk.after_power_cut(0).read_all(&path("file")), b"new bytes");
}

#[test]
fn a_failed_sync_may_have_written_half() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[b'o'; 2048]);
    write(&*file, 0, &[b'n'; 2048]);
    disk.fail(FaultPlan::once(only(Kind::Sync), 0, Fault::NoSpace).with_effect(Effect::Half));
    assert_eq!(file.sync().unwrap_err().raw_os_error(), ENOSPC);
    assert_eq!(disk.durable_bytes(&path("file")), [[b'n'; 1024], [b'o'; 1024]].concat());
    disk.fail(FaultPlan::once(only(Kind::Sync), 0, Fault::Io).with_effect(Effect::Everything));
    write(&*file, 1024, &[b'n'; 1024]);
    assert!(file.sync().is_err());
    assert_eq!(disk.durable_bytes(&path("file")), [b'n'; 2048]);
}

#[test]
fn a_failed_sync_is_told_once_to_each_descriptor_that_was_open() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"");
    let other = disk.open(&path("file"), Access::ReadWrite).unwrap();
    write(&*file, 0, b"bytes");
    disk.fail(FaultPlan::once(only(Kind::Sync), 0, Fault::Io));
    assert!(file.sync().is_err());
    let later = disk.open(&path("file"), Access::ReadWrite).unwrap();
    assert!(later.sync().is_ok());
    assert!(file.sync().is_ok());
    assert_eq!(other.sync().unwrap_err().raw_os_error(), EIO);
    assert!(other.sync().is_ok());
}

#[test]
fn an_interrupted_sync_loses_nothing() {
    let disk = disk();
    let file = create(&disk, "file", b"bytes");
    disk.fail(FaultPlan::once(only(Kind::Sync), 0, Fault::Interrupted));
    assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::Interrupted);
    file.sync().unwrap();
    assert_eq!(disk.durable_bytes(&path("file")), b"bytes");
}

#[test]
fn a_failed_write_may_have_written_some() {
    let disk = disk();
    let file = create(&disk, "file", b"....");
    for (effect, expected) in
        [(Effect::Nothing, b"...."), (Effect::Half, b"ab.."), (Effect::Everything, b"abcd")]
    {
        disk.fail(FaultPlan::once(only(Kind::Write), 0, Fault::Io).with_effect(effect));
        assert!(file.write_at(&[IoSlice::new(b"a"), IoSlice::new(b"bcd")], FilePosition::ZERO).is_err());
        assert_eq!(disk.read_all(&path("file")), expected);
    }
}

#[test]
fn short_transfers_are_carried_on_with() {
    let disk = disk();
    let file = create(&disk, "file", b"");
    disk.fail(FaultPlan::for_good(OperationFilter::Any, 0, Fault::Short));
    write_all_at(&*file, &mut [IoSlice::new(b"abc"), IoSlice::new(b"defgh")], FilePosition::ZERO).unwrap();
    assert_eq!(disk.operations(only(Kind::Write)), 4, "8 bytes as 4, 2, 1 and 1");
    let mut bytes = [0; 8];
    read_exact_at(&*file, &mut bytes, FilePosition::ZERO).unwrap();
    assert_eq!(&bytes, b"abcdefgh");
    file.sync().unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_recovers_when_files_go() {
    let disk = disk();
    let big = create(&disk, "big", &[0; 90]);
    disk.set_capacity(Some(100));
    let file = create(&disk, "file", b"");
    assert_eq!(file.write_at(&[IoSlice::new(&[1; 30])], FilePosition::ZERO).unwrap(), 10);
    let full = file.write_at(&[IoSlice::new(&[1; 30])], FilePosition(10)).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert_eq!(file.set_len(11).unwrap_err().kind(), ErrorKind::StorageFull);
    write(&*file, 0, &[2; 10]);
    disk.remove_file(&path("big")).unwrap();
    assert!(file.set_len(11).is_err(), "an open file takes room without a name");
    drop(big);
    write(&*file, 10, &[1; 90]);
    assert!(disk.after_process_crash().open(&path("file"), Access::ReadWrite).unwrap().set_len(101).is_err());
    disk.set_capacity(None);
    write(&*file, 100, &[1; 100]);
}
