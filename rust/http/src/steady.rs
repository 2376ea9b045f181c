//! A stream whose other end has to take what is written to it: hyper waits for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// So many bytes have to be taken in the time that is given.
const STRIDE: usize = 64 << 10;

/// Fails once a write has to wait and [`STRIDE`] bytes take longer than they may.
#[derive(Debug)]
pub(crate) struct Steady<S> {
    inner: S,
    time: Duration,
    /// Bytes taken since the clock runs.
    taken: usize,
    /// Runs from the moment a write had to wait until a stride is taken, or everything is.
    clock: Option<Pin<Box<Sleep>>>,
}

impl<S> Steady<S> {
    pub(crate) const fn new(inner: S, time: Duration) -> Self {
        Self { inner, time, taken: 0, clock: None }
    }

    fn rest(&mut self) {
        self.taken = 0;
        self.clock = None;
    }

    fn watch(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                let time = self.time;
                let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(time)));
                ready!(clock.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(count)) => {
                self.taken = self.taken.saturating_add(count);
                if self.taken >= STRIDE {
                    self.rest();
                }
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has nothing more to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.rest();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    const TIME: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn whoever_reads_nothing_is_cut() {
        let (near, _far) = duplex(1_024);
        let error = Steady::new(near, TIME).write_all(&[0; 2_048]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_byte_now_and_then_does_not_help() {
        let (near, mut far) = duplex(64);
        let drip = async {
            while far.read_u8().await.is_ok() {
                tokio::time::sleep(TIME / 10).await;
            }
        };
        let mut near = Steady::new(near, TIME);
        let write = async move { near.write_all(&[0; 2 * STRIDE]).await.unwrap_err().kind() };
        let (kind, ()) = tokio::join!(write, drip);
        assert_eq!(kind, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whoever_reads_can_take_all_day() {
        let (near, mut far) = duplex(1_024);
        let mut near = Steady::new(near, TIME);
        let length = 16 * STRIDE;
        let read = async {
            let mut all = vec![0; length];
            far.read_exact(&mut all).await.unwrap();
        };
        let write = async {
            near.write_all(&vec![0; length]).await.unwrap();
            near.flush().await.unwrap();
        };
        timeout(Duration::from_secs(20), async { tokio::join!(read, write) }).await.unwrap();
        assert!(near.clock.is_none(), "what is written is forgotten");
    }
}
