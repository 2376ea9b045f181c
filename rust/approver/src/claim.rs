//! The decision, pure: what a request asks of whose allowance.

use crate::Policy;
use alloy_primitives::Address;
use fallow_protocol::{Code, Domain, Refusal, Request, RequestFile, RequestId};
use std::ops::RangeInclusive;

/// Seconds of a UTC day: unix time has no leap seconds.
const DAY: u64 = 86_400;

/// Days, counted from 1970-01-01 UTC.
pub type Days = RangeInclusive<u64>;

/// The day of a unix time.
pub(crate) fn day_of(time: u64) -> u64 {
    time.checked_div(DAY).unwrap_or(0)
}

/// Days as an operator reads them: `2030-01-31`, or the first and the last of several.
pub(crate) fn dates(days: &Days) -> String {
    let (first, last) = (date(*days.start()), date(*days.end()));
    if first == last { first } else { format!("{first} to {last}") }
}

fn date(day: u64) -> String {
    let midnight = i64::try_from(day.saturating_mul(DAY)).ok();
    let midnight = midnight.and_then(|second| jiff::Timestamp::from_second(second).ok());
    // No calendar reaches so far, and no horizon does.
    midnight.map_or_else(|| format!("day {day}"), |time| time.strftime("%F").to_string())
}

/// A request that may be signed if its requester's allowance is large enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is to be signed.
    pub id: RequestId,
    /// Whose allowance it takes.
    pub requester: Address,
    /// When the request was signed, unix seconds.
    pub timestamp: u64,
    /// Units asked, which count on every day of `days`.
    pub volume: u16,
    /// The days that count.
    pub days: Days,
    /// What the requester may have signed for each day, units.
    pub limit: u32,
}

impl Claim {
    /// Judges all that needs no memory: 601, then what the ledger can judge of a request alone
    /// (101, 401, 402, 410), then the policy (803, 801) and its horizon (802), in this order.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn judge(
        domain: &Domain,
        policy: &Policy,
        file: &RequestFile,
        now: u64,
    ) -> Result<Self, Refusal> {
        let (got, want) = (file.network_id, domain.network_id);
        if got != want {
            return Err(Refusal::new(Code::NetworkMismatch, got, want));
        }
        let request = &file.request;
        let id = request.id(domain);
        fallow_ledger::judge_alone(id, request, file.signature.0.as_slice(), now)?;
        let limit = policy.limit(request)?;
        Ok(Self {
            id,
            requester: request.requester,
            timestamp: request.timestamp,
            volume: request.volume,
            days: days(request, policy.horizon_days, now)?,
            limit,
        })
    }

    /// Rule 802 for one day, of whose allowance `used` units are gone.
    ///
    /// # Errors
    /// When fewer units are left than are asked.
    pub fn fits(&self, used: u64) -> Result<(), Refusal> {
        // What is left is formed, never `used + volume`; a limit may have been lowered below it.
        let left = u64::from(self.limit).saturating_sub(used);
        if u64::from(self.volume) > left {
            return Err(Refusal::new(Code::AllowanceExceeded, self.volume, left));
        }
        Ok(())
    }
}

/// The days on which a request counts: those that its window touches, without the days that are
/// over, of which nobody can use any more. A window that is over counts nowhere and is refused, as
/// the ledger would: its first slot has ended (409). A day beyond the horizon has no allowance.
fn days(request: &Request, horizon_days: u32, now: u64) -> Result<Days, Refusal> {
    let end = request.end_time;
    if end <= now {
        return Err(Refusal::new(Code::FirstSlotEnded, end, now));
    }
    let today = day_of(now);
    // The window is half-open, and the caller has seen that it is not empty.
    let days = day_of(request.start_time).max(today)..=day_of(end.saturating_sub(1));
    if days.end().saturating_sub(today) >= u64::from(horizon_days) {
        return Err(Refusal::new(Code::AllowanceExceeded, request.volume, 0_u64));
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_protocol::{FILE_VERSION, NetworkId, ResourceId, SecretKey};
    use proptest::prelude::*;

    /// Noon of a day.
    const NOW: u64 = 20_000 * DAY + DAY / 2;
    const TODAY: u64 = 20_000;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes([seed; 32]).unwrap()
    }

    fn domain() -> Domain {
        Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(2))
    }

    fn policy() -> Policy {
        Policy::parse(&format!(
            "units_per_day = 8\nhorizon_days = 10\n[[requesters]]\naddress = \"{}\"",
            key(7).address()
        ))
        .unwrap()
    }

    fn request(start_time: u64, end_time: u64) -> Request {
        Request {
            resource_id: ResourceId::repeat_byte(3),
            requester: key(7).address(),
            volume: 2,
            start_time,
            end_time,
            timestamp: NOW,
            sequence: 1,
        }
    }

    fn signed_by(signer: u8, request: Request) -> RequestFile {
        RequestFile {
            version: FILE_VERSION,
            network_id: domain().network_id,
            request,
            signature: key(signer).sign(request.id(&domain()).0),
            approval: None,
        }
    }

    fn judge(file: &RequestFile) -> Result<Claim, Refusal> {
        Claim::judge(&domain(), &policy(), file, NOW)
    }

    fn code(file: &RequestFile) -> u16 {
        judge(file).unwrap_err().code.number()
    }

    #[test]
    fn a_request_counts_on_each_day_that_it_touches() {
        let days = |start, end| {
            let claim = judge(&signed_by(7, request(start, end))).unwrap();
            (claim.days.start() - TODAY, claim.days.end() - TODAY)
        };
        let midnight = (TODAY + 1) * DAY;
        assert_eq!(days(NOW, NOW + 1), (0, 0));
        assert_eq!(days(midnight - 1, midnight), (0, 0), "the end belongs to the next day");
        assert_eq!(days(midnight - 1, midnight + 1), (0, 1));
        assert_eq!(days(midnight, midnight + DAY), (1, 1));
        assert_eq!(days(midnight, midnight + DAY + 1), (1, 2));
        assert_eq!(days(0, NOW + 1), (0, 0), "days that are over do not count");
    }

    #[test]
    fn days_are_told_as_dates() {
        assert_eq!(dates(&(0..=0)), "1970-01-01");
        assert_eq!(dates(&(20_778..=20_779)), "2026-11-21 to 2026-11-22");
        assert_eq!(dates(&(u64::MAX..=u64::MAX)), format!("day {}", u64::MAX));
    }

    #[test]
    fn a_window_that_is_over_is_refused() {
        assert!(judge(&signed_by(7, request(NOW - 1, NOW + 1))).is_ok());
        let refusal = judge(&signed_by(7, request(NOW - 1, NOW))).unwrap_err();
        assert_eq!(refusal, Refusal::new(Code::FirstSlotEnded, NOW, NOW));
    }

    #[test]
    fn days_beyond_the_horizon_have_no_allowance() {
        let end = (TODAY + 10) * DAY;
        assert!(judge(&signed_by(7, request(end - 1, end))).is_ok());
        let none_left = Refusal::new(Code::AllowanceExceeded, 2_u16, 0_u64);
        for (start, end) in [(end, end + 1), (NOW, end + 1), (NOW, u64::MAX), (0, u64::MAX)] {
            assert_eq!(judge(&signed_by(7, request(start, end))), Err(none_left));
        }
    }

    #[test]
    fn what_the_ledger_would_refuse_is_refused_first() {
        let good = request(NOW, NOW + 1);
        let stranger = Request { requester: key(8).address(), ..good };
        assert_eq!(code(&signed_by(8, good)), 101, "somebody else signed");
        assert_eq!(code(&signed_by(7, stranger)), 101);
        assert_eq!(code(&signed_by(8, stranger)), 801);
        assert_eq!(code(&signed_by(7, Request { volume: 0, ..good })), 401);
        assert_eq!(code(&signed_by(7, request(NOW + 1, NOW + 1))), 402);
        assert_eq!(code(&signed_by(7, request(u64::MAX, 0))), 402);
        for (timestamp, taken) in [
            (NOW - 301, false),
            (NOW - 300, true),
            (NOW + 300, true),
            (NOW + 301, false),
            (0, false),
            (u64::MAX, false),
        ] {
            let judged = judge(&signed_by(7, Request { timestamp, ..good }));
            let refusal = Refusal::new(Code::TimestampOutsideDrift, timestamp, NOW);
            assert_eq!(judged.map(drop), if taken { Ok(()) } else { Err(refusal) });
        }
    }

    #[test]
    fn a_request_of_another_network_is_refused() {
        let request = request(NOW, NOW + 1);
        let other = Domain::new(Address::repeat_byte(1), NetworkId::repeat_byte(9));
        let mut file = signed_by(7, request);
        file.network_id = other.network_id;
        assert_eq!(code(&file), 601, "it says so");
        let mut file = signed_by(7, request);
        file.signature = key(7).sign(request.id(&other).0);
        assert_eq!(code(&file), 101, "it was signed for another one");
    }

    #[test]
    fn the_policy_says_for_which_resources() {
        let text = format!(
            "units_per_day = 8\nresources = [\"{}\"]\n[[requesters]]\naddress = \"{}\"",
            ResourceId::repeat_byte(4),
            key(7).address()
        );
        let policy = Policy::parse(&text).unwrap();
        let request = request(NOW, NOW + 1);
        let refusal = Refusal::new(Code::ResourceNotApproved, request.resource_id, 0_u64);
        let judge = |request| Claim::judge(&domain(), &policy, &signed_by(7, request), NOW);
        assert_eq!(judge(request), Err(refusal));
        assert!(judge(Request { resource_id: ResourceId::repeat_byte(4), ..request }).is_ok());
    }

    #[test]
    fn an_allowance_is_used_up_to_its_last_unit() {
        let claim = judge(&signed_by(7, request(NOW, NOW + 1))).unwrap();
        assert_eq!((claim.limit, claim.volume), (8, 2));
        let lacks = |left: u64| Err(Refusal::new(Code::AllowanceExceeded, 2_u16, left));
        assert_eq!(claim.fits(0), Ok(()));
        assert_eq!(claim.fits(6), Ok(()));
        assert_eq!(claim.fits(7), lacks(1));
        assert_eq!(claim.fits(8), lacks(0));
        assert_eq!(claim.fits(9), lacks(0), "the limit was lowered");
        assert_eq!(claim.fits(u64::MAX), lacks(0));
    }

    proptest! {
        /// Whatever is asked, the days are few, not over, and end with the window.
        #[test]
        fn days_are_bounded(
            now in 0..1_u64 << 40,
            start in 0..1_u64 << 40,
            ahead in 1..100 * DAY,
            horizon in 1_u32..120,
        ) {
            let end = now + ahead;
            let start = start.min(end - 1);
            let days = days(&request(start, end), horizon, now);
            let last = day_of(end - 1);
            prop_assert_eq!(days.is_ok(), last - day_of(now) < u64::from(horizon));
            if let Ok(days) = days {
                prop_assert_eq!(*days.start(), day_of(start).max(day_of(now)));
                prop_assert!(days.start() <= days.end());
                prop_assert_eq!(*days.end(), last);
            }
        }
    }
}
