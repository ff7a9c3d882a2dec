//! What survives of the bytes of files.

use super::*;
use crate::disk::SECTOR_BYTES;

#[test]
fn unsynced_bytes_outlive_the_process_but_not_the_power() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"old");
    write(&*file, 0, b"new");
    let killed = disk.after_process_crash();
    assert_eq!(killed.read_all(&path("file")), b"new");
    assert_eq!(killed.durable_bytes(&path("file")), b"old");
    assert_eq!(killed.after_power_cut(0).read_all(&path("file")), b"old");

    // Reading them proved nothing; syncing them again does.
    killed.open(&path("file"), Access::Read).unwrap().sync().unwrap();
    assert_eq!(killed.after_power_cut(0).read_all(&path("file")), b"new");
    assert_eq!(disk.after_power_cut(0).read_all(&path("file")), b"old", "the disks are independent");
}

#[test]
fn synced_bytes_survive_every_power_cut() {
    let disk = disk();
    let bytes = rng::SplitMix64::new(1).bytes(5000);
    let file = create_durable(&disk, "file", &bytes);
    file.set_len(100).unwrap();
    file.set_len(3000).unwrap();
    file.sync().unwrap();
    let expected = [&bytes[..100], &[0; 2900]].concat();
    assert_eq!(survivors(&disk, "file"), BTreeSet::from([Some(expected)]));
}

#[test]
fn each_unsynced_sector_is_lost_or_kept_on_its_own() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[b'o'; 3 * SECTOR_BYTES]);
    write(&*file, 0, &[b'n'; 3 * SECTOR_BYTES]);
    let shapes: BTreeSet<String> = survivors(&disk, "file")
        .into_iter()
        .flatten()
        .map(|bytes| bytes.chunks(SECTOR_BYTES).map(|sector| whole(sector) as char).collect())
        .collect();
    let expected = ["ooo", "oon", "ono", "onn", "noo", "non", "nno", "nnn"];
    assert_eq!(shapes, expected.into_iter().map(String::from).collect());
}

/// The one byte that fills a sector.
fn whole(sector: &[u8]) -> u8 {
    assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is torn");
    sector[0]
}

#[test]
fn a_later_sector_may_survive_without_an_earlier_one() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"");
    write(&*file, 0, &[b'a'; SECTOR_BYTES]);
    write(&*file, 512, &[b'b'; SECTOR_BYTES]);
    let only_last = disk.after_power_cut(2).read_all(&path("file"));
    assert_eq!(only_last, [[0; SECTOR_BYTES], [b'b'; SECTOR_BYTES]].concat());
}

#[test]
fn a_length_may_survive_without_its_bytes_and_bytes_without_the_others_length() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"");
    write(&*file, 0, &[b'a'; 2 * SECTOR_BYTES]);
    let outcomes = survivors(&disk, "file");
    assert!(outcomes.contains(&Some(vec![0; 2 * SECTOR_BYTES])));
    assert!(outcomes.contains(&Some(vec![b'a'; SECTOR_BYTES])));
    assert!(outcomes.contains(&Some(Vec::new())));
    assert_eq!(disk.after_power_cut(3).read_all(&path("file")), [0; 2 * SECTOR_BYTES]);
    assert_eq!(disk.after_power_cut(4).read_all(&path("file")), [b'a'; 2 * SECTOR_BYTES]);
}

#[test]
fn a_sector_written_twice_may_survive_in_either_version() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"0");
    write(&*file, 0, b"1");
    write(&*file, 0, b"2");
    let expected = [b"0", b"1", b"2"].map(|bytes| Some(bytes.to_vec()));
    assert_eq!(survivors(&disk, "file"), BTreeSet::from(expected));
}

#[test]
fn what_one_operation_writes_into_a_sector_survives_whole() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"0000");
    let bufs = [IoSlice::new(b"12"), IoSlice::new(b"34")];
    assert_eq!(file.write_at(&bufs, FilePosition::ZERO).unwrap(), 4);
    let expected = [b"0000", b"1234"].map(|bytes| Some(bytes.to_vec()));
    assert_eq!(survivors(&disk, "file"), BTreeSet::from(expected));
}

#[test]
fn an_unsynced_cut_may_be_undone_or_survive_without_the_growth_after_it() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"abcdef");
    file.set_len(2).unwrap();
    write(&*file, 2, b"XYZ");
    let outcomes = survivors(&disk, "file");
    let has = |bytes: &[u8]| outcomes.contains(&Some(bytes.to_vec()));
    assert!(has(b"abcdef") && has(b"ab") && has(b"abXYZ"), "{outcomes:?}");

    let disk = super::disk();
    let file = create_durable(&disk, "file", b"ab");
    write(&*file, 2, b"cdef");
    file.set_len(2).unwrap();
    let outcomes = survivors(&disk, "file");
    assert!(
        outcomes.contains(&Some(b"abcdef".to_vec())),
        "the cut is lost, what it cut is not: {outcomes:?}"
    );
    file.sync().unwrap();
    assert_eq!(survivors(&disk, "file"), BTreeSet::from([Some(b"ab".to_vec())]));
}

#[test]
fn sectors_that_were_cut_off_unsynced_may_be_on_the_medium() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[b'a'; SECTOR_BYTES]);
    write(&*file, 512, &[b'b'; SECTOR_BYTES]);
    file.set_len(512).unwrap();
    let whole = [[b'a'; SECTOR_BYTES], [b'b'; SECTOR_BYTES]].concat();
    assert!(survivors(&disk, "file").contains(&Some(whole)));
}

#[test]
fn the_zeros_behind_a_cut_may_survive_without_the_cut() {
    let disk = disk();
    let file = create_durable(&disk, "file", b"abcdef");
    file.set_len(2).unwrap();
    assert_eq!(disk.after_power_cut(4).read_all(&path("file")), b"ab\0\0\0\0");
}

#[test]
fn the_last_operation_is_the_last_one_across_processes() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[b'o'; 2 * SECTOR_BYTES]);
    for _ in 0..10 {
        write(&*file, 0, &[b'1'; SECTOR_BYTES]);
    }
    let second = disk.after_process_crash();
    write(&*second.open(&path("file"), Access::ReadWrite).unwrap(), 512, &[b'2'; SECTOR_BYTES]);
    let expected = [[b'o'; SECTOR_BYTES], [b'2'; SECTOR_BYTES]].concat();
    assert_eq!(second.after_power_cut(2).read_all(&path("file")), expected);
}

#[test]
fn bytes_cut_off_do_not_return_when_the_file_grows_again() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[b'x'; 1200]);
    file.set_len(100).unwrap();
    write(&*file, 1100, b"end");
    let expected = [&[b'x'; 100][..], &[0; 1000], b"end"].concat();
    assert_eq!(disk.read_all(&path("file")), expected);
    file.sync().unwrap();
    assert_eq!(disk.durable_bytes(&path("file")), expected);
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let disk = disk();
    let file = create_durable(&disk, "file", &[0; 4096]);
    for round in 0..20 {
        write(&*file, round * 300, &[round as u8 + 1; 700]);
        drop(create(&disk, &format!("other-{round}"), b"bytes"));
    }
    let dump = |seed| {
        let after = disk.after_power_cut(seed);
        after.paths().into_iter().map(|path| (path.clone(), after.read_all(&path))).collect::<Vec<_>>()
    };
    let dumps: BTreeSet<_> = (0..50).map(dump).collect();
    assert_eq!(dumps, (0..50).map(dump).collect());
    assert!(dumps.len() > 40, "only {} different disks", dumps.len());
}
