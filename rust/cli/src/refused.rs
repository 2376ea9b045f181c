//! What a person or a program sees of a refusal, whoever found it: this program before anything is
//! sent, or the registry.

use crate::error::{ExitStatus, Result};
use crate::printer::{BAD, Printer};
use crate::verdict::explain;
use fallow_protocol::{Code, Refusal};
use serde::Serialize;

/// A refusal, with what would not be refused for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) refusal: Refusal,
    /// What to ask for instead; may be empty.
    pub(crate) nearest: Vec<Nearest>,
}

/// Something near to what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nearest {
    /// For people.
    pub(crate) text: String,
    /// To paste into the command.
    pub(crate) flag: String,
}

/// A value, or why there is none. The outer result of a function is for failures of ours.
pub(crate) type Checked<T> = std::result::Result<T, Box<Refused>>;

/// A refusal as `--json` shows it.
#[derive(Serialize)]
struct RefusedJson<'a> {
    refusal: Refusal,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<&'a str>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, nearest: Vec::new() }
    }
}

impl Refused {
    /// Prints it; the command ends with exit code 1.
    pub(crate) fn report(&self, now: u64, json: bool, printer: &mut Printer) -> Result<ExitStatus> {
        if json {
            let nearest = self.nearest.iter().map(|nearest| nearest.flag.as_str()).collect();
            printer.json(&RefusedJson { refusal: self.refusal, nearest })?;
            return Ok(ExitStatus::Refused);
        }
        printer.line(line(&self.refusal, now))?;
        for Nearest { text, flag } in &self.nearest {
            printer.hint(format_args!("{text}: `{flag}`"))?;
        }
        if let Some(next) = next_step(self.refusal.code) {
            printer.hint(next)?;
        }
        Ok(ExitStatus::Refused)
    }
}

/// What to do about a refusal, where that follows from its code.
pub(crate) const fn next_step(code: Code) -> Option<&'static str> {
    match code {
        Code::TimestampOutsideDrift => {
            Some("what is signed lapses after 300 seconds: sign it anew, by a clock that is right")
        }
        Code::SequenceOutsideWindow | Code::SequenceAlreadyUsed => {
            Some("a request signed without `--sequence` takes the next one")
        }
        Code::OutsideResourceWindow | Code::CapacityExceeded => {
            Some("`fallow resources` shows what is free, and when")
        }
        Code::RequesterNotAllowed | Code::AllowanceExceeded | Code::ResourceNotApproved => {
            Some("the approver's policy says so: ask whoever runs it")
        }
        _ => None,
    }
}

/// A refusal in one line: code, name, what was found and what was wanted.
pub(crate) fn line(refusal: &Refusal, now: u64) -> String {
    let (code, name) = (refusal.code.number(), refusal.code.name());
    format!("{BAD}refused{BAD:#}: {code:03} {name}: {}", explain(refusal, now))
}
