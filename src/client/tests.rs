//! What needs no broker; the rest is tested end to end.

use std::collections::HashMap;

use futures_util::FutureExt as _;
use prost::Message as _;
use tonic::{Code, Status};

use super::in_flight::InFlight;
use super::messages::{Record, RecordBatch, RecordSet, TimestampType};
use super::*;
use crate::wire::client::google::rpc;

fn described(code: Code, reason: &str) -> rpc::Status {
    let info = rpc::ErrorInfo {
        reason: reason.to_owned(),
        domain: "highwater".to_owned(),
        metadata: HashMap::from([("topic".to_owned(), "t".to_owned())]),
    };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    rpc::Status { code: i32::from(code), message: "no".to_owned(), details: vec![detail] }
}

#[test]
fn addresses_come_with_and_without_scheme() {
    for good in ["127.0.0.1:50051", "localhost:1", "http://localhost:1", "http://[::1]:1/", "[::1]:1"] {
        assert!(endpoint(good).is_ok(), "{good}");
    }
    for bad in
        ["", "localhost", ":", "https://localhost:1", "localhost:port", "http://localhost:1/x", "a b:1"]
    {
        assert!(endpoint(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_address() {
    // Bound and dropped: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Client::connect(&address).await.unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("refused"), "{error}");
}

#[test]
fn details_of_a_status_are_parsed() {
    let details = described(Code::NotFound, "TOPIC_NOT_FOUND").encode_to_vec();
    let error = ClientError::from(Status::with_details(Code::NotFound, "no", details.into()));
    assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, "TOPIC_NOT_FOUND"));
    assert_eq!(error.metadata["topic"], "t");
    assert_eq!(error.to_string(), "no (TOPIC_NOT_FOUND)");
    assert_eq!(ClientError::from_rpc(described(Code::NotFound, "TOPIC_NOT_FOUND")), error);
}

#[test]
fn only_some_errors_leave_the_outcome_open() {
    let unknown = |code, reason| ClientError::from_rpc(described(code, reason)).leaves_outcome_unknown();
    assert!(!unknown(Code::InvalidArgument, "RECORD_TOO_LARGE"));
    assert!(!unknown(Code::ResourceExhausted, "DISK_FULL"));
    assert!(!unknown(Code::Unavailable, "SHUTTING_DOWN"));
    assert!(unknown(Code::Unavailable, "PARTITION_FAILED"));
    assert!(unknown(Code::Unavailable, ""));
    assert!(unknown(Code::Unknown, ""));
}

#[test]
fn garbage_in_the_details_is_no_reason_to_fail() {
    let error = ClientError::from(Status::with_details(Code::Internal, "m", vec![0xff; 9].into()));
    assert_eq!((error.code, error.reason.as_str(), error.message.as_str()), (Code::Internal, "", "m"));
}

#[tokio::test]
async fn answers_in_any_order_make_room() {
    let in_flight = InFlight::new(InFlightLimits { requests_max: 3, bytes_max: 100 });
    for expected in 0..3 {
        assert_eq!(in_flight.enter(10).await, Some(expected));
    }
    assert!(in_flight.leave(1));
    assert!(!in_flight.leave(1), "answered twice");
    assert!(!in_flight.leave(7), "never sent");
    // Longer than everything allowed: it waits for all the bytes, and passes alone.
    {
        let mut long = std::pin::pin!(in_flight.enter(1000));
        assert!(long.as_mut().now_or_never().is_none());
        assert!(in_flight.leave(0) && in_flight.leave(2));
        assert_eq!(long.await, Some(3));
    }
    assert_eq!(in_flight.leave_oldest(), Some(3));
    assert_eq!(in_flight.leave_oldest(), None);
}

#[tokio::test]
async fn a_closed_window_lets_nobody_in() {
    let in_flight = InFlight::new(InFlightLimits { requests_max: 1, bytes_max: 1 });
    assert_eq!(in_flight.enter(1).await, Some(0));
    {
        let mut waiting = std::pin::pin!(in_flight.enter(1));
        assert!(waiting.as_mut().now_or_never().is_none());
        in_flight.close();
        assert_eq!(waiting.await, None);
    }
    assert_eq!(in_flight.leave_oldest(), Some(0));
}

#[test]
fn offsets_follow_deltas_and_times_their_type() {
    let record = |timestamp_ms| Record { timestamp_ms, ..Record::default() };
    let mut batch = RecordBatch {
        base_offset: 10,
        append_time_ms: 500,
        records: Some(RecordSet { record: vec![record(7), record(0)] }),
        ..RecordBatch::default()
    };
    let read = |batch: &RecordBatch| -> Vec<(u64, i64)> {
        records_of(batch.clone()).map(|(offset, time_ms, _)| (offset, time_ms)).collect()
    };
    assert_eq!(read(&batch), [(10, 7), (11, 500)]);
    batch.offset_deltas = vec![0, 5];
    assert_eq!(read(&batch), [(10, 7), (15, 500)]);
    batch.timestamp_type = i32::from(TimestampType::LogAppendTime);
    assert_eq!(read(&batch), [(10, 500), (15, 500)]);
}
