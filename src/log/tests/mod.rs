//! Tests of the log through its public face, on the simulated disk.

mod basics;
mod bit_rot;
mod crash_matrix;
mod damage_lab;
mod faults;
mod inspecting;
mod model;
mod operations;
mod oracle;
mod planted;
mod random_model;
mod regressions;
mod scenarios;
mod sequences;
pub(in crate::log) mod support;
