//! `Log.Append`, with bytes of every kind: the requests are made of raw record sets, as the server sees them.

use bytes::Bytes;
use tokio_stream::iter;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;

use super::*;
use crate::types::TopicConfig;
use crate::wire::codec::ServerCodec;
use crate::wire::server::pubsub as raw;

/// Appends through the types of the server: whatever bytes, however often.
async fn append(server: &TestServer, requests: Vec<raw::AppendRequest>) -> Vec<raw::AppendResponse> {
    let mut client = Grpc::new(server.channel().await);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/pubsub.Log/Append");
    let codec = ServerCodec::<raw::AppendRequest, raw::AppendResponse>::default();
    let answers = client.streaming(tonic::Request::new(iter(requests)), path, codec).await.unwrap();
    let mut answers = answers.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        all.push(answer);
    }
    all
}

fn batch(records: &[&'static [u8]]) -> raw::AppendRequest {
    raw::AppendRequest {
        topic: "t".into(),
        records: records.iter().map(|records| Bytes::from_static(records)).collect(),
        ..raw::AppendRequest::default()
    }
}

#[track_caller]
fn assert_raw_error(answer: &raw::AppendResponse, code: Code, reason: &str) -> rpc::ErrorInfo {
    let bytes = answer.error.as_ref().expect("an error in the answer").encode_to_vec();
    assert_error(Some(rpc::Status::decode(&*bytes).unwrap()), code, reason)
}

#[tokio::test]
async fn batches_are_stored_and_read_byte_for_byte() {
    let server = TestServer::start().await;
    // Fields out of order and an overlong length: no encoder writes it so, and every decoder takes it.
    let odd = b"\x0a\x06\x12\x01v\x0a\x01k\x0a\x84\x00\x12\x02vv";
    let answers = append(&server, vec![batch(&[odd]), batch(&[b"\x0a\x03\x12\x01w"])]).await;
    assert_eq!((answers[0].base_offset, answers[0].record_count), (0, 2));
    assert_eq!((answers[1].base_offset, answers[1].record_count, answers[1].durable_offset), (2, 1, 3));
    assert!(answers[0].append_time_ms > 0);

    let mut client = Grpc::new(server.channel().await);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/pubsub.Log/Read");
    let start = raw::Start { at: Some(raw::start::At::Earliest(raw::Earliest {})) };
    let stop = raw::Stop { at: Some(raw::stop::At::AtEnd(raw::AtEnd {})) };
    let request =
        raw::ReadRequest { topic: "t".into(), start: Some(start), stop: Some(stop), ..Default::default() };
    let codec = ServerCodec::<raw::ReadRequest, raw::ReadResponse>::default();
    let answers = client.server_streaming(tonic::Request::new(request), path, codec).await.unwrap();
    let first = answers.into_inner().message().await.unwrap().unwrap();
    let Some(raw::read_response::Event::Records(read)) = first.event else { panic!("{first:?}") };
    assert_eq!(read.records, [Bytes::from_static(odd)]);
}

#[tokio::test]
async fn malformed_record_sets_are_refused_and_lose_nothing() {
    let server = TestServer::start().await;
    let malformed: Vec<&[&'static [u8]]> = vec![
        &[],
        &[b""],
        &[b"\x0a\x05\x12\x01v"],
        &[b"\x0a\x02\x08\x01"],
        &[b"\x0a\x04\x1a\x02\x0a\xff"],
        &[b"\x0a\x06\x1a\x04\x0a\x02\xc3\x28"],
        &[b"\x0a\x06\x0a\x01a\x0a\x01b"],
        &[b"\x0a\x02\x38\x01"],
        &[b"\x0b\x0c"],
        &[b"\x0a\x03\x12\x01v", b"\x0a\x03\x12\x01w"],
    ];
    let count = malformed.len();
    let mut requests: Vec<_> = malformed.into_iter().map(batch).collect();
    requests.push(batch(&[b"\x0a\x03\x12\x01v"]));
    let answers = append(&server, requests).await;
    for (number, answer) in answers[..count].iter().enumerate() {
        let info = assert_raw_error(answer, Code::InvalidArgument, "MALFORMED_RECORD_SET");
        let place = (info.metadata["topic"].as_str(), info.metadata["partition"].as_str());
        assert_eq!(place, ("t", "0"), "{number}");
    }
    assert_eq!((answers[count].error.clone(), answers[count].base_offset), (None, 0));
}

#[tokio::test]
async fn batches_and_records_over_their_limits_are_told_apart() {
    let topic_defaults = TopicConfig { max_record_bytes: 4, max_batch_bytes: 20, ..TopicConfig::default() };
    let config = BrokerConfig { topic_defaults, ..BrokerConfig::default() };
    let server = TestServer::start_with(config, GrpcConfig::default()).await;
    let answers = append(
        &server,
        vec![
            batch(&[b"\x0a\x05\x12\x03vvv"]),
            batch(&[
                b"\x0a\x03\x12\x01v\x0a\x03\x12\x01v\x0a\x03\x12\x01v\x0a\x03\x12\x01v\x0a\x03\x12\x01v",
            ]),
        ],
    )
    .await;
    for (answer, reason) in answers.iter().zip(["RECORD_TOO_LARGE", "BATCH_TOO_LARGE"]) {
        let info = assert_raw_error(answer, Code::InvalidArgument, reason);
        assert_eq!((info.metadata["topic"].as_str(), info.metadata["partition"].as_str()), ("t", "0"));
    }
}

#[tokio::test]
async fn places_that_are_not_there_and_offsets_that_are_not_next_are_refused() {
    let server = TestServer::start().await;
    let good = || batch(&[b"\x0a\x03\x12\x01v"]);
    let answers = append(
        &server,
        vec![
            good(),
            raw::AppendRequest { partition: 7, ..good() },
            raw::AppendRequest { topic: "..".into(), ..good() },
            raw::AppendRequest { expected_offset: Some(0), ..good() },
            raw::AppendRequest { expected_offset: Some(1), ..good() },
        ],
    )
    .await;
    assert_eq!(answers[0].error, None);
    assert_raw_error(&answers[1], Code::NotFound, "PARTITION_NOT_FOUND");
    assert_raw_error(&answers[2], Code::InvalidArgument, "INVALID_TOPIC_NAME");
    let info = assert_raw_error(&answers[3], Code::Aborted, "OFFSET_MISMATCH");
    assert_eq!(info.metadata["actual_offset"], "1");
    assert_eq!((answers[4].error.clone(), answers[4].base_offset), (None, 1));
}

#[tokio::test]
async fn a_mark_that_is_too_long_is_refused_and_not_echoed() {
    let server = TestServer::start().await;
    let good = || batch(&[b"\x0a\x03\x12\x01v"]);
    let marked = raw::AppendRequest { correlation_id: "c".repeat(257), ..good() };
    let answers = append(&server, vec![marked, good()]).await;
    assert_raw_error(&answers[0], Code::InvalidArgument, "CORRELATION_ID_TOO_LONG");
    assert_eq!(answers[0].correlation_id, "");
    assert_eq!((answers[1].error.clone(), answers[1].base_offset), (None, 0));
}

#[tokio::test]
async fn what_does_not_work_yet_is_refused() {
    let server = TestServer::start().await;
    let good = || batch(&[b"\x0a\x03\x12\x01v"]);
    let answers = append(
        &server,
        vec![
            raw::AppendRequest { producer_id: 1, ..good() },
            raw::AppendRequest { base_sequence: 1, ..good() },
            raw::AppendRequest { compression: 1, ..good() },
            raw::AppendRequest { durability: 2, ..good() },
            batch(&[b"\x0a\x05\x12\x01v\x30\x01"]),
        ],
    )
    .await;
    for answer in &answers {
        assert_raw_error(answer, Code::Unimplemented, "UNIMPLEMENTED");
    }
}
