//! The generated wire types, made by `build.rs` from `proto/`.
//!
//! [`server`] and [`client`] describe the same messages. They differ in the record sets: raw bytes on the
//! server, which sends them as they are stored; decoded messages in the client.
#![allow(missing_docs, clippy::as_conversions, reason = "generated from proto/, where the comments stand")]

pub mod codec;

/// Messages and service traits as the broker uses them.
pub mod server {
    include!(concat!(env!("OUT_DIR"), "/server/mod.rs"));
}

/// Messages and clients as programs that talk to a broker use them.
pub mod client {
    include!(concat!(env!("OUT_DIR"), "/client/mod.rs"));
}

/// The encoded `google.protobuf.FileDescriptorSet` of the public files, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
