//! The verbs, against storage in memory.

pub(crate) mod support;
mod verbs;
