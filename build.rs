//! Generates the wire types twice from `proto/`, without a system `protoc`:
//!
//! - for clients, with the types as the files say;
//! - for the server, with the record sets as `repeated bytes`, so that a stored set travels without being
//!   decoded. `repeated`, because a message field that occurs twice on the wire is merged by every parser,
//!   while a singular `bytes` field would silently keep the last: occurrences must be seen to be refused.
//!
//! Reflection gets the descriptors as the files say.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::{Label, Type};

const FILES: [&str; 5] = [
    "highwater/record.proto",
    "highwater/pubsub.proto",
    "highwater/log.proto",
    "highwater/admin.proto",
    "google/rpc/error_details.proto",
];

/// The fields that the server sees as raw bytes: message, field.
const RAW_FIELDS: [(&str, &str); 2] = [("RecordBatch", "records"), ("AppendRequest", "records")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    let mut descriptors = compiler.file_descriptor_set();

    let mut reflected = descriptors.clone();
    for file in &mut reflected.file {
        file.source_code_info = None;
    }
    std::fs::write(out.join("descriptors.bin"), reflected.encode_to_vec())?;

    generate(&out.join("client"), descriptors.clone(), false)?;
    for (message, field) in RAW_FIELDS {
        make_raw(&mut descriptors, message, field)?;
    }
    generate(&out.join("server"), descriptors, true)
}

fn generate(out: &PathBuf, descriptors: FileDescriptorSet, server: bool) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let configured = tonic_prost_build::configure();
    let configured =
        if server { configured.codec_path("crate::wire::codec::ServerCodec") } else { configured };
    configured
        .build_server(server)
        .build_client(!server)
        .bytes(".")
        .out_dir(out)
        .include_file("mod.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

fn make_raw(descriptors: &mut FileDescriptorSet, message: &str, field: &str) -> Result<(), Box<dyn Error>> {
    let field = descriptors
        .file
        .iter_mut()
        .flat_map(|file| &mut file.message_type)
        .filter(|candidate| candidate.name() == message)
        .flat_map(|message| &mut message.field)
        .find(|candidate| candidate.name() == field)
        .ok_or_else(|| format!("proto/: {message}.{field} is gone, but build.rs patches it"))?;
    field.set_type(Type::Bytes);
    field.set_label(Label::Repeated);
    field.type_name = None;
    Ok(())
}
