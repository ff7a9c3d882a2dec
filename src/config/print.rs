//! The effective configuration as YAML, which can be read back.

use std::fmt::Write as _;

use super::keys;
use super::load::Loaded;

/// The configuration as YAML, each value with a comment that says where it came from.
#[must_use]
pub fn to_yaml(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut section = "";
    for (key, origin) in keys::all().iter().zip(&loaded.origins) {
        if key.section != section {
            section = key.section;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{section}:");
        }
        let line = format!("  {}: {}", key.name, key.get(&loaded.config));
        let _ = writeln!(text, "{line:<48} # {origin}");
    }
    text
}
