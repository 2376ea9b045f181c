//! `check` answers what `apply` would do, with what was compared.

use crate::common::{
    NOW, SLOT, START, claim, domain, key, ledger, request, request_for, requester, signed,
};
use alloy_primitives::U256;
use fallow_ledger::{Finding, Ledger};
use fallow_protocol::{Code, Request, ResourceId};

fn check(ledger: &Ledger, request: &Request) -> [Finding; 5] {
    let signatures = signed(&requester(), request.id(&domain()).0);
    ledger.check(request, &signatures, NOW)
}

fn codes(findings: &[Finding; 5]) -> [Option<Code>; 5] {
    findings.map(|finding| finding.code)
}

fn compared(finding: &Finding) -> (u64, u64) {
    (finding.got.to(), finding.want.to())
}

#[test]
fn five_checks_that_hold_say_what_was_compared() {
    let mut ledger = ledger();
    ledger.apply(&claim(request_for(12, 1, 3, 1)), NOW).unwrap();
    ledger.apply(&claim(request_for(14, 1, 8, 2)), NOW).unwrap();
    let findings = check(&ledger, &request_for(12, 4, 2, 7));
    assert_eq!(codes(&findings), [None; 5]);
    let requester = U256::from_be_bytes(requester().address().into_word().0);
    assert_eq!((findings[0].got, findings[0].want), (requester, requester));
    assert_eq!(compared(&findings[1]), (1, 1));
    assert_eq!(compared(&findings[2]), (7, 2));
    assert_eq!(compared(&findings[3]), (START + 13 * SLOT, NOW));
    assert_eq!(compared(&findings[4]), (2, 2));
    assert_eq!(findings.map(|finding| finding.refusal()), [None; 5]);
}

#[test]
fn checks_that_can_be_judged_alone_are() {
    let mut ledger = ledger();
    ledger.apply(&claim(request_for(12, 1, 10, 1)), NOW).unwrap();
    let request = request();
    let findings = ledger.check(&request, &signed(&key(9), request.id(&domain()).0), NOW);
    let want = [
        Some(Code::RequesterSignatureInvalid),
        None,
        Some(Code::SequenceAlreadyUsed),
        None,
        Some(Code::CapacityExceeded),
    ];
    assert_eq!(codes(&findings), want);
    assert_eq!(compared(&findings[4]), (1, 0));
}

#[test]
fn what_cannot_be_judged_repeats_the_reason() {
    let unknown = Request { resource_id: ResourceId::ZERO, ..request() };
    let findings = check(&ledger(), &unknown);
    let reason = Some(Code::ResourceUnknown);
    assert_eq!(codes(&findings), [None, reason, None, reason, reason]);
    assert_eq!((findings[3], findings[4]), (findings[1], findings[1]));
    let findings = check(&ledger(), &Request { timestamp: 0, ..request() });
    let reason = Some(Code::TimestampOutsideDrift);
    assert_eq!(codes(&findings), [None, None, None, reason, reason]);
}

#[test]
fn a_check_changes_nothing() {
    let ledger = ledger();
    let before = ledger.clone();
    check(&ledger, &request());
    assert_eq!(ledger, before);
}
