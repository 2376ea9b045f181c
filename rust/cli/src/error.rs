//! How a command ends: exit codes and one-line errors with a hint.

use std::fmt::{self, Display};
use std::io;
use std::process::ExitCode;

/// How a command that could do its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum ExitStatus {
    /// Done, or proven: exit code 0.
    Done,
    /// Well-formed, but refused or not proven: exit code 1.
    Refused,
}

impl ExitStatus {
    /// `Done` if it holds, else `Refused`.
    pub(crate) const fn of(holds: bool) -> Self {
        if holds { Self::Done } else { Self::Refused }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Done => Self::SUCCESS,
            ExitStatus::Refused => Self::FAILURE,
        }
    }
}

/// Result of a command or a part of one.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command could not do its work, in one line, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Unreadable input, usage or environment: exit code 2.
    Environment,
    /// Well-formed, but refused or not proven: exit code 1.
    Refused,
    /// The reader of our output went away: nothing is wrong with us.
    OutputClosed,
}

impl Failure {
    /// Unreadable input, wrong usage, or an environment that does not play along.
    pub(crate) fn new(what: impl Display) -> Self {
        Self { what: one_line(&what.to_string()), hint: None, kind: Kind::Environment }
    }

    /// The input is well-formed, but the answer is no.
    pub(crate) fn refused(what: impl Display) -> Self {
        Self { kind: Kind::Refused, ..Self::new(what) }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(one_line(&hint.to_string()));
        self
    }

    /// Adds what to do about it where nothing better was said.
    pub(crate) fn or_hint(self, hint: impl Display) -> Self {
        match self.hint {
            Some(_) => self,
            None => self.hint(hint),
        }
    }

    /// Names the file that it is about.
    pub(crate) fn at(mut self, path: &std::path::Path) -> Self {
        self.what = one_line(&format!("`{}`: {}", path.display(), self.what));
        self
    }

    /// What was wrong.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What to do about it.
    pub(crate) fn hint_line(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether there is anybody left to tell.
    pub(crate) fn is_output_closed(&self) -> bool {
        self.kind == Kind::OutputClosed
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            Kind::Environment => 2,
            Kind::Refused => 1,
            Kind::OutputClosed => 0,
        }
    }

    /// A failed write to our own output.
    pub(crate) fn output(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::BrokenPipe => Kind::OutputClosed,
            _ => Kind::Environment,
        };
        Self { kind, ..Self::new(format_args!("cannot write the output: {error}")) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Names of files and errors of others may hold line breaks and control characters; a person gets
/// one line, and a terminal no commands. Long texts of others are cut.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut line: String = text
        .chars()
        .take(LONGEST)
        .map(|symbol| if symbol.is_control() { ' ' } else { symbol })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push_str(" ...");
    }
    line
}

/// Adds what was being done to somebody else's error.
pub(crate) trait Context<T> {
    /// `doing` reads as the beginning of a sentence: "cannot read `x`".
    fn context(self, doing: impl Display) -> Result<T>;
}

impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl Display) -> Result<T> {
        self.map_err(|error| Failure::new(format_args!("{doing}: {}", chain(&error))))
    }
}

/// An error with its sources, each only where it says something new.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(one_line(&"x".repeat(10_000)).len(), 604);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(closed.is_output_closed());
        assert_eq!(closed.code(), 0);
        assert_eq!(Failure::new("x").code(), 2);
        assert_eq!(Failure::refused("x").code(), 1);
    }
}
