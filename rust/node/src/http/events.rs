//! Server-sent events: records, checkpoints, anchorings. Records come from the store, so that whoever
//! was away, or slow, goes on where it was; nothing is kept for anybody.

use super::answer::Reply;
use super::ask::{Ask, number, optional};
use super::context::Context;
use super::error::{HttpError, Result};
use super::proofs::checkpoint_answer;
use super::records::answers;
use crate::core::NodeEvent;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use warp::http::HeaderValue;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use warp::reply::{Reply as _, Response};

/// Records that are read at once for one stream.
const RECORDS: usize = 32;
/// Something is sent at least so often: a comment, when there is no news.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Where a browser says what it had last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /v1/events`.
pub(super) async fn events(context: &Arc<Context>, ask: &Ask) -> Result<Reply> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(default, deserialize_with = "optional")]
        after: Option<u64>,
    }
    let Query { after } = ask.query()?;
    let last = ask.header(&LAST_EVENT_ID).map(number).transpose()?;
    let place = context.listen()?;
    let news = context.shared.core.events();
    let size = context.work(|context| Ok(context.shared.store.size()?)).await?;
    // Whoever says nothing hears what comes from now on.
    let next = last.or(after).map_or(size, |index| index.saturating_add(1));
    if next > size {
        let why = format_args!("the log has {size} records, none after {}", next.saturating_sub(1));
        return Err(HttpError::parameter(why));
    }
    // One chunk is on its way while the next is made.
    let (chunks, sent) = mpsc::channel(1);
    let stream = Stream { context: Arc::clone(context), next, chunks, _place: place };
    tokio::spawn(stream.run(news));
    let sent = tokio_stream::StreamExt::map(ReceiverStream::new(sent), Ok::<Bytes, Infallible>);
    let mut response: Response = warp::reply::stream(sent).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(Reply::Stream(response))
}

/// One listener.
#[derive(Debug)]
struct Stream {
    context: Arc<Context>,
    /// The record that is told next.
    next: u64,
    chunks: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// The stream is over: the listener is gone, or the server ends, or the store failed.
struct Over;

impl From<HttpError> for Over {
    /// The listener comes back, and is told why then.
    fn from(error: HttpError) -> Self {
        tracing::debug!(%error, "a stream of events breaks off");
        Self
    }
}

impl Stream {
    /// Tells until somebody ends it.
    async fn run(mut self, news: broadcast::Receiver<NodeEvent>) {
        let (chunks, mut ending) = (self.chunks.clone(), self.context.ending.clone());
        tokio::select! {
            Over = self.tell(news) => {}
            () = chunks.closed() => {}
            () = ended(&mut ending) => {}
        }
    }

    async fn tell(&mut self, mut news: broadcast::Receiver<NodeEvent>) -> Over {
        if let Err(over) = self.begin().await {
            return over;
        }
        loop {
            if let Err(over) = self.step(&mut news).await {
                return over;
            }
        }
    }

    /// Tells where the node stands.
    async fn begin(&self) -> Result<(), Over> {
        let newest = self.checkpoint("checkpoint", None).await?;
        self.send(newest).await
    }

    /// Tells what is in the store, then waits for news.
    async fn step(&mut self, news: &mut broadcast::Receiver<NodeEvent>) -> Result<(), Over> {
        self.records().await?;
        let chunk = match timeout(KEEP_ALIVE, news.recv()).await {
            Err(_) => Bytes::from_static(b": \n\n"),
            Ok(Err(RecvError::Closed)) => return Err(Over),
            Ok(Ok(NodeEvent::Records { .. })) => return Ok(()),
            Ok(Ok(NodeEvent::Checkpoint(checkpoint))) => {
                self.checkpoint("checkpoint", Some(checkpoint.block_number)).await?
            }
            Ok(Ok(NodeEvent::Certified(block))) => {
                self.checkpoint("checkpoint", Some(block)).await?
            }
            Ok(Ok(NodeEvent::Anchored(anchored))) => {
                self.checkpoint("anchor", Some(anchored.sidechain_block)).await?
            }
            // Too slow to hear of each: the newest says the most.
            Ok(Err(RecvError::Lagged(_))) => self.checkpoint("checkpoint", None).await?,
        };
        self.send(chunk).await
    }

    /// Tells all records that are there.
    async fn records(&mut self) -> Result<(), Over> {
        loop {
            let first = self.next;
            let (chunk, count) = self.context.feed(move |context| chunk(context, first)).await?;
            if count == 0 {
                return Ok(());
            }
            self.next = self.next.saturating_add(count);
            self.send(chunk).await?;
        }
    }

    /// The checkpoint of a block as it is now, or the newest certified one.
    async fn checkpoint(&self, name: &'static str, block: Option<u64>) -> Result<Bytes, Over> {
        let made = self.context.feed(move |context| {
            let store = &context.shared.store;
            let found = match block {
                Some(block) => store.checkpoint(block)?,
                None => store.checkpoints(None, 1, true)?.pop(),
            };
            let mut text = String::new();
            if let Some(found) = found {
                write(&mut text, name, None, &checkpoint_answer(context, found)?);
            }
            Ok(text)
        });
        Ok(made.await?.into())
    }

    async fn send(&self, chunk: Bytes) -> Result<(), Over> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.chunks.send(chunk).await.map_err(|_| Over)
    }
}

/// Waits for the end of the server.
async fn ended(ending: &mut watch::Receiver<bool>) {
    if ending.wait_for(|ending| *ending).await.is_err() {
        tracing::debug!("the server is gone");
    }
}

/// Some records as events, and how many they are.
fn chunk(context: &Context, first: u64) -> Result<(Bytes, u64)> {
    let kept = context.shared.store.entries(first, RECORDS)?;
    let mut text = String::new();
    let mut count = 0_u64;
    for record in answers(&context.shared, kept)? {
        write(&mut text, "record", Some(record.index), &record);
        count = count.saturating_add(1);
    }
    Ok((text.into(), count))
}

/// Appends an event; JSON has no line breaks.
fn write(text: &mut String, name: &str, id: Option<u64>, data: &impl Serialize) {
    let data = match serde_json::to_string(data) {
        Ok(data) => data,
        Err(error) => return tracing::error!(%error, "an event cannot be written"),
    };
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    // Writing to a string does not fail.
    if write!(text, "event: {name}\n{id}data: {data}\n\n").is_err() {
        tracing::error!("an event cannot be written");
    }
}
