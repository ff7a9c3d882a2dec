//! Which of the unsynced changes a power cut spares.

use super::rng::SplitMix64;

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// It is lost.
    Old,
    /// What stood there between the last sync and the last change survives, where there was such a thing;
    /// otherwise the change does.
    Earlier,
    /// It survives.
    New,
}

/// Decides change by change. The first seeds are the extreme cases, which random ones would hardly ever hit.
#[derive(Debug)]
pub(super) struct Survival {
    rng: SplitMix64,
    mode: Mode,
    last_sequence: u64,
    decisions: u64,
}

#[derive(Debug)]
enum Mode {
    Nothing,
    Everything,
    /// Only what the last operation changed.
    OnlyLast,
    /// Directory entries and lengths without the bytes.
    MetadataOnly,
    /// The bytes without entries and lengths.
    DataOnly,
    /// All but the change with this number.
    AllBut(u64),
    /// Each change on its own, with this chance in eight.
    Random(u64),
}

impl Survival {
    /// `changes` is how many decisions will be asked for, `last_sequence` the last unsynced operation.
    pub(super) fn new(seed: u64, changes: u64, last_sequence: u64) -> Survival {
        let mut rng = SplitMix64::new(seed);
        let mode = match seed {
            0 => Mode::Nothing,
            1 => Mode::Everything,
            2 => Mode::OnlyLast,
            3 => Mode::MetadataOnly,
            4 => Mode::DataOnly,
            _ => match rng.below(5) {
                0 => Mode::AllBut(rng.below(changes)),
                1 => Mode::Random(1),
                2 => Mode::Random(7),
                _ => Mode::Random(4),
            },
        };
        Survival { rng, mode, last_sequence, decisions: 0 }
    }

    /// The fate of a change to a directory.
    pub(super) fn entry(&mut self, sequence: u64) -> bool {
        self.decide(sequence, true) != Version::Old
    }

    /// The fate of a change of a file's length.
    pub(super) fn length(&mut self, sequence: u64) -> Version {
        self.decide(sequence, true)
    }

    /// The fate of a change to a sector.
    pub(super) fn sector(&mut self, sequence: u64) -> Version {
        self.decide(sequence, false)
    }

    fn decide(&mut self, sequence: u64, metadata: bool) -> Version {
        let decision = self.decisions;
        self.decisions += 1;
        let survives = match self.mode {
            Mode::Nothing => false,
            Mode::Everything => true,
            Mode::OnlyLast => sequence == self.last_sequence,
            Mode::MetadataOnly => metadata,
            Mode::DataOnly => !metadata,
            Mode::AllBut(victim) => decision != victim,
            Mode::Random(eighths) => {
                let survives = self.rng.chance(eighths, 8);
                if survives && self.rng.chance(1, 4) {
                    return Version::Earlier;
                }
                survives
            }
        };
        if survives { Version::New } else { Version::Old }
    }
}
