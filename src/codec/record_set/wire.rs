//! The protobuf wire format: numbers, tags and lengths, read from a slice.

use super::Malformation;

/// Tags and lengths have at most 32 bits; some decoders refuse to read more bytes for them than those take.
const SHORT_VARINT_BYTES_MAX: usize = 5;

/// A number of 64 bits takes at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// Decoders keep lengths in 31 bits.
const LENGTH_MAX: u64 = 0x7fff_ffff;

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed,
    Delimited,
}

/// What is left to read. Positions are counted from the end, which stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.0.len()
    }

    /// A field's number and wire type.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<(u64, WireType), Malformation> {
        let tag = self.varint(SHORT_VARINT_BYTES_MAX)?;
        if tag > u32::MAX.into() {
            return Err(Malformation::BadVarint);
        }
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 | 5 => WireType::Fixed,
            2 => WireType::Delimited,
            3 | 4 => return Err(Malformation::Group),
            _ => return Err(Malformation::WrongWireType),
        };
        match tag >> 3 {
            0 => Err(Malformation::FieldZero),
            field => Ok((field, wire_type)),
        }
    }

    /// A length, and as many bytes.
    #[inline]
    pub(super) fn delimited(&mut self) -> Result<&'a [u8], Malformation> {
        let len = self.varint(SHORT_VARINT_BYTES_MAX)?;
        if len > LENGTH_MAX {
            return Err(Malformation::BadVarint);
        }
        let (bytes, rest) =
            self.0.split_at_checked(crate::types::num::to_usize(len)).ok_or(Malformation::Overrun)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A number of 64 bits, with a sign.
    #[inline]
    pub(super) fn int64(&mut self) -> Result<i64, Malformation> {
        Ok(self.varint(VARINT_BYTES_MAX)?.cast_signed())
    }

    #[inline]
    fn varint(&mut self, bytes_max: usize) -> Result<u64, Malformation> {
        // Nearly all are of one byte.
        match self.0.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.0 = rest;
                Ok(byte.into())
            }
            _ => self.long_varint(bytes_max),
        }
    }

    fn long_varint(&mut self, bytes_max: usize) -> Result<u64, Malformation> {
        let mut value = 0_u64;
        for (index, &byte) in self.0.iter().take(bytes_max).enumerate() {
            // The tenth byte has room for the last bit only.
            if index + 1 == VARINT_BYTES_MAX && byte > 1 {
                return Err(Malformation::BadVarint);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.0 = self.0.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.0.len() < bytes_max { Malformation::Truncated } else { Malformation::BadVarint })
    }
}
