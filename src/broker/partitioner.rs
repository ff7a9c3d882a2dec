//! Which partition a record goes to when its producer does not say.
//!
//! A key is hashed as Kafka's default partitioner does, so that producers of both agree on where a key lives.
//! Records without a key stick to a partition until it has got about a frame's worth of bytes: a frame of
//! many records costs one header and one sync, many frames of one record cost many.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::types::PartitionId;
use crate::types::limits::GATHERED_FRAME_BYTES_MAX;
use crate::types::num::to_u64;

/// The partition of a key, as in Kafka: `toPositive(murmur2(key)) % partitions`.
#[must_use]
pub fn partition_of_key(key: &[u8], partitions: u32) -> PartitionId {
    let positive = murmur2(key) & 0x7fff_ffff;
    PartitionId(positive.checked_rem(partitions).unwrap_or(0))
}

/// Spreads records without a key: sticks to a partition for [`GATHERED_FRAME_BYTES_MAX`], then moves on.
#[derive(Debug, Default)]
pub(super) struct StickyPartitioner {
    /// The bytes that all records so far had; which partition is next follows from it.
    bytes: AtomicU64,
}

impl StickyPartitioner {
    /// The partition for a record of `record_bytes`.
    pub(super) fn next(&self, record_bytes: usize, partitions: u32) -> PartitionId {
        let before = self.bytes.fetch_add(to_u64(record_bytes), Ordering::Relaxed);
        let turn = before / to_u64(GATHERED_FRAME_BYTES_MAX);
        let partition = turn.checked_rem(u64::from(partitions)).unwrap_or(0);
        PartitionId(u32::try_from(partition).unwrap_or(0))
    }
}

/// `MurmurHash2` with the seed that Kafka's `Utils.murmur2` uses, in the 32-bit arithmetic of Java.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // Java's array lengths are 32-bit; a key is never longer than a record, which is far below.
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ len;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (byte, shift) in tail.iter().zip([0, 8, 16]) {
            hash ^= u32::from(*byte) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_are_those_of_kafka() {
        let cases: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (key, expected) in cases {
            assert_eq!(murmur2(key).cast_signed(), expected, "{key:?}");
        }
    }

    #[test]
    fn a_key_always_goes_to_the_same_partition_in_range() {
        for n in 1..20 {
            for key in [b"a".as_slice(), b"order-17", b""] {
                let partition = partition_of_key(key, n);
                assert!(partition.0 < n);
                assert_eq!(partition, partition_of_key(key, n));
            }
        }
        // 0x7fffffff & -973932308 = 1173551340; % 7 = 3
        assert_eq!(partition_of_key(b"21", 7), PartitionId(1_173_551_340 % 7));
    }

    #[test]
    fn records_without_a_key_stick_for_a_frame_and_then_move_on() {
        let sticky = StickyPartitioner::default();
        let half = GATHERED_FRAME_BYTES_MAX / 2;
        let picked: Vec<u32> = (0..7).map(|_| sticky.next(half, 3).0).collect();
        assert_eq!(picked, [0, 0, 1, 1, 2, 2, 0]);
    }
}
