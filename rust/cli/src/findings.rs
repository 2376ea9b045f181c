//! The five checks of a request, as the registry answers them (`docs/protocol.md` section 4.2).

use crate::approval;
use crate::error::{ExitStatus, Result};
use crate::printer::{Mark, Printer};
use crate::time;
use crate::verdict::{explain, word};
use alloy_primitives::U256;
use fallow_chain::{Registry, refusal_of};
use fallow_protocol::{Refusal, Unit};
use serde::Serialize;

const NAMES: [&str; 5] = ["1 requester", "2 resource", "3 sequence", "4 window", "5 capacity"];

/// The findings of one request.
#[derive(Debug)]
pub(crate) struct Findings {
    findings: [Registry::Refusal; 5],
    clock: u64,
}

/// A finding as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingJson {
    check: usize,
    holds: bool,
    /// Whether the check could be judged; one that needs an earlier one cannot.
    judged: bool,
    code: u16,
    got: U256,
    want: U256,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

/// Findings as `--json` shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingsJson {
    holds: bool,
    checks: Vec<FindingJson>,
    /// The refusal that the registry would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

impl Findings {
    /// What the registry answered; `clock` is this machine's.
    pub(crate) const fn new(findings: [Registry::Refusal; 5], clock: u64) -> Self {
        Self { findings, clock }
    }

    /// Whether the registry would record the request.
    pub(crate) fn hold(&self) -> bool {
        self.findings.iter().all(|finding| finding.code == 0)
    }

    /// The exit status.
    pub(crate) fn status(&self) -> ExitStatus {
        ExitStatus::of(self.hold())
    }

    /// The refusal that the registry would give: that of the first check that fails.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.findings.iter().find(|finding| finding.code != 0).and_then(refusal_of)
    }

    /// Whether nothing is missing but the approver's signature.
    pub(crate) fn need_approval(&self) -> bool {
        let missing = self.refusal().filter(approval::is_missing);
        missing.is_some_and(|missing| {
            let code = missing.code.number();
            self.findings.iter().all(|finding| finding.code == 0 || finding.code == code)
        })
    }

    /// One line for each check.
    pub(crate) fn lines(&self) -> Vec<(Mark, &'static str, String)> {
        let numbered = self.findings.iter().zip(NAMES).zip(1..);
        numbered
            .map(|((finding, name), check)| {
                let (mark, text) = self.line(check, finding);
                (mark, name, text)
            })
            .collect()
    }

    /// Prints the five lines.
    pub(crate) fn print(&self, printer: &mut Printer) -> Result<()> {
        self.lines().into_iter().try_for_each(|(mark, name, text)| printer.check(mark, name, text))
    }

    fn line(&self, check: u16, finding: &Registry::Refusal) -> (Mark, String) {
        if finding.code == 0 {
            return (Mark::Holds, self.holds(check, finding.got, finding.want));
        }
        if check_of(finding.code) != check {
            return (Mark::NotReached, "cannot be judged: an earlier check failed".to_owned());
        }
        let text = match refusal_of(finding) {
            Some(refusal) => explain(&refusal, self.clock),
            None => format!("code {}, which this version does not know", finding.code),
        };
        (Mark::Fails, text)
    }

    fn holds(&self, check: u16, got: U256, want: U256) -> String {
        match check {
            1 => format!("signed by {}", word(Unit::Address, got, self.clock)),
            2 => format!("recorded as number {got}, with its provider's signature"),
            3 => format!("sequence {got} is new, the highest seen is {want}"),
            4 => match u64::try_from(got) {
                Ok(end) => format!("its first slot ends {}", time::show(end, self.clock)),
                Err(_) => format!("its first slot ends at {got}"),
            },
            _ => format!("{got} asked, {want} free in the fullest slot"),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> FindingsJson {
        let checks = self.findings.iter().zip(1_u16..).map(|(finding, check)| FindingJson {
            check: usize::from(check),
            holds: finding.code == 0,
            judged: finding.code == 0 || check_of(finding.code) == check,
            code: finding.code,
            got: finding.got,
            want: finding.want,
            refusal: refusal_of(finding),
        });
        FindingsJson { holds: self.hold(), checks: checks.collect(), refusal: self.refusal() }
    }
}

/// The check that a code belongs to: its hundreds; signatures of a wrong length are check 1's.
fn check_of(code: u16) -> u16 {
    (code / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: u16) -> Registry::Refusal {
        Registry::Refusal { code, got: U256::from(3), want: U256::from(2) }
    }

    fn marks(codes: [u16; 5]) -> Vec<Mark> {
        let findings = Findings::new(codes.map(finding), 0);
        findings.lines().into_iter().map(|(mark, _, _)| mark).collect()
    }

    #[test]
    fn a_check_that_repeats_an_earlier_refusal_was_not_judged() {
        use Mark::{Fails, Holds, NotReached};
        assert_eq!(marks([0; 5]), [Holds; 5]);
        assert_eq!(marks([0, 202, 0, 202, 202]), [Holds, Fails, Holds, NotReached, NotReached]);
        assert_eq!(marks([1, 0, 0, 0, 501]), [Fails, Holds, Holds, Holds, Fails]);
        assert_eq!(marks([0, 0, 0, 999, 0]), [Holds, Holds, Holds, NotReached, Holds]);
    }

    #[test]
    fn the_first_failing_check_is_the_refusal() {
        let findings = Findings::new([0, 0, 303, 0, 501].map(finding), 0);
        assert_eq!(findings.refusal().map(|refusal| refusal.code.number()), Some(303));
        assert!(!findings.hold());
    }
}
