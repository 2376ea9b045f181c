//! What a verifier checked, line by line. The light client stops at the first rule that fails, in
//! the order of `docs/protocol.md` sections 12 and 13; so the code of its refusal tells which
//! steps held, which one failed and which were not reached.

use crate::error::{ExitStatus, Result};
use crate::printer::{BAD, GOOD, Mark, Printer};
use crate::time;
use alloy_primitives::Address;
use fallow_protocol::{Body, Code, Domain, Record, Refusal, RequestId, ResourceId, Unit, decimal};
use serde::Serialize;
use std::borrow::Cow;

/// One step of a verification.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    codes: &'static [Code],
    found: String,
}

impl Step {
    /// A step that fails with one of `codes`, and what was found where it holds.
    pub(crate) const fn new(name: &'static str, codes: &'static [Code], found: String) -> Self {
        Self { name, codes, found }
    }
}

/// The steps and how they ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    steps: Vec<Step>,
    refusal: Option<Refusal>,
    clock: u64,
    /// What the ticket's record says, if it is of an allocation.
    allocation: Option<Allocation>,
}

/// An allocation as `--json` shows it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    request_id: RequestId,
    resource_id: ResourceId,
    requester: Address,
    volume: u16,
    #[serde(with = "decimal")]
    start_time: u64,
    #[serde(with = "decimal")]
    end_time: u64,
}

impl Allocation {
    /// The allocation of a record in the network of `domain`, if it is one.
    pub(crate) fn of(record: &Record, domain: &Domain) -> Option<Self> {
        let Body::Allocation(body) = &record.body else {
            return None;
        };
        Some(Self {
            request_id: body.request_id(domain),
            resource_id: body.resource_id,
            requester: body.requester,
            volume: body.volume,
            start_time: body.start_time,
            end_time: body.end_time,
        })
    }
}

/// One step as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepJson<'a> {
    name: &'a str,
    /// `null` if it was not reached.
    holds: Option<bool>,
    /// The words that people read; nothing if it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Cow<'a, str>>,
}

/// A verdict as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerdictJson<'a> {
    proven: bool,
    #[serde(with = "decimal")]
    clock: u64,
    /// What was proven; `null` if nothing was, or if the record is of another kind.
    allocation: Option<Allocation>,
    checks: Vec<StepJson<'a>>,
    refusal: Option<Refusal>,
}

impl Verdict {
    /// The verdict of a verifier whose clock showed `clock`.
    pub(crate) const fn new(steps: Vec<Step>, refusal: Option<Refusal>, clock: u64) -> Self {
        Self { steps, refusal, clock, allocation: None }
    }

    /// Adds what the record says; it is shown only where it is proven.
    pub(crate) const fn about(mut self, allocation: Option<Allocation>) -> Self {
        self.allocation = allocation;
        self
    }

    /// Why not, if not.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// The exit status.
    pub(crate) const fn status(&self) -> ExitStatus {
        ExitStatus::of(self.refusal.is_none())
    }

    fn marks(&self) -> impl Iterator<Item = (&Step, Mark)> {
        let mut failed = false;
        self.steps.iter().map(move |step| {
            let fails = self.refusal.is_some_and(|refusal| step.codes.contains(&refusal.code));
            let mark = match (failed, fails) {
                (true, _) => Mark::NotReached,
                (false, true) => Mark::Fails,
                (false, false) => Mark::Holds,
            };
            failed |= fails;
            (step, mark)
        })
    }

    /// One line for each step, and the refusal.
    pub(crate) fn print(&self, printer: &mut Printer) -> Result<()> {
        for (step, mark) in self.marks() {
            match (mark, self.refusal) {
                (Mark::Holds, _) | (Mark::Fails, None) => {
                    printer.check(mark, step.name, &step.found)?;
                }
                (Mark::Fails, Some(refusal)) => {
                    printer.check(mark, step.name, explain(&refusal, self.clock))?;
                }
                (Mark::NotReached, _) => printer.check(mark, step.name, "not reached")?,
            }
        }
        Ok(())
    }

    /// The last line: what was proven, or the refusal.
    pub(crate) fn conclude(&self, proven: &str, printer: &mut Printer) -> Result<()> {
        match self.refusal {
            None => printer.line(format_args!("{GOOD}proven{GOOD:#}: {proven}")),
            Some(refusal) => printer.line(format_args!(
                "{BAD}refused{BAD:#}: {:03} {}",
                refusal.code.number(),
                refusal.code.name()
            )),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> VerdictJson<'_> {
        let checks = self.marks().map(|(step, mark)| StepJson {
            name: step.name,
            holds: match mark {
                Mark::Holds => Some(true),
                Mark::Fails => Some(false),
                Mark::NotReached => None,
            },
            found: match (mark, self.refusal) {
                (Mark::Holds, _) => Some(Cow::Borrowed(step.found.as_str())),
                (Mark::Fails, Some(refusal)) => Some(explain(&refusal, self.clock).into()),
                (Mark::Fails, None) | (Mark::NotReached, _) => None,
            },
        });
        VerdictJson {
            proven: self.refusal.is_none(),
            clock: self.clock,
            allocation: self.allocation.filter(|_| self.refusal.is_none()),
            checks: checks.collect(),
            refusal: self.refusal,
        }
    }
}

/// A refusal for people: times as times, the rest as it is. What was wanted is left out where it
/// is a constant that says nothing.
pub(crate) fn explain(refusal: &Refusal, clock: u64) -> String {
    let [(got_unit, got), (want_unit, want)] = refusal.code.labels();
    let message = match refusal.code {
        // One code for two cases, and the word tells which.
        Code::NonceSpent if refusal.got.is_zero() => "the nonce is zero, which nobody issues",
        Code::NonceSpent => "the nonce was used before, and opens no door again",
        code => code.message(),
    };
    let found = labelled((got_unit, got), refusal.got, clock);
    match want {
        "0" => format!("{message} ({found})"),
        constant if constant.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("{message} ({found}; expected: {constant})")
        }
        _ => {
            let wanted = labelled((want_unit, want), refusal.want, clock);
            format!("{message} ({found}; {wanted})")
        }
    }
}

/// One word with its label. A length of time has the unit of every number; its label says that it
/// is in seconds.
fn labelled((unit, label): (Unit, &str), value: alloy_primitives::U256, clock: u64) -> String {
    let length = label.strip_suffix(" in seconds").or_else(|| label.strip_suffix("Seconds"));
    match (length, u64::try_from(value)) {
        (Some(label), Ok(seconds)) => format!("{label}: {}", time::duration(seconds)),
        _ => format!("{label}: {}", word(unit, value, clock)),
    }
}

/// One word of a refusal or a finding.
pub(crate) fn word(unit: Unit, word: alloy_primitives::U256, clock: u64) -> String {
    match unit {
        Unit::Number => word.to_string(),
        Unit::Time => u64::try_from(word)
            .map_or_else(|_| word.to_string(), |seconds| time::show(seconds, clock)),
        Unit::Address => Address::from_word(word.into()).to_string(),
        Unit::Hash => alloy_primitives::B256::from(word).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(refusal: Option<Refusal>) -> Verdict {
        let step = |name, codes| Step::new(name, codes, "found".into());
        let steps = vec![
            step("network", &[Code::NetworkMismatch]),
            step("set", &[Code::SetExpired, Code::SetMismatch]),
            step("evidence", &[Code::EvidenceMismatch]),
        ];
        Verdict::new(steps, refusal, 100)
    }

    #[test]
    fn steps_after_the_one_that_failed_are_not_reached() {
        let refusal = Refusal::new(Code::SetMismatch, 1_u64, 2_u64);
        let failed = verdict(Some(refusal));
        let marks: Vec<_> = failed.marks().map(|(_, mark)| mark).collect();
        assert_eq!(marks, [Mark::Holds, Mark::Fails, Mark::NotReached]);
        assert_eq!(failed.status(), ExitStatus::Refused);
    }

    #[test]
    fn without_a_refusal_every_step_holds() {
        let held = verdict(None);
        assert!(held.marks().all(|(_, mark)| mark == Mark::Holds));
        assert_eq!(held.status(), ExitStatus::Done);
    }

    #[test]
    fn lengths_in_refusals_are_shown_as_lengths() {
        let refusal = Refusal::new(Code::WindowNotWholeSlots, 5_400_u64, 3_600_u64);
        let text = explain(&refusal, 100);
        assert!(text.ends_with("(window: 1 h 30 min; slot: 1 h)"), "{text}");
    }

    #[test]
    fn times_in_refusals_are_shown_as_times() {
        let refusal = Refusal::new(Code::SetExpired, 200_u64, 100_u64);
        assert!(explain(&refusal, 100).contains("in 1 min 40 s"));
        let zero = Refusal::new(Code::NonceSpent, 7_u64, 0_u64);
        assert!(!explain(&zero, 100).contains("0:"), "a constant zero says nothing");
        assert!(explain(&zero, 100).starts_with("the nonce was used before, "));
        let none = Refusal::new(Code::NonceSpent, 0_u64, 0_u64);
        assert!(explain(&none, 100).starts_with("the nonce is zero, "));
    }
}
