//! Tests of the log through its public face, on the simulated disk.

mod basics;
mod crash_matrix;
mod faults;
mod model;
mod named;
mod operations;
mod planted;
mod random_model;
mod regressions;
mod scenarios;
mod sequences;
mod support;
