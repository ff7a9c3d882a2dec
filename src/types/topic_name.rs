//! Topic names: checked once, here, then carried as a type.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::limits::TOPIC_NAME_BYTES_MAX;

/// The name of a topic: 1 to 249 bytes of ASCII letters, digits, `.`, `_` and `-`, but not `.` or `..`, since
/// it names a directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks `name`.
    ///
    /// # Errors
    /// Says which rule `name` breaks.
    pub fn parse(name: &str) -> Result<TopicName, TopicNameError> {
        if name.is_empty() {
            return Err(TopicNameError::Empty);
        }
        if name.len() > TOPIC_NAME_BYTES_MAX {
            return Err(TopicNameError::TooLong { len: name.len() });
        }
        if name == "." || name == ".." {
            return Err(TopicNameError::Reserved);
        }
        match name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')) {
            Some(found) => Err(TopicNameError::BadCharacter { found }),
            None => Ok(TopicName(name.into())),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the topic is the broker's own: left out of lists and counts, closed to publishers.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.0.starts_with("__")
    }
}

/// Maps by name are looked up without making a name. Sound, because text hashes and compares as the name does.
impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a topic name was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicNameError {
    /// The name has no characters.
    #[error("a topic name must not be empty")]
    Empty,
    /// The name is longer than [`TOPIC_NAME_BYTES_MAX`].
    #[error("a topic name has at most {TOPIC_NAME_BYTES_MAX} bytes, this one has {len}")]
    TooLong {
        /// The length of the name, in bytes.
        len: usize,
    },
    /// The name means a directory itself, or its parent.
    #[error("a topic must not be named \".\" or \"..\"")]
    Reserved,
    /// The name has a character outside the allowed set.
    #[error("a topic name is made of letters, digits, '.', '_' and '-', not {found:?}")]
    BadCharacter {
        /// The first such character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for name in ["events", "a", "A.b_c-9", "...", &"x".repeat(249)] {
            assert_eq!(TopicName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_leave_the_data_directory_are_refused() {
        assert_eq!(TopicName::parse(""), Err(TopicNameError::Empty));
        assert_eq!(TopicName::parse(".."), Err(TopicNameError::Reserved));
        assert_eq!(TopicName::parse("."), Err(TopicNameError::Reserved));
        assert_eq!(TopicName::parse("a/b"), Err(TopicNameError::BadCharacter { found: '/' }));
        assert_eq!(TopicName::parse("a\0b"), Err(TopicNameError::BadCharacter { found: '\0' }));
        assert_eq!(TopicName::parse("grün"), Err(TopicNameError::BadCharacter { found: 'ü' }));
        assert_eq!(TopicName::parse(&"x".repeat(250)), Err(TopicNameError::TooLong { len: 250 }));
    }

    #[test]
    fn double_underscore_marks_internal_topics() {
        assert!(TopicName::parse("__groups").unwrap().is_internal());
        assert!(!TopicName::parse("_groups").unwrap().is_internal());
    }
}
