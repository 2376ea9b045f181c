//! How the tasks reach the core, and how they wait.

use crate::core::ChainInput;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;
use tokio::sync::mpsc;

/// A chain that is away is looked for at least so often.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The way to the core. It is bounded: a task waits while the core has enough to do.
#[derive(Clone, Debug)]
pub struct Feed {
    /// To the core.
    pub to_core: mpsc::Sender<ChainInput>,
    /// Time between two looks at a chain that has nothing new.
    pub poll: Duration,
}

impl Feed {
    /// Says something to the core; `None` once it has ended.
    pub(super) async fn say(&self, input: ChainInput) -> Option<()> {
        self.to_core.send(input).await.ok()
    }

    /// Waits before the next look; `None` if the core ends meanwhile.
    pub(super) async fn pause(&self, pause: Duration) -> Option<()> {
        tokio::select! {
            () = self.to_core.closed() => None,
            () = tokio::time::sleep(pause) => Some(()),
        }
    }
}

/// Pauses between looks: steady while they go well, longer and longer while they fail.
#[derive(Debug)]
pub(super) struct Pauses {
    poll: Duration,
    failing: Option<ExponentialBackoff>,
}

impl Pauses {
    pub(super) const fn new(poll: Duration) -> Self {
        Self { poll, failing: None }
    }

    /// The pause after a look that went well.
    pub(super) fn after_success(&mut self) -> Duration {
        self.failing = None;
        self.poll
    }

    /// The pause after a look that failed.
    pub(super) fn after_failure(&mut self) -> Duration {
        let poll = self.poll.min(LONGEST_PAUSE);
        let failing = self.failing.get_or_insert_with(|| {
            let builder = ExponentialBuilder::new().with_min_delay(poll);
            builder.with_max_delay(LONGEST_PAUSE).without_max_times().with_jitter().build()
        });
        failing.next().unwrap_or(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_while_looks_fail_and_then_start_anew() {
        let poll = Duration::from_millis(100);
        let mut pauses = Pauses::new(poll);
        assert_eq!(pauses.after_success(), poll);
        let failing: Vec<_> = (0..100).map(|_| pauses.after_failure()).collect();
        assert!(failing.iter().all(|pause| (poll..=LONGEST_PAUSE * 2).contains(pause)));
        assert!(failing[0] <= poll * 2 && failing[99] >= LONGEST_PAUSE, "{failing:?}");
        assert_eq!(pauses.after_success(), poll);
        assert!(pauses.after_failure() <= poll * 2);
    }

    #[tokio::test]
    async fn a_pause_ends_with_the_core() {
        let (to_core, core) = mpsc::channel(1);
        let feed = Feed { to_core, poll: Duration::ZERO };
        assert_eq!(feed.pause(Duration::ZERO).await, Some(()));
        drop(core);
        assert_eq!(feed.pause(Duration::from_secs(3_600)).await, None);
        assert_eq!(feed.say(ChainInput::Away(String::new())).await, None);
    }
}
