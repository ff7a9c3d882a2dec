//! Writes single records: for publishers that send one at a time.

use bytes::{BufMut as _, BytesMut};

use super::ELEMENT_TAG;
use crate::types::num::to_u64;

/// A record in borrowed parts. `headers` are pairs of key and value, and are gone through three times.
#[derive(Clone, Debug)]
pub struct RecordParts<'a, H> {
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// Its value; None: a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: H,
    /// Milliseconds since the Unix epoch; 0: the append time.
    pub timestamp_ms: i64,
    /// Its id; empty: none.
    pub message_id: &'a str,
    /// Milliseconds since the Unix epoch; 0: at once.
    pub deliver_at_ms: i64,
}

/// The length of the record, encoded, in bytes: what limits count. As an element of a record set it takes up to
/// six more.
pub fn record_len<'a, H>(record: &RecordParts<'a, H>) -> usize
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let headers: usize =
        record.headers.clone().map(|(key, value)| delimited_len(header_len(key, value))).sum();
    record.key.map_or(0, |key| delimited_len(key.len()))
        + record.value.map_or(0, |value| delimited_len(value.len()))
        + headers
        + number_len(record.timestamp_ms)
        + text_len(record.message_id.len())
        + number_len(record.deliver_at_ms)
}

/// Appends the record to `out`, as an element of a record set. The bytes are those of the canonical encoder:
/// fields in the order of their numbers, defaults left out.
pub fn encode_record<'a, H>(record: &RecordParts<'a, H>, out: &mut BytesMut)
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let len = record_len(record);
    out.reserve(delimited_len(len));
    out.put_u8(ELEMENT_TAG);
    put_varint(out, to_u64(len));
    if let Some(key) = record.key {
        put_delimited(out, 1, key);
    }
    if let Some(value) = record.value {
        put_delimited(out, 2, value);
    }
    for (key, value) in record.headers.clone() {
        out.put_u8(delimited_tag(3));
        put_varint(out, to_u64(header_len(key, value)));
        put_text(out, 1, key.as_bytes());
        put_text(out, 2, value);
    }
    put_number(out, 4, record.timestamp_ms);
    put_text(out, 5, record.message_id.as_bytes());
    put_number(out, 6, record.deliver_at_ms);
}

fn header_len(key: &str, value: &[u8]) -> usize {
    text_len(key.len()) + text_len(value.len())
}

/// Tag, length and as many bytes.
fn delimited_len(len: usize) -> usize {
    1 + varint_len(to_u64(len)) + len
}

/// The same for a field that is left out where it is empty.
fn text_len(len: usize) -> usize {
    if len == 0 { 0 } else { delimited_len(len) }
}

fn number_len(value: i64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value.cast_unsigned()) }
}

/// Seven bits a byte, and at least one byte.
fn varint_len(value: u64) -> usize {
    crate::types::num::u32_to_usize((64 - (value | 1).leading_zeros()).div_ceil(7))
}

const fn delimited_tag(field: u8) -> u8 {
    field << 3 | 2
}

fn put_delimited(out: &mut BytesMut, field: u8, bytes: &[u8]) {
    out.put_u8(delimited_tag(field));
    put_varint(out, to_u64(bytes.len()));
    out.put_slice(bytes);
}

fn put_text(out: &mut BytesMut, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_delimited(out, field, bytes);
    }
}

fn put_number(out: &mut BytesMut, field: u8, value: i64) {
    if value != 0 {
        out.put_u8(field << 3);
        put_varint(out, value.cast_unsigned());
    }
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.put_u8(low & 0x7f);
        }
        out.put_u8(low | 0x80);
    }
}
