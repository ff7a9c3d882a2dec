//! The simulated disk beside the real one: as long as nothing fails, nobody can tell them apart.

use super::rng::SplitMix64;
use super::*;
use crate::disk::{EntryKind, RealDisk};

const NAMES: [&str; 7] = ["a", "b", "sub", "sub/a", "sub/b", "other", "other/a"];

/// One random operation, and what a caller gets to see of it.
fn step(disk: &dyn Disk, root: &Path, rng: &mut SplitMix64) -> String {
    let mut name = || root.join(NAMES[rng.below(NAMES.len() as u64) as usize]);
    let (path, other) = (name(), name());
    let (at, len, fill) = (rng.below(2000), rng.below(2000), rng.below(256) as u8);
    let with_file = |run: &dyn Fn(&dyn DiskFile) -> io::Result<String>| {
        disk.open(&path, Access::ReadWrite).and_then(|file| run(&*file))
    };
    let outcome = match rng.below(12) {
        0 | 1 => disk.create_new(&path).map(|file| format!("{:?}", file.len().unwrap())),
        2 | 3 => with_file(&|file| {
            let half = vec![fill; len as usize / 2];
            let bufs = [IoSlice::new(&half), IoSlice::new(&[]), IoSlice::new(&half)];
            Ok(file.write_at(&bufs, FilePosition(at))?.to_string())
        }),
        4 => with_file(&|file| {
            let mut bytes = vec![0; len as usize];
            let read = file.read_at(&mut bytes, FilePosition(at))?;
            Ok(format!("{read} {bytes:?}"))
        }),
        5 => with_file(&|file| file.set_len(len).and_then(|()| file.sync()).map(|()| String::new())),
        6 => with_file(&|file| Ok(format!("{} {:?}", file.len()?, &*file.map()?))),
        7 => disk.rename(&path, &other).map(|()| String::new()),
        8 => disk.remove_file(&path).map(|()| String::new()),
        9 => disk.create_dir(&path).map(|()| String::new()),
        10 => disk.remove_dir(&path).map(|()| String::new()),
        _ => disk.sync_dir(root).and_then(|()| disk.list_dir(root)).map(|entries| format!("{entries:?}")),
    };
    outcome.unwrap_or_else(|error| format!("{:?}", error.kind()))
}

/// Everything below a directory.
fn dump(disk: &dyn Disk, dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>, root: &Path) {
    for entry in disk.list_dir(dir).unwrap() {
        let path = dir.join(&entry.name);
        let relative = path.strip_prefix(root).unwrap().to_owned();
        match entry.kind {
            EntryKind::Directory => {
                found.push((relative, Vec::new()));
                dump(disk, &path, found, root);
            }
            _ => found.push((relative, disk.open(&path, Access::Read).unwrap().map().unwrap().to_vec())),
        }
    }
}

#[test]
fn random_operations_end_alike_on_the_simulated_and_on_the_real_disk() {
    for seed in 0..20 {
        let real_dir = tempfile::tempdir().unwrap();
        let (real_root, simulated_root) = (real_dir.path(), Path::new(DIR));
        let simulated = disk();
        let (mut real_rng, mut simulated_rng) = (SplitMix64::new(seed), SplitMix64::new(seed));
        for number in 0..200 {
            let expected = step(&RealDisk, real_root, &mut real_rng);
            let found = step(&simulated, simulated_root, &mut simulated_rng);
            assert_eq!(found, expected, "seed {seed}, operation {number}");
        }
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        dump(&RealDisk, real_root, &mut expected, real_root);
        dump(&simulated, simulated_root, &mut found, simulated_root);
        assert!(found == expected, "seed {seed}");
    }
}
