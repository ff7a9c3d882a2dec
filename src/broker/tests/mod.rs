//! The verbs, against storage in memory.
