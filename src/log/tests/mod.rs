//! Tests of the log through its public face, on the simulated disk.

mod basics;
mod bit_rot;
mod damage_lab;
mod durability;
mod golden;
mod oracle;
pub(in crate::log) mod support;
