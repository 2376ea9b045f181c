//! The HTTP API (`docs/protocol.md` section 19, `openapi.json`).
//!
//! ```text
//! connection (fallow-http) --> routes --> bounds: address, places --> handler --> answer
//!                                          \-- work: a few threads for disk and search
//! ```
//!
//! A handler reads what is committed, or asks the core; it owns nothing.

mod about;
mod allow;
mod answer;
mod ask;
mod context;
mod error;
mod events;
mod files;
mod levels;
mod offers;
mod proofs;
mod records;
mod resources;
mod routes;
mod submit;

use crate::Shared;
use crate::core::NotReady;
use crate::metrics::ByRoute;
use allow::AllowList;
pub use allow::AllowListError;
use answer::{Answer, Reply, common, preflight, problem};
use ask::Ask;
use context::Context;
use error::{HttpError, Result};
use fallow_http::{Body, BodyBounds, Limits, Peer, Server, read_body};
use fallow_node_client::NodeCode;
use fallow_protocol::FILE_MAX_BYTES;
use futures_util::Stream;
use routes::{Found, Route};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use warp::http::{HeaderMap, Method};
use warp::reply::Response;
use warp::{Buf, Filter, Rejection};

/// Time between two looks at the list of keys.
const LIST_POLL: Duration = Duration::from_secs(2);

/// The API of a node.
#[derive(Debug)]
pub struct Api {
    context: Arc<Context>,
    list: Option<AllowList>,
    ending: watch::Sender<bool>,
}

impl Api {
    /// Reads the list of keys that may submit, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(shared: Arc<Shared>) -> Result<Self, AllowListError> {
        let opened = shared.config.allow_list.as_deref().map(AllowList::open).transpose()?;
        let (list, keys) = opened.unzip();
        let ending = watch::Sender::new(false);
        let context = Arc::new(Context::new(shared, keys, ending.subscribe()));
        Ok(Self { context, list, ending })
    }

    /// Serves until `shutdown` completes, then finishes what it has begun.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let Self { context, mut list, ending } = self;
        let server = Server::new(limits(&context.shared), routes(Arc::clone(&context)));
        let mut shutdown = pin!(shutdown);
        let mut look = interval(LIST_POLL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = look.tick(), if list.is_some() => reload(&context, list.as_mut()),
                () = server.accept(&listener) => {}
            }
        }
        drop(listener);
        // Streams would never end by themselves.
        ending.send_replace(true);
        server.finish().await;
    }
}

fn limits(shared: &Shared) -> Limits {
    let limits = &shared.config.limits;
    Limits {
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        head_time: limits.head_time,
        ..Limits::default()
    }
}

/// Takes over a list that has changed; a broken one leaves the old one in force.
fn reload(context: &Context, list: Option<&mut AllowList>) {
    match list.map(AllowList::changed) {
        None | Some(Ok(None)) => {}
        Some(Ok(Some(keys))) => {
            tracing::info!(keys = keys.len(), "the list of keys changed");
            context.allow(keys);
        }
        Some(Err(error)) => {
            tracing::error!(%error, "the list of keys not changed: the last good one stays");
        }
    }
}

/// One filter for everything: what is at a path stands in [`routes`], once.
fn routes(
    context: Arc<Context>,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::any()
        .map(move || Arc::clone(&context))
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(warp::body::stream())
        .then(|context, method, path, query, headers, peer, body| async move {
            respond(&context, &method, Ask { path, query, headers }, peer, body).await
        })
        .recover(rejected)
        .unify()
}

/// Nothing above rejects what comes over a connection.
async fn rejected(rejection: Rejection) -> std::result::Result<Response, Infallible> {
    tracing::error!(?rejection, "request rejected for no known reason");
    Ok(common(problem(HttpError::new(NodeCode::BodyMalformed, "this is no request"))))
}

/// Answers and counts.
async fn respond<B: Buf>(
    context: &Arc<Context>,
    method: &Method,
    ask: Ask,
    peer: Peer,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Response {
    let start = Instant::now();
    let ask = Arc::new(ask);
    let found = Found::at(ask.path.as_str());
    let response = match found {
        Some(found) => {
            let given = give(context, method, found, &ask, (peer, body)).await;
            given.unwrap_or_else(problem)
        }
        None => problem(nowhere(context, peer)),
    };
    let path = found.map_or("other", |found| found.template());
    let by = ByRoute { path, status: response.status().as_u16().into() };
    context.shared.metrics.http.get_or_create(&by).inc();
    context.shared.metrics.http_seconds.observe(start.elapsed().as_secs_f64());
    common(response)
}

fn nowhere(context: &Context, Peer(peer): Peer) -> HttpError {
    match context.charge(peer, 1) {
        Ok(()) => HttpError::not_found("there is nothing at this path; /openapi.json says where"),
        Err(error) => error,
    }
}

/// Within the bounds: whoever watches over the node is never turned away.
async fn give<B: Buf>(
    context: &Arc<Context>,
    method: &Method,
    found: Found<'_>,
    ask: &Arc<Ask>,
    (Peer(peer), body): (Peer, impl Stream<Item = Result<B, warp::Error>>),
) -> Result<Response> {
    if let Found::Route(Route::Health | Route::Ready) = found {
        return reads(context, method, found, ask).await;
    }
    context.charge(peer, 1)?;
    let _place = context.enter()?;
    match *method {
        Method::OPTIONS => Ok(preflight(found.methods())),
        Method::POST if found.methods().contains("POST") => {
            let Found::Route(route) = found else {
                return Err(HttpError::Method(found.methods()));
            };
            ask.is_json()?;
            serves(context)?;
            let body = read_body(body, bounds(context, route), &context.budget).await?;
            posts(context, route, ask, peer, body).await
        }
        _ => reads(context, method, found, ask).await,
    }
}

/// A node whose chain contradicts it serves nothing but what says so.
fn serves(context: &Context) -> Result<()> {
    match &context.shared.core.view().not_ready {
        Some(why @ NotReady::Stopped(_)) => Err(why.clone().into()),
        _ => Ok(()),
    }
}

fn bounds(context: &Context, route: Route<'_>) -> BodyBounds {
    let limits = &context.shared.config.limits;
    let bytes = match route {
        Route::Offers | Route::Check => FILE_MAX_BYTES,
        _ => usize::try_from(limits.body_bytes).unwrap_or(usize::MAX),
    };
    BodyBounds { bytes, time: limits.body_time }
}

async fn posts(
    context: &Arc<Context>,
    route: Route<'_>,
    ask: &Ask,
    peer: std::net::IpAddr,
    body: Body,
) -> Result<Response> {
    use fallow_protocol::{AnnouncementFile, ReleaseFile, RequestFile, WithdrawalFile};
    let reply = match route {
        Route::Requests => submit::submit::<RequestFile>(context, peer, body).await,
        Route::Announcements => submit::submit::<AnnouncementFile>(context, peer, body).await,
        Route::Releases => submit::submit::<ReleaseFile>(context, peer, body).await,
        Route::Withdrawals => submit::submit::<WithdrawalFile>(context, peer, body).await,
        Route::Check => submit::check(context, body).await,
        Route::Gossip => submit::gossip(context, peer, body).await,
        Route::Offers => offers::put(context, body).await,
        _ => Err(HttpError::Method(route.methods())),
    };
    sent(context, reply?, &ask.headers)
}

fn sent(context: &Context, reply: Reply, asked: &HeaderMap) -> Result<Response> {
    match reply {
        Reply::Whole(answer) => answer.send(asked, &context.budget),
        Reply::Stream(response) => Ok(response),
    }
}

async fn reads(
    context: &Arc<Context>,
    method: &Method,
    found: Found<'_>,
    ask: &Arc<Ask>,
) -> Result<Response> {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    if !is_read || !found.methods().contains("GET") {
        return Err(HttpError::Method(found.methods()));
    }
    let reply = match found {
        Found::Route(Route::Health) => about::health()?.into(),
        Found::Route(Route::Ready) => about::ready(context)?.into(),
        Found::Route(Route::Metrics) => about::metrics(context)?.into(),
        Found::Route(Route::OpenApi) => about::openapi().into(),
        Found::Route(Route::Status) => about::status(context)?.into(),
        _ => {
            serves(context)?;
            served(context, found, ask).await?
        }
    };
    sent(context, reply, &ask.headers)
}

/// What a stopped node does not serve.
async fn served(context: &Arc<Context>, found: Found<'_>, ask: &Arc<Ask>) -> Result<Reply> {
    match found {
        Found::Route(Route::Network) => about::network(context).map(Reply::from),
        Found::Route(Route::Set(hash)) => about::set(context, hash).map(Reply::from),
        Found::Route(Route::Events) => events::events(context, ask).await,
        _ => {
            let ask = Arc::clone(ask);
            context.work(move |context| look_up(context, &ask)).await.map(Reply::from)
        }
    }
}

/// What is read from the disk, on a thread that may wait for it.
fn look_up(context: &Context, ask: &Ask) -> Result<Answer> {
    let route = match Found::at(ask.path.as_str()) {
        Some(Found::Tile(path)) => return files::tile(context, path),
        Some(Found::SetFile(hash)) => return files::set(context, hash),
        Some(Found::Route(route)) => route,
        None => return Err(NodeCode::NotFound.into()),
    };
    match route {
        Route::CheckpointFile => files::json(context, "checkpoint"),
        Route::NetworkFile => files::json(context, "network.json"),
        Route::Message(id) => records::message(context, id),
        Route::Records => records::list(context, ask),
        Route::Record(which) => records::one(context, which),
        Route::Requests => records::requests(context, ask),
        Route::Request(id) => records::request(context, id),
        Route::Resources => resources::list(context, ask),
        Route::Resource(id) => resources::one(context, id),
        Route::Calendar(id) => resources::calendar(context, id, ask),
        Route::Offer(hash) => offers::get(context, hash),
        Route::Gossip => offers::gossip(context, ask),
        Route::Inclusion => proofs::inclusion(context, ask),
        Route::Consistency => proofs::consistency(context, ask),
        Route::Ticket(which) => proofs::ticket(context, which, ask),
        Route::Checkpoints => proofs::checkpoints(context, ask),
        Route::LatestCheckpoint => proofs::latest(context),
        Route::Checkpoint(block) => proofs::checkpoint(context, block),
        Route::Shares(block) => proofs::shares(context, block),
        // Those that need no disk are answered before.
        _ => Err(HttpError::Method(route.methods())),
    }
}
