//! Health and metrics over HTTP, for those who watch over a node: `/livez`, `/readyz`, `/metrics` and
//! `/version`. And `/network`, the genesis document, for those who want to join: `chainspace join` takes
//! its address.
//!
//! What is told here is read from numbers that others keep anyway, so nobody who asks is in the way of
//! the node. By default only this machine can ask. Browsers are no exception to that: a page from
//! elsewhere that has its own name point at this machine is refused (DNS rebinding).

mod door;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use model::Time;
use prometheus_client::encoding::text;
use serde_json::{Value, json};

use crate::api::{Identity, VERSION};
use crate::clock::time_of_day;
use crate::gauges::Gauges;
use crate::readiness::{Condition, conditions};
use crate::registry::Registry;
use crate::stop::Stopper;

pub(crate) use door::{Door, bind};

/// What a scraper of metrics wants to be told.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is told.
pub(crate) struct Site {
    pub(crate) identity: Identity,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) stopper: Stopper,
    /// Who is in which shard.
    pub(crate) registry: Arc<Registry>,
    /// The numbers.
    pub(crate) metrics: prometheus_client::registry::Registry,
    /// Has numbers of its own.
    pub(crate) network: net::Handle,
    /// The genesis document of the network.
    pub(crate) genesis: Bytes,
    /// Whether other machines may ask.
    pub(crate) public: bool,
}

impl Site {
    fn router(self) -> Router {
        let site = Arc::new(self);
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/version", get(version))
            .route("/network", get(network))
            .fallback(nothing)
            .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
            .with_state(site)
    }
}

/// Whether the node should be left running.
async fn livez(State(site): State<Arc<Site>>) -> Response {
    let live = site.gauges.is_alive();
    answer(live, &json!({ "live": live }))
}

/// Whether the node can do its part, and if not, why.
async fn readyz(State(site): State<Arc<Site>>) -> Response {
    let conditions = conditions(&site.gauges, &site.stopper, &site.registry.known());
    let ready = conditions
        .iter()
        .all(|condition| condition.missing.is_none());
    let described = conditions.map(|condition| describe(&condition));
    answer(ready, &json!({ "ready": ready, "conditions": described }))
}

fn describe(condition: &Condition) -> Value {
    json!({
        "name": condition.name,
        "ok": condition.missing.is_none(),
        "why": condition.missing.map(|missing| missing.to_string()),
        "since_ms": condition.since.map(Time::as_ms),
    })
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let mut body = String::new();
    let ours = text::encode_registry(&mut body, &site.metrics);
    let libp2p = ours.and_then(|()| text::encode(&mut body, site.network.library_metrics()));
    if let Err(error) = libp2p {
        tracing::error!(%error, "cannot write the metrics");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, METRICS_TYPE)], body).into_response()
}

async fn version(State(site): State<Arc<Site>>) -> Response {
    let Identity {
        name,
        node,
        network,
    } = &site.identity;
    let place = site.registry.known().place;
    answer(
        true,
        &json!({
            "version": VERSION,
            "network": network.to_string(),
            "shard": place.map(|place| place.shard.number()),
            "node": node.to_string(),
            "name": name,
            "time_ms": time_of_day().as_ms(),
        }),
    )
}

async fn network(State(site): State<Arc<Site>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        // A network never changes its document, but another network may come to this address.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, site.genesis.clone()).into_response()
}

async fn nothing() -> Response {
    let there = json!({ "paths": ["/livez", "/readyz", "/metrics", "/version", "/network"] });
    (StatusCode::NOT_FOUND, json_body(&there)).into_response()
}

fn answer(well: bool, body: &Value) -> Response {
    let status = match well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, json_body(body)).into_response()
}

fn json_body(body: &Value) -> impl IntoResponse + use<> {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, format!("{body}\n"))
}

/// Refuses what a page from elsewhere makes a browser on this machine ask.
async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if site.public || is_from_here(request.headers()) {
        return next.run(request).await;
    }
    let why = "this is for this machine alone: ask for 127.0.0.1 or localhost\n";
    (StatusCode::FORBIDDEN, why).into_response()
}

/// Whether a request names this machine as its target, and, if a page makes it, as where that is from.
fn is_from_here(headers: &HeaderMap) -> bool {
    let host = headers.get_all(header::HOST).iter().all(|host| {
        let authority = host
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok());
        authority.is_some_and(|authority| is_here(authority.host()))
    });
    let origin = headers.get_all(header::ORIGIN).iter().all(|origin| {
        let origin = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.parse::<Uri>().ok());
        origin.is_some_and(|origin| origin.host().is_some_and(is_here))
    });
    host && origin
}

/// Whether this is a name of this machine that nobody else can give it.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
