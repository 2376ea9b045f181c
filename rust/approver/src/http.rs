//! The HTTP interface: what is asked, what is answered.
//!
//! | | |
//! |---|---|
//! | `POST /v1/approvals` | signed request file in, approval file out (`docs/protocol.md` section 13) |
//! | `GET /v1/policy` | approver's address, network, units per day |
//! | `GET /v1/health` | whether it runs |
//!
//! Every answer but 200 is `{"code","name","message","got","want"}`. A refusal of section 15 is 403
//! with its code; other errors have no code.

use crate::{ApproveError, Approver, Limits};
use alloy_primitives::Address;
use fallow_http::{BodyBounds, BodyError, Budget, Peer, Rate, network_of, read_body};
use fallow_protocol::{FILE_MAX_BYTES, FILE_VERSION, FileError, NetworkId, RequestFile, read_json};
use fallow_store::StoreError;
use futures_util::Stream;
use serde::Serialize;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use warp::http::StatusCode;
use warp::reject::MethodNotAllowed;
use warp::reply::{Reply, Response};
use warp::{Buf, Filter, Rejection};

/// What the routes share.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) approver: Arc<Approver>,
    pub(crate) limits: Limits,
    pub(crate) rate: Arc<Rate<IpAddr>>,
    pub(crate) budget: Budget,
    /// Where a failure of the store goes: it ends the daemon.
    pub(crate) fatal: mpsc::Sender<StoreError>,
}

/// Why there is no approval.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes another method")]
    MethodNotAllowed,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("no signed request: {0}")]
    Malformed(FileError),
    #[error("this address asks too often")]
    RateExceeded,
    #[error("the clock of this machine shows a time before 1970")]
    Clock,
    #[error(transparent)]
    Approve(#[from] ApproveError),
    #[error("the approver failed; its log says why")]
    Failed,
}

impl HttpError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body(BodyError::Timeout) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::NoMemory) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::RateExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::Approve(ApproveError::Refused(_)) => StatusCode::FORBIDDEN,
            Self::Clock | Self::Approve(ApproveError::Store(_)) | Self::Failed => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Body(BodyError::Timeout) => "BodyTimeout",
            Self::Body(BodyError::TooLong(_)) => "BodyTooLong",
            Self::Body(BodyError::NoMemory) => "Busy",
            Self::Body(_) => "BodyBroken",
            Self::Malformed(_) => "RequestMalformed",
            Self::RateExceeded => "RateExceeded",
            Self::Clock | Self::Approve(_) | Self::Failed => "ApproverFailed",
        }
    }
}

/// An error without a code of section 15, in the shape of those with one.
#[derive(Serialize)]
struct ErrorJson {
    code: Option<u16>,
    name: &'static str,
    message: String,
    got: Option<String>,
    want: Option<String>,
}

impl Reply for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Approve(ApproveError::Refused(refusal)) = self {
            return answer(status, &refusal);
        }
        let (name, message) = (self.name(), self.to_string());
        answer(status, &ErrorJson { code: None, name, message, got: None, want: None })
    }
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}

/// What everybody may know. The list of requesters is the operator's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    version: u8,
    network_id: NetworkId,
    approver: Address,
    /// Unless the policy says otherwise for a requester.
    units_per_day: u32,
    horizon_days: u32,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// All routes; every error is answered in one shape.
pub(crate) fn routes(
    context: Context,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let context = warp::any().map(move || context.clone());
    let approvals = warp::path!("v1" / "approvals")
        .and(warp::post())
        .and(context.clone())
        .and(warp::ext::get::<Peer>())
        .and(warp::body::stream())
        .then(|context, peer, body| async move {
            approve(context, peer, body).await.unwrap_or_else(Reply::into_response)
        });
    let policy =
        warp::path!("v1" / "policy").and(warp::get()).and(context).map(|context| about(&context));
    let health = warp::path!("v1" / "health")
        .and(warp::get())
        .map(|| answer(StatusCode::OK, &Health { status: "ok" }));
    approvals.or(policy).unify().or(health).unify().recover(rejected).unify()
}

fn about(context: &Context) -> Response {
    let (approver, policy) = (&context.approver, context.approver.policy());
    let about = About {
        version: FILE_VERSION,
        network_id: approver.network_id(),
        approver: approver.address(),
        units_per_day: policy.units_per_day,
        horizon_days: policy.horizon_days,
    };
    answer(StatusCode::OK, &about)
}

/// What no route took.
async fn rejected(rejection: Rejection) -> Result<Response, Infallible> {
    let error = if rejection.is_not_found() {
        HttpError::NotFound
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        HttpError::MethodNotAllowed
    } else {
        tracing::error!(?rejection, "request rejected for no known reason");
        HttpError::Failed
    };
    Ok(error.into_response())
}

async fn approve<B: Buf>(
    context: Context,
    Peer(peer): Peer,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Response, HttpError> {
    if context.rate.take(network_of(peer), 1, Instant::now()).is_err() {
        return Err(HttpError::RateExceeded);
    }
    let bounds = BodyBounds { bytes: FILE_MAX_BYTES, time: context.limits.body_time };
    let body = read_body(body, bounds, &context.budget).await?;
    let file: RequestFile = read_json(&body).map_err(HttpError::Malformed)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| HttpError::Clock)?;
    let approver = Arc::clone(&context.approver);
    // A commit waits for the disk.
    let approved = tokio::task::spawn_blocking(move || approver.approve(&file, now.as_secs()));
    match approved.await {
        Ok(Ok(approval)) => Ok(answer(StatusCode::OK, &approval)),
        Ok(Err(ApproveError::Store(error))) => {
            // If it is full, another failure is on its way already.
            if context.fatal.try_send(error).is_err() {
                tracing::debug!("the store failed once more");
            }
            Err(HttpError::Failed)
        }
        Ok(Err(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "approving did not end");
            Err(HttpError::Failed)
        }
    }
}
