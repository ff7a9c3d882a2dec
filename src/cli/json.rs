//! Records as JSON, one a line: the shape of the HTTP interface, plus topic and partition.

use std::io::{self, Write};

use serde::de::IgnoredAny;

use super::time::to_rfc3339;
use crate::client::messages::{Header, Record};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Where a record was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) time_ms: i64,
}

/// Writes `record` as one line. A value that is JSON stands as it is; any other as `value_base64`; a tombstone
/// has neither, but `"tombstone":true`.
pub(super) fn write_record(out: &mut impl Write, place: Place<'_>, record: &Record) -> io::Result<()> {
    write!(out, "{{\"topic\":{},\"partition\":{}", quoted(place.topic), place.partition)?;
    write!(out, ",\"offset\":{},\"timestamp\":\"{}\"", place.offset, to_rfc3339(place.time_ms))?;
    match record.key.as_deref() {
        None => write!(out, ",\"key\":null")?,
        Some(key) => match std::str::from_utf8(key) {
            Ok(text) => write!(out, ",\"key\":{}", quoted(text))?,
            Err(_) => write!(out, ",\"key_base64\":\"{}\"", base64(key))?,
        },
    }
    write_headers(out, &record.headers)?;
    if !record.message_id.is_empty() {
        write!(out, ",\"message_id\":{}", quoted(&record.message_id))?;
    }
    match record.value.as_deref() {
        None => write!(out, ",\"tombstone\":true")?,
        Some(value) if is_json(value) => {
            write!(out, ",\"value\":")?;
            write_on_one_line(out, value)?;
        }
        Some(value) => write!(out, ",\"value_base64\":\"{}\"", base64(value))?,
    }
    out.write_all(b"}\n")
}

/// An object; a header that occurs several times has an array of its values, one that is not text an object
/// with its base64.
fn write_headers(out: &mut impl Write, headers: &[Header]) -> io::Result<()> {
    out.write_all(b",\"headers\":{")?;
    let mut names: Vec<&str> = Vec::new();
    for header in headers {
        if names.contains(&header.key.as_str()) {
            continue;
        }
        let separator = if names.is_empty() { "" } else { "," };
        names.push(&header.key);
        let values: Vec<String> =
            headers.iter().filter(|other| other.key == header.key).map(header_value).collect();
        let joined = values.join(",");
        match values.len() {
            1 => write!(out, "{separator}{}:{joined}", quoted(&header.key))?,
            _ => write!(out, "{separator}{}:[{joined}]", quoted(&header.key))?,
        }
    }
    out.write_all(b"}")
}

fn header_value(header: &Header) -> String {
    match std::str::from_utf8(&header.value) {
        Ok(text) => quoted(text),
        Err(_) => format!("{{\"base64\":\"{}\"}}", base64(&header.value)),
    }
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_json(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Line breaks in JSON are white space between tokens: in strings they are escaped.
fn write_on_one_line(out: &mut impl Write, json: &[u8]) -> io::Result<()> {
    for (index, line) in json.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        if index > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(line)?;
    }
    Ok(())
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = crate::types::num::u32_to_usize((group >> (18 - 6 * digit)) & 63);
            let letter = BASE64.get(index).filter(|_| digit <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &Record) -> String {
        let place = Place { topic: "t", partition: 1, offset: 2, time_ms: 3 };
        let mut out = Vec::new();
        write_record(&mut out, place, record).unwrap();
        String::from_utf8(out).unwrap()
    }

    const START: &str = r#"{"topic":"t","partition":1,"offset":2,"timestamp":"1970-01-01T00:00:00.003Z""#;

    #[test]
    fn json_values_stand_as_they_are_on_one_line() {
        let record = Record { value: Some("{\"a\":\n [1,\r\n2]}".into()), ..Record::default() };
        assert_eq!(
            line(&record),
            format!("{START},\"key\":null,\"headers\":{{}},\"value\":{{\"a\":  [1,  2]}}}}\n")
        );
    }

    #[test]
    fn other_values_are_base64_and_tombstones_say_so() {
        let record = Record { value: Some("hello".into()), key: Some("k\"".into()), ..Record::default() };
        let expected =
            format!("{START},\"key\":\"k\\\"\",\"headers\":{{}},\"value_base64\":\"aGVsbG8=\"}}\n");
        assert_eq!(line(&record), expected);
        let bad_text = Record { value: Some(b"\"\xff\"".as_slice().into()), ..Record::default() };
        assert!(line(&bad_text).contains("value_base64"));
        assert!(line(&Record::default()).ends_with(",\"tombstone\":true}\n"));
    }

    #[test]
    fn headers_are_an_object_even_when_repeated_or_binary() {
        let header = |key: &str, value: &'static [u8]| Header { key: key.into(), value: value.into() };
        let headers = vec![header("a", b"1"), header("b", b"\xff"), header("a", b"2")];
        let written = line(&Record { headers, ..Record::default() });
        assert!(written.contains(r#""headers":{"a":["1","2"],"b":{"base64":"/w=="}}"#), "{written}");
        let parsed: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(parsed["headers"]["a"][1], "2");
    }

    #[test]
    fn base64_pads_as_the_standard_says() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
