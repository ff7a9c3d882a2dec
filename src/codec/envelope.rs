//! The wrapping that every format but the frame shares, in every version there will ever be:
//!
//! ```text
//! 0         8           12         16            16+len     20+len
//! | magic   | version   | body len | body        | CRC-32   |
//! ```
//!
//! The CRC covers everything before it. It is checked before the version is believed, so that a flipped bit
//! never reads as "a newer format".

use thiserror::Error;

use super::cursor::Cursor;
use crate::types::num::u32_to_usize;

/// What stands around a body, in bytes.
pub const OVERHEAD: usize = 8 + 4 + 4 + 4;

/// No body is longer: lengths are checked before anything is read or allocated.
pub const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why bytes are not a sound envelope of the format asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// The bytes are damaged, or were never an envelope of this kind.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// The bytes are sound, but written by a later version of Highwater.
    #[error("format version {found} is newer than the newest this build reads, {known}")]
    NewerVersion {
        /// The version found.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
}

/// Wraps `body`.
#[must_use]
pub fn seal(magic: [u8; 8], version: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    assert!(body.len() <= BODY_BYTES_MAX, "a body of {len} bytes is above the cap");
    let mut bytes = Vec::with_capacity(OVERHEAD + body.len());
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Unwraps the envelope that `bytes` begin with; what follows it is not looked at.
///
/// # Errors
/// See [`EnvelopeError`].
pub fn open(magic: [u8; 8], known_version: u32, bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    open_prefix(magic, known_version, bytes).map(|(body, _)| body)
}

/// Unwraps an envelope that `bytes` must be, from the first to the last.
///
/// # Errors
/// See [`EnvelopeError`].
pub fn open_exact(magic: [u8; 8], known_version: u32, bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    match open_prefix(magic, known_version, bytes)? {
        (body, []) => Ok(body),
        _ => Err(EnvelopeError::Damaged("more bytes than the length says")),
    }
}

fn open_prefix(magic: [u8; 8], known_version: u32, bytes: &[u8]) -> Result<(&[u8], &[u8]), EnvelopeError> {
    const SHORT: EnvelopeError = EnvelopeError::Damaged("too short");
    let mut cursor = Cursor::new(bytes);
    if cursor.bytes().ok_or(SHORT)? != magic {
        return Err(EnvelopeError::Damaged("wrong magic"));
    }
    let version = cursor.u32().ok_or(SHORT)?;
    let len = u32_to_usize(cursor.u32().ok_or(SHORT)?);
    if len > BODY_BYTES_MAX {
        return Err(EnvelopeError::Damaged("length above the cap"));
    }
    let body = cursor.slice(len).ok_or(SHORT)?;
    let crc = cursor.u32().ok_or(SHORT)?;
    let covered = bytes.get(..OVERHEAD - 4 + len).ok_or(SHORT)?;
    if crc32fast::hash(covered) != crc {
        return Err(EnvelopeError::Damaged("wrong CRC"));
    }
    if version > known_version {
        return Err(EnvelopeError::NewerVersion { found: version, known: known_version });
    }
    if version == 0 {
        return Err(EnvelopeError::Damaged("version 0 was never written"));
    }
    Ok((body, cursor.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: [u8; 8] = *b"HWTESTED";

    #[test]
    fn golden_bytes() {
        let golden = [
            b'H', b'W', b'T', b'E', b'S', b'T', b'E', b'D', 1, 0, 0, 0, 2, 0, 0, 0, b'h', b'i', 0xbc, 0x3b,
            0x1e, 0x22,
        ];
        assert_eq!(seal(MAGIC, 1, b"hi"), golden, "the envelope's layout is final");
        assert_eq!(open_exact(MAGIC, 1, &golden), Ok(&b"hi"[..]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_damage_never_a_newer_version() {
        let sound = seal(MAGIC, 1, b"body");
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(open_exact(MAGIC, 1, &bytes), Err(EnvelopeError::Damaged(_))), "bit {bit}");
        }
        for len in 0..sound.len() {
            assert!(matches!(open(MAGIC, 1, &sound[..len]), Err(EnvelopeError::Damaged(_))), "cut at {len}");
        }
    }

    #[test]
    fn a_sound_envelope_of_a_later_version_is_told_from_damage() {
        let later = seal(MAGIC, 2, b"body");
        assert_eq!(open(MAGIC, 1, &later), Err(EnvelopeError::NewerVersion { found: 2, known: 1 }));
    }

    #[test]
    fn bytes_behind_the_envelope_are_an_error_only_where_it_must_be_all() {
        let mut bytes = seal(MAGIC, 1, b"body");
        bytes.push(0);
        assert_eq!(open(MAGIC, 1, &bytes), Ok(&b"body"[..]));
        assert!(open_exact(MAGIC, 1, &bytes).is_err());
    }
}
