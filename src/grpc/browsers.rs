//! Browsers are strangers: a page of whatever site can make its visitor's browser call a broker that the
//! visitor can reach. Such calls are refused before anything looks into them.
//!
//! Only gRPC-Web is concerned: browsers cannot speak gRPC. No page of another origin may call; on a loopback
//! listener the name in the request must be one that no stranger's name server can answer for.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::task::{Context, Poll};

use futures_util::future::Either;
use tonic::codegen::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use tonic::codegen::http::uri::Authority;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use tower::{Layer, Service};

/// All content types of gRPC-Web begin so.
const GRPC_WEB: &[u8] = b"application/grpc-web";

/// Puts a [`BrowserGuard`] before a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrowserGuardLayer {
    /// Whether the listener can be reached from this machine alone.
    pub(super) is_loopback: bool,
}

impl<S> Layer<S> for BrowserGuardLayer {
    type Service = BrowserGuard<S>;

    fn layer(&self, inner: S) -> BrowserGuard<S> {
        BrowserGuard { inner, is_loopback: self.is_loopback }
    }
}

/// Answers strangers with 403, and passes on what else comes.
#[derive(Clone, Debug)]
pub(super) struct BrowserGuard<S> {
    inner: S,
    is_loopback: bool,
}

impl<S, B, A> Service<Request<B>> for BrowserGuard<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    A: Default,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<A>, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (uri, headers) = (request.uri(), request.headers());
        if is_grpc_web(headers) && !may_call(uri, headers, self.is_loopback) {
            let mut refusal = Response::new(A::default());
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            return Either::Left(ready(Ok(refusal)));
        }
        Either::Right(self.inner.call(request))
    }
}

fn is_grpc_web(headers: &HeaderMap) -> bool {
    let begins_so = |value: &HeaderValue| {
        value.as_bytes().get(..GRPC_WEB.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC_WEB))
    };
    headers.get_all(CONTENT_TYPE).iter().any(begins_so)
}

fn may_call(uri: &Uri, headers: &HeaderMap, is_loopback: bool) -> bool {
    let called = called(uri, headers);
    if is_loopback && !called.as_ref().is_some_and(names_this_machine) {
        return false;
    }
    headers.get_all(ORIGIN).iter().all(|origin| {
        origin_of(origin).is_some_and(|origin| called.as_ref().is_some_and(|called| origin == *called))
    })
}

/// What the request says it calls: none where it says nothing, or several things.
fn called(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    let named = match uri.authority() {
        Some(authority) => authority.clone(),
        None => hosts.next()??,
    };
    hosts.all(|host| host.as_ref() == Some(&named)).then_some(named)
}

/// The authority of a page's origin; none where the origin is opaque ("null").
fn origin_of(origin: &HeaderValue) -> Option<Authority> {
    // The scheme is not compared: behind a proxy that ends TLS, the page's is another one than ours.
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_web.then(|| Authority::try_from(authority).ok()).flatten()
}

/// Whether no name server has a say in where this name leads.
fn names_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}
