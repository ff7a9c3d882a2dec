//! The verbs, against storage in memory.

mod support;
mod verbs;
