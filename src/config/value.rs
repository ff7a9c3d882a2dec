//! Single values: as they stand in a file or a variable, and as the fields of [`super::Config`] hold them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{LogFormat, LogLevel, StorageKind};

/// A value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Anything else.
    Text(String),
}

impl Scalar {
    /// Reads a value from text that has no types: an environment variable or a flag.
    #[must_use]
    pub fn from_text(text: &str, kind: &Kind) -> Scalar {
        let text = text.trim();
        let typed = match kind {
            Kind::Bool => text.parse().ok().map(Scalar::Bool),
            Kind::Whole { .. } | Kind::WholeOrNever { .. } => text.parse().ok().map(Scalar::Whole),
            Kind::Listen | Kind::Path | Kind::Choice(_) => None,
        };
        typed.unwrap_or_else(|| Scalar::Text(text.to_owned()))
    }
}

/// As YAML would have it.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Whole(value) => value.fmt(f),
            Scalar::Text(value) => f.write_str(&quoted_where_needed(value)),
        }
    }
}

/// Plain where any YAML parser takes it for the same text; in double quotes otherwise.
fn quoted_where_needed(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '.'))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// What a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// An address to listen on.
    Listen,
    /// A path.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number.
    Whole {
        /// The least that makes sense.
        min: i64,
        /// The most that makes sense.
        max: i64,
        /// What is counted.
        unit: &'static str,
    },
    /// A whole number, or -1 for "never" or "without bound".
    WholeOrNever {
        /// The least that makes sense beside -1.
        min: i64,
        /// What is counted.
        unit: &'static str,
    },
}

impl Kind {
    /// What would be right, for error messages.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Listen => "an IP address and a port, such as 127.0.0.1:50051".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Choice(words) => words.join(" or "),
            Kind::Whole { min, max, unit } => format!("a whole number of {unit} from {min} to {max}"),
            Kind::WholeOrNever { min, unit } => {
                format!("a whole number of {unit}, at least {min}, or -1 for no bound")
            }
        }
    }

    /// Whether `value` lies in the bounds. Types are checked when the value is assigned.
    #[must_use]
    pub fn admits(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Kind::Choice(words), Scalar::Text(text)) => words.contains(&text.as_str()),
            (Kind::Path, Scalar::Text(text)) => !text.is_empty(),
            (Kind::Whole { min, max, .. }, Scalar::Whole(number)) => (min..=max).contains(&number),
            (Kind::WholeOrNever { min, .. }, Scalar::Whole(number)) => *number == -1 || number >= min,
            (Kind::Bool, Scalar::Bool(_)) | (Kind::Listen, Scalar::Text(_)) => true,
            _ => false,
        }
    }
}

/// A field of the configuration, to and from a [`Scalar`].
pub(super) trait Field: Sized {
    /// The field as it would be written.
    fn show(&self) -> Scalar;
    /// The field from what is written; None where the type does not fit.
    fn read(value: &Scalar) -> Option<Self>;
}

impl Field for bool {
    fn show(&self) -> Scalar {
        Scalar::Bool(*self)
    }

    fn read(value: &Scalar) -> Option<bool> {
        match value {
            Scalar::Bool(value) => Some(*value),
            Scalar::Whole(_) | Scalar::Text(_) => None,
        }
    }
}

macro_rules! whole_number {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn show(&self) -> Scalar {
                Scalar::Whole(i64::try_from(*self).unwrap_or(i64::MAX))
            }

            fn read(value: &Scalar) -> Option<$number> {
                match value {
                    Scalar::Whole(value) => <$number>::try_from(*value).ok(),
                    Scalar::Bool(_) | Scalar::Text(_) => None,
                }
            }
        }
    )*};
}

whole_number!(u32, u64, usize);

impl Field for Option<u64> {
    fn show(&self) -> Scalar {
        self.as_ref().map_or(Scalar::Whole(-1), u64::show)
    }

    fn read(value: &Scalar) -> Option<Option<u64>> {
        if *value == Scalar::Whole(-1) { Some(None) } else { u64::read(value).map(Some) }
    }
}

impl Field for SocketAddr {
    fn show(&self) -> Scalar {
        Scalar::Text(self.to_string())
    }

    fn read(value: &Scalar) -> Option<SocketAddr> {
        match value {
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Bool(_) | Scalar::Whole(_) => None,
        }
    }
}

impl Field for PathBuf {
    fn show(&self) -> Scalar {
        Scalar::Text(self.to_string_lossy().into_owned())
    }

    fn read(value: &Scalar) -> Option<PathBuf> {
        match value {
            Scalar::Text(text) => Some(PathBuf::from(text)),
            Scalar::Bool(_) | Scalar::Whole(_) => None,
        }
    }
}

macro_rules! words {
    ($kind:ty: $($word:literal => $variant:path),*) => {
        impl Field for $kind {
            fn show(&self) -> Scalar {
                Scalar::Text(match self { $($variant => $word),* }.to_owned())
            }

            fn read(value: &Scalar) -> Option<$kind> {
                match value {
                    Scalar::Text(text) => match text.as_str() {
                        $($word => Some($variant),)*
                        _ => None,
                    },
                    Scalar::Bool(_) | Scalar::Whole(_) => None,
                }
            }
        }
    };
}

words!(StorageKind: "file" => StorageKind::File, "memory" => StorageKind::Memory);
words!(LogFormat: "text" => LogFormat::Text, "json" => LogFormat::Json);
words!(LogLevel: "error" => LogLevel::Error, "warn" => LogLevel::Warn, "info" => LogLevel::Info,
    "debug" => LogLevel::Debug, "trace" => LogLevel::Trace);
