//! The YAML file: sections of keys with single values, nothing deeper.
//!
//! Checked while it is parsed, so that the parser itself knows line and column of what is wrong.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Config;
use super::keys::{Key, nearest};
use super::value::Scalar;

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileError {
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    pub(super) what: String,
}

/// Sets what stands in `text`. Returns the paths of the keys that it sets.
pub(super) fn apply(text: &str, keys: &[Key], config: &mut Config) -> Result<BTreeSet<String>, FileError> {
    let sink = RefCell::new(Sink { keys, config, seen: BTreeSet::new(), refusal: None });
    let document = serde_yaml::Deserializer::from_str(text);
    match (Sections { sink: &sink }).deserialize(document) {
        Ok(()) => Ok(sink.into_inner().seen),
        Err(error) => {
            let location = error.location();
            let what = sink.into_inner().refusal.unwrap_or_else(|| without_place(&error.to_string()));
            Err(FileError {
                line: location.as_ref().map(serde_yaml::Location::line),
                column: location.as_ref().map(serde_yaml::Location::column),
                what,
            })
        }
    }
}

/// The parser appends the place to its messages; ours say it once, in front.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Where values go, and what has been set so far.
struct Sink<'a> {
    keys: &'a [Key],
    config: &'a mut Config,
    seen: BTreeSet<String>,
    /// What was found wrong, word for word: the parser mixes its own words into the errors that it passes on.
    refusal: Option<String>,
}

impl Sink<'_> {
    fn refuse<E: Error>(&mut self, what: String) -> E {
        let error = E::custom(&what);
        self.refusal = Some(what);
        error
    }
}

/// The whole document: section names to sections.
struct Sections<'s, 'a> {
    sink: &'s RefCell<Sink<'a>>,
}

impl<'de> DeserializeSeed<'de> for Sections<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sections<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sections such as \"server:\", with indented keys below")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(section) = map.next_key_seed(SectionName { sink: self.sink, seen: &mut seen })? {
            map.next_value_seed(Keys { sink: self.sink, section })?;
        }
        Ok(())
    }
}

struct SectionName<'s, 'a, 'n> {
    sink: &'s RefCell<Sink<'a>>,
    seen: &'n mut BTreeSet<&'static str>,
}

impl<'de> DeserializeSeed<'de> for SectionName<'_, '_, '_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for SectionName<'_, '_, '_> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a section")
    }

    fn visit_str<E: Error>(self, found: &str) -> Result<&'static str, E> {
        let mut sink = self.sink.borrow_mut();
        let mut sections = sink.keys.iter().map(|key| key.section);
        match sections.clone().find(|section| *section == found) {
            Some(section) if self.seen.insert(section) => Ok(section),
            Some(_) => Err(sink.refuse(format!("section \"{found}\" stands here a second time"))),
            None => {
                let what = unknown("section", found, &mut sections);
                Err(sink.refuse(what))
            }
        }
    }
}

/// One section: key names to values.
struct Keys<'s, 'a> {
    sink: &'s RefCell<Sink<'a>>,
    section: &'static str,
}

impl<'de> DeserializeSeed<'de> for Keys<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys of section \"{}\", indented", self.section)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(index) = map.next_key_seed(KeyName { sink: self.sink, section: self.section })? {
            map.next_value_seed(Value { sink: self.sink, index })?;
        }
        Ok(())
    }
}

/// A key's name; becomes its index in the list of keys.
struct KeyName<'s, 'a> {
    sink: &'s RefCell<Sink<'a>>,
    section: &'static str,
}

impl<'de> DeserializeSeed<'de> for KeyName<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyName<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a key")
    }

    fn visit_str<E: Error>(self, found: &str) -> Result<usize, E> {
        let mut sink = self.sink.borrow_mut();
        let path = format!("{}.{found}", self.section);
        match sink.keys.iter().position(|key| key.section == self.section && key.name == found) {
            Some(index) if sink.seen.insert(path.clone()) => Ok(index),
            Some(_) => Err(sink.refuse(format!("key \"{path}\" stands here a second time"))),
            None => {
                let what = unknown_key(sink.keys, self.section, found);
                Err(sink.refuse(what))
            }
        }
    }
}

struct Value<'s, 'a> {
    sink: &'s RefCell<Sink<'a>>,
    index: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Value<'_, '_> {
    fn set<E: Error>(&self, value: &Scalar) -> Result<(), E> {
        let sink = &mut *self.sink.borrow_mut();
        match sink.keys.get(self.index) {
            Some(key) => key.set(sink.config, value).map_err(|what| sink.refuse(what)),
            None => Err(sink.refuse("no such key".to_owned())),
        }
    }

    fn refuse<E: Error>(&self, found: &str) -> Result<(), E> {
        let mut sink = self.sink.borrow_mut();
        let key = sink.keys.get(self.index).map(|key| (key.path(), key.kind.expected()));
        let (path, expected) = key.unwrap_or_default();
        Err(sink.refuse(format!("{path} is {found}, but takes {expected}")))
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.set(&Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.set(&Scalar::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.set(&Scalar::Whole(value)),
            Err(_) => self.set(&Scalar::Text(value.to_string())),
        }
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<(), E> {
        self.set(&Scalar::Text(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<(), E> {
        self.set(&Scalar::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.set(&Scalar::Text(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.set(&Scalar::Text(value.to_owned()))
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.refuse("empty")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.refuse("empty")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse("a section")
    }
}

/// The message about a key that is not there, with what was probably meant.
pub(super) fn unknown_key(keys: &[Key], section: &str, found: &str) -> String {
    let elsewhere = keys.iter().find(|key| key.name == found);
    let mut names = keys.iter().filter(|key| key.section == section).map(|key| key.name);
    match (nearest(found, names.clone()), elsewhere) {
        (Some(_), _) | (None, None) => unknown("key", &format!("{section}.{found}"), &mut names),
        (None, Some(key)) => {
            format!("unknown key \"{section}.{found}\"; did you mean \"{}\"?", key.path())
        }
    }
}

/// `found` may be a path; the candidates are names.
pub(super) fn unknown(what: &str, found: &str, candidates: &mut dyn Iterator<Item = &'static str>) -> String {
    let mut candidates: Vec<_> = candidates.collect();
    candidates.dedup();
    let (prefix, name) = found.rsplit_once('.').map_or(("", found), |(section, name)| (section, name));
    match nearest(name, candidates.iter().copied()) {
        Some(near) if prefix.is_empty() => format!("unknown {what} \"{found}\"; did you mean \"{near}\"?"),
        Some(near) => format!("unknown {what} \"{found}\"; did you mean \"{prefix}.{near}\"?"),
        None => format!("unknown {what} \"{found}\"; there are: {}", candidates.join(", ")),
    }
}
