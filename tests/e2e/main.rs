//! The real binary, from outside: every test starts brokers of its own on free ports, in directories of its own.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests: a panic is a failure that says where")]

mod bad_input;
mod consuming;
mod crash;
mod harness;
mod lifecycle;
mod offline;
mod producing;
mod stock_client;
mod topics;
mod walk_through;
