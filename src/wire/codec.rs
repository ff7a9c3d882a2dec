//! How the server puts messages into frames and takes them out: as prost does, but with buffers that suit
//! what is sent, and with bytes that do not decode laid at the client's door.

use std::any::TypeId;
use std::marker::PhantomData;

use bytes::Bytes;
use prost::Message;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::server::google::rpc;
use super::server::pubsub::{ReadResponse, SubscribeResponse};

/// Streams of records gain from large buffers: they are sent in few pieces. In bytes.
const RECORDS_BUFFER_BYTES: usize = 512 * 1024;

/// Encodes `A`, decodes `Q`.
#[derive(Debug)]
pub struct ServerCodec<A, Q>(PhantomData<(A, Q)>);

impl<A, Q> Default for ServerCodec<A, Q> {
    fn default() -> ServerCodec<A, Q> {
        ServerCodec(PhantomData)
    }
}

impl<A: Message + 'static, Q: Message + Default + 'static> Codec for ServerCodec<A, Q> {
    type Encode = A;
    type Decode = Q;
    type Encoder = ServerEncoder<A>;
    type Decoder = ServerDecoder<Q>;

    fn encoder(&mut self) -> ServerEncoder<A> {
        ServerEncoder(PhantomData)
    }

    fn decoder(&mut self) -> ServerDecoder<Q> {
        ServerDecoder(PhantomData)
    }
}

/// Encodes answers.
#[derive(Debug)]
pub struct ServerEncoder<A>(PhantomData<A>);

impl<A: Message + 'static> Encoder for ServerEncoder<A> {
    type Item = A;
    type Error = Status;

    fn encode(&mut self, item: A, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // The buffer grows as it must: there is always room.
        item.encode(buf).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        let carries_records =
            [TypeId::of::<ReadResponse>(), TypeId::of::<SubscribeResponse>()].contains(&TypeId::of::<A>());
        if carries_records {
            BufferSettings::new(RECORDS_BUFFER_BYTES, RECORDS_BUFFER_BYTES)
        } else {
            BufferSettings::default()
        }
    }
}

/// Decodes requests.
#[derive(Debug)]
pub struct ServerDecoder<Q>(PhantomData<Q>);

impl<Q: Message + Default + 'static> Decoder for ServerDecoder<Q> {
    type Item = Q;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Q>, Status> {
        Q::decode(buf).map(Some).map_err(|error| malformed(&error))
    }
}

/// Prost's own codec calls this an internal error; it is the client that sent it.
fn malformed(error: &prost::DecodeError) -> Status {
    let message = format!("the request does not decode: {error}");
    let info = rpc::ErrorInfo {
        reason: "MALFORMED_REQUEST".to_owned(),
        domain: "highwater".to_owned(),
        ..rpc::ErrorInfo::default()
    };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    let code = Code::InvalidArgument;
    let status = rpc::Status { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, Bytes::from(status.encode_to_vec()))
}
