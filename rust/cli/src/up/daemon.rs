//! A daemon that is started again when it dies, later each time.

use crate::error::Result;
use crate::local::devnet_failure;
use fallow_devnet::{ManagedProcess, ProcessSpec};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// First pause after a death, doubled with each one that follows soon.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Whoever ran so long died of something new.
const STEADY: Duration = Duration::from_secs(60);
/// A daemon that was asked to end does so at its next look at the chain.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait before the next start.
#[derive(Clone, Copy, Debug, Default)]
struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// Counts a death after `alive`.
    fn died(&mut self, alive: Duration) -> Duration {
        self.deaths = if alive >= STEADY { 1 } else { self.deaths.saturating_add(1) };
        let doubled = 2_u32.saturating_pow(self.deaths.saturating_sub(1));
        FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
    }
}

/// A supervised daemon. Dropping it kills its process.
#[derive(Debug)]
pub(crate) struct Daemon {
    spec: ProcessSpec,
    /// `None` between a death and the next start.
    process: Option<ManagedProcess>,
    started: Instant,
    backoff: Backoff,
    /// When it is started again.
    again: Option<Instant>,
    restarts: u32,
}

impl Daemon {
    /// Starts the process.
    pub(crate) fn start(spec: ProcessSpec) -> Result<Self> {
        let process = ManagedProcess::spawn(&spec).map_err(|error| devnet_failure(&error))?;
        Ok(Self {
            spec,
            process: Some(process),
            started: Instant::now(),
            backoff: Backoff::default(),
            again: None,
            restarts: 0,
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// The process, while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ManagedProcess::id)
    }

    /// How often it was started again.
    pub(crate) const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Notes a death, or starts it again when it is time to. Says what happened.
    pub(crate) fn look(&mut self, now: Instant) -> Result<Option<String>> {
        if let Some(process) = &mut self.process {
            let ended = process.exit_status().map_err(|error| devnet_failure(&error))?;
            return Ok(ended.map(|status| self.died(status, now)));
        }
        if self.again.is_some_and(|again| again > now) {
            return Ok(None);
        }
        let process = ManagedProcess::spawn(&self.spec).map_err(|error| devnet_failure(&error))?;
        let id = process.id();
        self.restarts = self.restarts.saturating_add(1);
        (self.process, self.started, self.again) = (Some(process), now, None);
        Ok(Some(format!("{} is started again (process {id})", self.name())))
    }

    fn died(&mut self, status: ExitStatus, now: Instant) -> String {
        self.process = None;
        let pause = self.backoff.died(now.saturating_duration_since(self.started));
        self.again = now.checked_add(pause);
        let log = self.spec.log_dir.join(format!("{}.log", self.spec.name));
        format!(
            "{} died ({status}), starting it again in {:.1} s; its log: {}",
            self.name(),
            pause.as_secs_f64(),
            log.display()
        )
    }

    /// Asks the process to end, and makes sure that it does.
    pub(crate) async fn end(self) -> Result<()> {
        if let Some(process) = self.process {
            process.stop(GRACE).await.map_err(|error| devnet_failure(&error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn pauses_grow_and_end_growing() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).map(|_| backoff.died(Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(backoff.died(STEADY), FIRST_PAUSE, "it ran well in between");
    }

    #[tokio::test]
    async fn a_daemon_that_died_is_started_again_in_its_time_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let spec = ProcessSpec::new("short", Path::new("true"), dir.path());
        let mut daemon = Daemon::start(spec).unwrap();
        let news = loop {
            if let Some(news) = daemon.look(Instant::now()).unwrap() {
                break news;
            }
            tokio::task::yield_now().await;
        };
        assert!(news.starts_with("short died (exit status: 0), starting it again in 0.5 s"));
        let died = daemon.again.unwrap();
        assert_eq!(daemon.look(died - Duration::from_millis(1)).unwrap(), None, "not yet");
        assert!(daemon.look(died).unwrap().unwrap().starts_with("short is started again"));
        assert_eq!(daemon.restarts(), 1);
    }
}
