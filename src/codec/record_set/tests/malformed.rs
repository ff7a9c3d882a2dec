//! Each way in which bytes can fail to be a record set has its own name, and its place is told.

use super::super::*;
use super::LIMITS;
use Malformation::{
    BadUtf8, BadVarint, Duplicate, FieldZero, Group, Overrun, Truncated, UnknownField, WrongWireType,
};

/// A set of a good record and one with this body.
fn set(body: &[u8]) -> Vec<u8> {
    let len = u8::try_from(body.len()).unwrap();
    [&[0x0a, 0x02, 0x12, 0x00, 0x0a, len], body].concat()
}

#[track_caller]
fn assert_body(body: &[u8], at: usize, what: Malformation) {
    let position = 6 + at;
    assert_eq!(validate(&[set(body)], LIMITS), Err(RecordSetError::Malformed { record: 1, position, what }));
}

#[track_caller]
fn assert_passes(body: &[u8]) {
    assert_eq!(validate(&[set(body)], LIMITS).map(|summary| summary.record_count), Ok(2));
}

#[test]
fn at_the_top_there_are_records_only() {
    for (set, what) in [
        (&[0x12, 0x00][..], UnknownField),
        (&[0x08, 0x00], WrongWireType),
        (&[0x0d, 0, 0, 0, 0], WrongWireType),
        (&[0x0b, 0x0c], Group),
        (&[0x0c], Group),
        (&[0x02, 0x00], FieldZero),
        (&[0x0f], WrongWireType),
        (&[0x0a], Truncated),
        (&[0x0a, 0x01], Overrun),
        (&[0x0a, 0x80], Truncated),
    ] {
        let error = RecordSetError::Malformed { record: 0, position: 0, what };
        assert_eq!(validate(&[set], LIMITS), Err(error), "{set:x?}");
    }
}

#[test]
fn unknown_fields_groups_and_field_zero_are_refused() {
    assert_body(&[0x3a, 0x00], 0, UnknownField);
    assert_body(&[0x12, 0x00, 0x38, 0x00], 2, UnknownField);
    assert_body(&[0x13, 0x14], 0, Group);
    assert_body(&[0x02, 0x00], 0, FieldZero);
}

#[test]
fn each_field_has_one_wire_type() {
    for body in [[0x08, 0x00], [0x10, 0x00], [0x18, 0x00], [0x22, 0x00], [0x28, 0x00], [0x32, 0x00]] {
        assert_body(&body, 0, WrongWireType);
    }
    assert_body(&[0x21, 0, 0, 0, 0, 0, 0, 0, 0], 0, WrongWireType);
}

#[test]
fn singular_fields_occur_once() {
    assert_body(&[0x0a, 0x00, 0x0a, 0x00], 2, Duplicate);
    assert_body(&[0x12, 0x01, b'a', 0x12, 0x01, b'b'], 3, Duplicate);
    assert_body(&[0x20, 0x01, 0x20, 0x02], 2, Duplicate);
    assert_body(&[0x2a, 0x00, 0x2a, 0x00], 2, Duplicate);
    assert_body(&[0x30, 0x01, 0x12, 0x00, 0x30, 0x02], 4, Duplicate);
    assert_body(&[0x1a, 0x04, 0x0a, 0x00, 0x0a, 0x00], 4, Duplicate);
    assert_body(&[0x1a, 0x04, 0x12, 0x00, 0x12, 0x00], 4, Duplicate);
    assert_passes(&[0x1a, 0x00, 0x1a, 0x00]);
}

#[test]
fn fields_may_stand_in_any_order() {
    assert_passes(&[0x30, 0x01, 0x1a, 0x00, 0x12, 0x00, 0x20, 0x01, 0x1a, 0x00, 0x0a, 0x00]);
}

#[test]
fn strings_are_utf8() {
    assert_body(&[0x2a, 0x01, 0xff], 0, BadUtf8);
    assert_body(&[0x1a, 0x04, 0x0a, 0x02, 0xc3, 0x28], 2, BadUtf8);
    // What is declared as bytes may hold anything.
    assert_passes(&[0x12, 0x01, 0xff, 0x1a, 0x03, 0x12, 0x01, 0xff]);
}

#[test]
fn lengths_stay_inside_what_contains_them() {
    assert_body(&[0x12, 0x05, b'a'], 0, Overrun);
    assert_body(&[0x1a, 0x02, 0x12, 0x01], 2, Overrun);
    // The header's value would end inside the record, but not inside the header.
    assert_body(&[0x1a, 0x02, 0x12, 0x02, 0x12, 0x00], 2, Overrun);
    assert_body(&[0x12], 0, Truncated);
}

#[test]
fn numbers_fit_and_end() {
    assert_body(&[0x20], 0, Truncated);
    assert_body(&[0x20, 0x80, 0x80], 0, Truncated);
    let longest = [0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_passes(&longest);
    let mut overflowing = [0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    assert_body(&overflowing, 0, BadVarint);
    overflowing[10] = 0x81;
    assert_body(&[&overflowing[..], &[0x00]].concat(), 0, BadVarint);
    // Padded, but every decoder reads it.
    assert_passes(&[0x20, 0x81, 0x80, 0x80, 0x80, 0x00]);
}

#[test]
fn tags_and_lengths_have_at_most_five_bytes() {
    assert_passes(&[0x92, 0x80, 0x80, 0x80, 0x00, 0x80, 0x80, 0x80, 0x80, 0x00]);
    assert_body(&[0x92, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00], 0, BadVarint);
    assert_body(&[0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 0, BadVarint);
    assert_body(&[0xff, 0xff, 0xff, 0xff, 0x1f], 0, BadVarint);
    assert_body(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f], 0, BadVarint);
}

#[test]
fn a_walk_over_padded_tags_finds_the_records() {
    let set = [0x8a, 0x00, 0x02, 0x12, 0x00, 0x0a, 0x00];
    assert!(validate(&[set], LIMITS).is_ok());
    let ranges: Vec<_> = Records::new(&set).map(|span| span.unwrap().range).collect();
    assert_eq!(ranges, [0..5, 5..7]);
}

#[test]
fn a_walk_stops_at_the_first_fault() {
    let mut records = Records::new(&[0x0a, 0x00, 0x12, 0x00, 0x0a, 0x00]);
    assert!(records.next().unwrap().is_ok());
    assert!(records.next().unwrap().is_err());
    assert_eq!(records.next(), None);
}
