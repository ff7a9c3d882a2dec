//! Tests of the log through its public face, on the simulated disk.

mod basics;
mod inspecting;
mod support;
