//! Names what the transport refuses by itself. A unary request above the limit of all messages never reaches a
//! verb: the transport answers with a code of its own, and clients should meet the one that is documented.

use tonic::codegen::http::Response;
use tonic::{Code, Status};

use super::status::Refusal;

/// Of the unary calls, only `Publish` carries enough to be too large.
const TOO_LARGE: &str = "RECORD_TOO_LARGE";

pub(super) fn refuse_by_name<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    let is_out_of_range = headers
        .get(Status::GRPC_STATUS)
        .is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::OutOfRange);
    if is_out_of_range && let Some(status) = Status::from_header_map(headers) {
        let named = Refusal::of_request(status, TOO_LARGE);
        // Only fails for messages that no header can carry, and this one just was in one.
        let _ = named.add_header(headers);
    }
    response
}
