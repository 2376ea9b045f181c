//! What a person or a program sees: data on standard output, all else on standard error. Colour
//! only on a terminal, never against `NO_COLOR`, and never as the only carrier of a meaning.

use crate::bars::{Room, Symbols, When};
use crate::error::{ExitStatus, Failure, Result};
use crate::table;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A headline.
pub(crate) const HEAD: Style = AnsiColor::Cyan.on_default().bold();
/// Something to read second.
pub(crate) const DIM: Style = Style::new().dimmed();
/// A command to type.
pub(crate) const COMMAND: Style = Style::new().bold();

/// A number with its noun: `1 unit`, `2 units`.
pub(crate) fn count(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        other => format!("{other} {noun}s"),
    }
}

/// Characters in a line where no terminal says how many it has.
const USUAL_WIDTH: usize = 100;

/// Characters in a line of standard output, if it is a terminal.
fn terminal_width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map(|(terminal_size::Width(columns), _)| columns.into())
}

/// Blocks where the locale says that the terminal shows them.
fn symbols() -> Symbols {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os);
    let locale = locale.into_iter().find(|value| !value.is_empty());
    let locale = locale.map(|value| value.to_string_lossy().to_ascii_lowercase());
    let is_unicode = locale.is_some_and(|name| name.contains("utf-8") || name.contains("utf8"));
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if is_unicode && !is_dumb { Symbols::UNICODE } else { Symbols::ASCII }
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It was not reached, since an earlier one failed.
    NotReached,
}

/// Both output streams.
#[derive(Debug)]
pub(crate) struct Printer {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
}

impl Printer {
    /// The streams of this process, each with colour where it is a terminal.
    pub(crate) fn new() -> Self {
        Self { out: AutoStream::auto(io::stdout()), err: AutoStream::auto(io::stderr()) }
    }

    /// Whether standard output shows colour.
    pub(crate) fn has_colour(&self) -> bool {
        self.out.current_choice() != anstream::ColorChoice::Never
    }

    /// The room for bars on standard output, if they are wanted and there is any.
    pub(crate) fn room(&self, wanted: When) -> Option<Room> {
        let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = match wanted {
            When::Never => None,
            When::Always => named.or(Some(USUAL_WIDTH)),
            When::Auto => terminal_width(),
        };
        Some(Room { width: width?, symbols: symbols() })
    }

    /// One line of data.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<()> {
        writeln!(self.out, "{text}").map_err(|error| Failure::output(&error))
    }

    /// Data that has its own line ends.
    pub(crate) fn text(&mut self, text: impl Display) -> Result<()> {
        write!(self.out, "{text}").map_err(|error| Failure::output(&error))
    }

    /// One line that is no data.
    pub(crate) fn note(&mut self, text: impl Display) -> Result<()> {
        writeln!(self.err, "{text}").map_err(|error| Failure::output(&error))
    }

    /// What to do next.
    pub(crate) fn hint(&mut self, text: impl Display) -> Result<()> {
        self.note(format_args!("{HEAD}hint:{HEAD:#} {text}"))
    }

    /// JSON for programs.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = crate::files::to_json(value)?;
        self.text(text)
    }

    /// A named value.
    pub(crate) fn field(&mut self, name: &str, value: impl Display) -> Result<()> {
        self.line(format_args!("{DIM}{name:<12}{DIM:#} {value}"))
    }

    /// A check with its mark, name and what was found.
    pub(crate) fn check(&mut self, mark: Mark, name: &str, found: impl Display) -> Result<()> {
        let (style, sign) = match mark {
            Mark::Holds => (GOOD, "ok"),
            Mark::Fails => (BAD, "NO"),
            Mark::NotReached => (DIM, "--"),
        };
        self.line(format_args!("{style}{sign}{style:#}  {name:<12} {found}"))
    }

    /// A table; an empty one only says so, on standard error.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> Result<()> {
        if rows.is_empty() {
            return self.note("nothing to show");
        }
        self.line(table::render(header, rows, terminal_width()))
    }

    /// The end of a command, whichever way it ended.
    pub(crate) fn finish(&mut self, result: Result<ExitStatus>) -> ExitCode {
        match result {
            Ok(status) => status.into(),
            Err(failure) => self.report(&failure),
        }
    }

    fn report(&mut self, failure: &Failure) -> ExitCode {
        if failure.is_output_closed() {
            return failure.code().into();
        }
        let told =
            self.note(format_args!("{BAD}error:{BAD:#} {}", failure.what())).and_then(|()| {
                match failure.hint_line() {
                    Some(hint) => self.hint(hint),
                    None => Ok(()),
                }
            });
        // Nobody listens on standard error either: the exit code is all that is left.
        match told {
            Ok(()) => failure.code().into(),
            Err(_) => 2.into(),
        }
    }
}
