//! Stored record sets travel as they lie on the disk: the bytes are compared, and the allocations of reading are
//! counted. A test binary of its own, since counting needs the global allocator.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests"
)]

use std::alloc::System;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use highwater::codec::frame::{FrameHeader, HEADER_LEN};
use highwater::codec::segment_header::FRAMES_START;
use highwater::server::{BrokerConfig, GrpcConfig, Server, ServerConfig, Storage};
use highwater::wire::server::pubsub::{
    AppendRequest, AppendResponse, AtEnd, Earliest, ReadRequest, ReadResponse, RecordBatch, Start, Stop,
    read_response, start, stop,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::sync::Mutex;
use tokio_stream::StreamExt as _;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one test allocates must not be counted by the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn start(data_dir: &Path) -> Server {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut server = Server::start(ServerConfig {
        grpc_listen: anywhere,
        http_listen: anywhere,
        unsafe_allow_insecure_listen: false,
        storage: Storage::Files { data_dir: data_dir.to_owned() },
        broker: BrokerConfig::default(),
        grpc: GrpcConfig::default(),
        commit_threads: 2,
        read_threads: 2,
        inflight_bytes_max: 1 << 26,
        partition_inflight_bytes_max: 1 << 24,
        partition_tail_bytes_max: 0,
        upkeep_interval: Duration::from_secs(3600),
    })
    .await
    .unwrap();
    assert!(server.ready().await);
    server
}

async fn connect(server: &Server) -> tonic::client::Grpc<Channel> {
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    client
}

/// Appends record sets, each as one batch, by the server's own types: the sets are raw bytes in them.
async fn append(client: &mut tonic::client::Grpc<Channel>, sets: Vec<Bytes>) {
    let count = sets.len();
    let requests = sets.into_iter().map(|set| AppendRequest {
        topic: "events".into(),
        records: vec![set],
        ..AppendRequest::default()
    });
    let codec = ProstCodec::<AppendRequest, AppendResponse>::default();
    let path = PathAndQuery::from_static("/pubsub.Log/Append");
    let request = tonic::Request::new(tokio_stream::iter(requests.collect::<Vec<_>>()));
    let answers = client.streaming(request, path, codec).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers.len(), count);
    for answer in answers {
        assert_eq!(answer.unwrap().error, None);
    }
}

/// Reads everything, and hands over each batch as it comes.
async fn read(client: &mut tonic::client::Grpc<Channel>, mut see: impl FnMut(RecordBatch)) {
    client.ready().await.unwrap();
    let request = ReadRequest {
        topic: "events".into(),
        start: Some(Start { at: Some(start::At::Earliest(Earliest {})) }),
        stop: Some(Stop { at: Some(stop::At::AtEnd(AtEnd {})) }),
        ..ReadRequest::default()
    };
    let codec = ProstCodec::<ReadRequest, ReadResponse>::default();
    let path = PathAndQuery::from_static("/pubsub.Log/Read");
    let answers = client.server_streaming(tonic::Request::new(request), path, codec).await.unwrap();
    let mut answers = answers.into_inner();
    while let Some(answer) = answers.next().await {
        if let Some(read_response::Event::Records(batch)) = answer.unwrap().event {
            see(batch);
        }
    }
}

/// The payloads of the frames in the topic's only segment.
fn payloads_on_disk(data_dir: &Path) -> Vec<Bytes> {
    let segment = data_dir.join("topics/events/0/00000000000000000000.log");
    let bytes = Bytes::from(std::fs::read(segment).unwrap());
    let mut payloads = Vec::new();
    let mut at = FRAMES_START.0 as usize;
    while let Ok((header, _)) = FrameHeader::decode(&bytes[at..]) {
        let end = at + header.frame_len() as usize;
        if header.record_count > 0 {
            payloads.push(bytes.slice(at + HEADER_LEN..end));
        }
        at = end;
    }
    payloads
}

/// A record as no encoder would write it: the value before the key, a default timestamp spelled out, a length in
/// more bytes than it needs. Whoever decoded and encoded it again would not get these bytes.
fn odd_record(index: u8) -> Vec<u8> {
    let record = [0x12, 0x83, 0x00, b'v', b'a', index, 0x20, 0x00, 0x0a, 0x01, b'k'];
    let mut set = vec![0x0a, record.len() as u8];
    set.extend_from_slice(&record);
    set
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_on_the_wire_are_the_bytes_on_the_disk() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path()).await;
    let mut client = connect(&server).await;
    let sets: Vec<Bytes> =
        (0..20u8).map(|batch| (0..=batch).flat_map(odd_record).collect::<Vec<u8>>().into()).collect();
    append(&mut client, sets.clone()).await;

    let mut read_back = Vec::new();
    read(&mut client, |batch| read_back.push(batch.records.concat())).await;
    server.stop();
    server.ended().await.unwrap();
    let stored = payloads_on_disk(data_dir.path());
    assert_eq!(stored, sets, "what was appended lies on the disk as it came");
    assert_eq!(read_back, stored, "and travels as it lies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_allocates_next_to_nothing_per_record() {
    const BATCHES: usize = 200;
    const RECORDS: usize = 1000;
    let _alone = ONE_AT_A_TIME.lock().await;
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path()).await;
    let mut client = connect(&server).await;
    let set = Bytes::from((0..RECORDS).flat_map(|index| odd_record(index as u8)).collect::<Vec<u8>>());
    append(&mut client, vec![set; BATCHES]).await;
    // The first read finds connections, buffers and files opened.
    read(&mut client, drop).await;

    let region = Region::new(ALLOCATOR);
    let mut bytes = 0;
    read(&mut client, |batch| bytes += batch.records.iter().map(Bytes::len).sum::<usize>()).await;
    let allocations = region.change().allocations;
    assert_eq!(bytes, BATCHES * RECORDS * odd_record(0).len());
    // Server and client together, gRPC included: some for each message, none for each record.
    let records = BATCHES * RECORDS;
    assert!(allocations * 20 < records, "{allocations} allocations for {records} records");
    println!("{allocations} allocations for {records} records in {BATCHES} batches");
    server.stop();
    server.ended().await.unwrap();
}
