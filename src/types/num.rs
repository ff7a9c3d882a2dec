//! The conversions between integer widths that cannot fail on the platforms Highwater runs on, in the one
//! place that may say so.

const _: () = assert!(usize::BITS == 64, "file positions are used as memory lengths: 64-bit platforms only");

/// A length in memory as a 64-bit number.
#[must_use]
#[expect(clippy::as_conversions, reason = "usize has 64 bits, asserted above")]
pub const fn to_u64(value: usize) -> u64 {
    value as u64
}

/// A 64-bit number as a length in memory.
#[must_use]
#[expect(clippy::as_conversions, reason = "usize has 64 bits, asserted above")]
pub const fn to_usize(value: u64) -> usize {
    value as usize
}

/// A 32-bit number as a length in memory.
#[must_use]
#[expect(clippy::as_conversions, reason = "usize has 64 bits, asserted above")]
pub const fn u32_to_usize(value: u32) -> usize {
    value as usize
}
