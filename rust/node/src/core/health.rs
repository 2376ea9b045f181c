//! Whether messages can be taken, and why not.

use crate::core::NotReady;

/// What stands in the way.
#[derive(Debug)]
pub(crate) struct Health {
    stopped: Option<String>,
    store: Option<String>,
    away: Option<String>,
    stuck: Option<String>,
}

impl Health {
    /// Before the chain was read.
    pub(crate) fn new() -> Self {
        let away = "it is not read up to its last final block yet".to_owned();
        Self { stopped: None, store: None, away: Some(away), stuck: None }
    }

    /// Something contradicts the node: it ends everything, for good. The first reason stays.
    pub(crate) fn stop(&mut self, why: String) {
        if self.stopped.is_none() {
            tracing::error!(why, "stopped: nothing is served any more");
            self.stopped = Some(why);
        }
    }

    /// The node ends as it was told to: nothing is wrong. A reason from before stays.
    pub(crate) fn end(&mut self) {
        if self.stopped.is_none() {
            tracing::info!("nothing is taken any more: the node ends");
            self.stopped = Some("the node ends".to_owned());
        }
    }

    /// The disk failed, or works again.
    pub(crate) fn set_store(&mut self, why: Option<String>) {
        change("store", &mut self.store, why);
    }

    /// The chain is away, or answers again.
    pub(crate) fn set_away(&mut self, why: Option<String>) {
        change("chain", &mut self.away, why);
    }

    /// Transactions do not get on, or do again.
    pub(crate) fn set_stuck(&mut self, why: Option<String>) {
        change("transactions", &mut self.stuck, why);
    }

    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// The weightiest reason.
    pub(crate) fn not_ready(&self) -> Option<NotReady> {
        let stopped = self.stopped.clone().map(NotReady::Stopped);
        let store = || self.store.clone().map(NotReady::StoreFailed);
        let away = || self.away.clone().or_else(|| self.stuck.clone()).map(NotReady::ChainAway);
        stopped.or_else(store).or_else(away)
    }
}

fn change(what: &'static str, now: &mut Option<String>, why: Option<String>) {
    match (&now, &why) {
        (None, Some(why)) => tracing::warn!(why, "no messages are taken: {what}"),
        (Some(_), None) => tracing::info!("{what}: as it should be again"),
        _ => {}
    }
    *now = why;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_reason_is_told_and_stopping_is_for_good() {
        let mut health = Health::new();
        let why = |text: &str| Some(text.to_owned());
        assert!(matches!(health.not_ready(), Some(NotReady::ChainAway(_))), "not read yet");
        health.set_away(None);
        assert_eq!(health.not_ready(), None);
        health.set_stuck(why("no coins"));
        assert_eq!(health.not_ready(), Some(NotReady::ChainAway("no coins".to_owned())));
        health.set_store(why("full"));
        assert_eq!(health.not_ready(), Some(NotReady::StoreFailed("full".to_owned())));
        health.stop("first".to_owned());
        health.stop("second".to_owned());
        health.set_store(None);
        assert_eq!(health.not_ready(), Some(NotReady::Stopped("first".to_owned())));
    }
    #[test]
    fn an_orderly_end_does_not_hide_why_it_was_stopped_before() {
        let mut health = Health::new();
        health.end();
        assert_eq!(health.not_ready(), Some(NotReady::Stopped("the node ends".to_owned())));
        let mut health = Health::new();
        health.stop("first".to_owned());
        health.end();
        assert_eq!(health.not_ready(), Some(NotReady::Stopped("first".to_owned())));
    }
}
