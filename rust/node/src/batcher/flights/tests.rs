//! What happens to transactions, fault by fault. A chain in small stands for the real one: blocks
//! with nonces, a pool that can forget, a disk.

use super::*;
use crate::batcher::effect::Input::{Applied, Blind, Judged, Launch, NotSent, Seen, Sent, Stored};
use crate::batcher::{Effect, Input, Outgoing};
use alloy_primitives::TxHash;
use fallow_chain::Payload;

const FEES: Fees = Fees { max: 100, tip: 10 };
const CONFIG: FlightsConfig =
    FlightsConfig { in_flight: 4, ..FlightsConfig::new(Address::repeat_byte(7)) };

fn planned(arrivals: &[u64]) -> Planned {
    let call = Call { to: None, data: Bytes::copy_from_slice(&[arrivals.len() as u8]) };
    Planned { call, gas: 100_000, arrivals: arrivals.to_vec() }
}

fn look(settled: u64, included: u64, latest: u64) -> Look {
    Look { settled, latest, included, fees: FEES, time: latest * 1_000 }
}

fn payload(unsigned: &Unsigned) -> Payload {
    let hash = TxHash::with_last_byte((unsigned.nonce * 16) as u8 + unsigned.fees.max as u8);
    Payload { hash, raw: Bytes::new(), fees: unsigned.fees }
}

/// Flights with a disk, and a driver that signs at once; what it sends is noted.
#[derive(Clone)]
struct Bench {
    flights: Flights,
    disk: BTreeMap<u64, Flight>,
    sent: Vec<(u64, u128)>,
    landed: Vec<(u64, Vec<u64>)>,
    judged: Vec<u64>,
    looks: usize,
}

impl Bench {
    fn new() -> Self {
        Self::with(Flights::resume(CONFIG, Vec::new(), |_| true), BTreeMap::new())
    }

    fn with(flights: Flights, disk: BTreeMap<u64, Flight>) -> Self {
        let mut bench =
            Self { flights, disk, sent: vec![], landed: vec![], judged: vec![], looks: 0 };
        bench.put(Applied { block: 1, recorded: vec![] });
        bench
    }

    /// With transactions of nonces 0, 1, .. that a pool has taken.
    fn flying(count: u64) -> Self {
        let mut bench = Self::new();
        bench.put(Seen(look(0, 0, 1)));
        bench.put(Launch((0..count).map(|number| planned(&[number * 10])).collect()));
        (0..count).for_each(|nonce| bench.put(Sent { nonce }));
        bench.sent.clear();
        bench
    }

    /// What the disk has, and nothing else.
    fn crashed(&self) -> Self {
        let flights = Flights::resume(CONFIG, self.disk.values().cloned().collect(), |_| true);
        Self::with(flights, self.disk.clone())
    }

    fn put(&mut self, input: Input) {
        for effect in self.flights.apply(input) {
            match effect {
                Effect::Store(flight) => {
                    let nonce = flight.transaction.nonce;
                    self.disk.insert(nonce, flight);
                    self.put(Stored { nonce });
                }
                Effect::Landed { nonce, again } => {
                    self.disk.remove(&nonce);
                    self.landed.push((nonce, again));
                }
                Effect::Sign(unsigned) => {
                    let (nonce, payload) = (unsigned.nonce, payload(&unsigned));
                    self.put(Input::Signed(Outgoing { nonce, payload }));
                }
                Effect::Send(outgoing) => {
                    let sent = outgoing.iter().map(|one| (one.nonce, one.payload.fees.max));
                    self.sent.extend(sent);
                }
                Effect::Look { .. } => self.looks += 1,
                Effect::Judge { nonce, .. } => self.judged.push(nonce),
            }
        }
    }

    fn sends(&mut self, input: Input) -> Vec<u64> {
        self.sent.clear();
        self.put(input);
        self.sent.iter().map(|(nonce, _)| *nonce).collect()
    }
}

fn away() -> Trouble {
    Trouble::Away("it is dark".to_owned())
}

/// As nothing would be taken while it lasts, nothing would ever be sent to end it.
#[test]
fn a_refusal_does_not_outlast_what_was_refused() {
    let refused = || Trouble::Refused("replacement underpriced".to_owned());
    let mut bench = Bench::new();
    bench.put(Seen(look(0, 0, 1)));
    bench.put(Launch(vec![planned(&[1]), planned(&[2])]));
    bench.put(NotSent { nonce: 0, trouble: refused() });
    bench.put(NotSent { nonce: 1, trouble: refused() });
    bench.put(Seen(look(0, 1, 2)));
    assert_eq!(bench.flights.trouble(), Some(&refused()), "the second one still waits");
    bench.put(Seen(look(0, 2, 3)));
    assert_eq!(bench.flights.trouble(), None, "both are in a block, though nobody took them");
}

#[test]
fn nothing_is_launched_before_the_chain_was_seen() {
    let mut bench = Bench::new();
    assert_eq!(bench.flights.room(), 0);
    bench.put(Launch(vec![planned(&[1])]));
    assert!(bench.flights.is_empty());
    bench.put(Seen(look(5, 7, 1)));
    assert_eq!(bench.flights.room(), 4);
    assert_eq!(bench.sends(Launch(vec![planned(&[1]), planned(&[2])])), [7, 8], "from the chain");
}

#[test]
fn only_so_many_are_on_their_way() {
    let mut bench = Bench::flying(3);
    let planned: Vec<_> = (100..110).map(|number| planned(&[number])).collect();
    assert_eq!(bench.sends(Launch(planned)), [3], "the first of them");
    assert_eq!(bench.flights.room(), 0);
    let arrivals: HashSet<u64> = bench.flights.arrivals().collect();
    assert_eq!(arrivals, HashSet::from([0, 10, 20, 100]));
}

#[test]
fn what_is_not_durable_is_not_sent() {
    let mut flights = Flights::resume(CONFIG, Vec::new(), |_| true);
    flights.apply(Applied { block: 1, recorded: vec![] });
    flights.apply(Seen(look(0, 0, 1)));
    let signed = |unsigned: &Unsigned| {
        Input::Signed(Outgoing { nonce: unsigned.nonce, payload: payload(unsigned) })
    };
    let effects = flights.apply(Launch(vec![planned(&[1])]));
    let [Effect::Sign(unsigned)] = effects.as_slice() else { panic!("{effects:?}") };
    let effects = flights.apply(signed(unsigned));
    assert!(matches!(effects.as_slice(), [Effect::Store(_)]), "{effects:?}");
    assert!(flights.apply(Seen(look(0, 0, 3))).is_empty(), "not while it is stored");
    let effects = flights.apply(Stored { nonce: 0 });
    assert!(matches!(effects.as_slice(), [Effect::Send(_)]), "{effects:?}");
    assert!(flights.apply(Stored { nonce: 0 }).is_empty(), "once");
    assert!(flights.apply(signed(unsigned)).is_empty(), "once");
}

#[test]
fn a_transaction_is_over_when_its_nonce_is_used_up_in_a_final_block() {
    let mut bench = Bench::flying(2);
    bench.put(Seen(look(0, 2, 3)));
    assert!(bench.landed.is_empty(), "included, but not final");
    bench.put(Applied { block: 4, recorded: vec![0, 10] });
    bench.put(Seen(look(1, 2, 6)));
    assert_eq!(bench.landed, [(0, vec![])]);
    bench.put(Seen(look(2, 2, 7)));
    assert_eq!(bench.landed, [(0, vec![]), (1, vec![])]);
    assert!(bench.judged.is_empty(), "nobody asks when nothing is missing");
    assert!(bench.disk.is_empty() && bench.flights.is_empty());
}

/// After each step of one transaction's way, with all that was stored: it is sent again unless its
/// nonce is used up, under the same nonce, and ends once.
#[test]
fn a_crash_at_any_step_loses_no_transaction_and_makes_no_second_one() {
    let mut steps = vec![Bench::new()];
    let mut bench = Bench::new();
    bench.put(Seen(look(0, 0, 1)));
    steps.push(bench.clone());
    for input in [Launch(vec![planned(&[5])]), Sent { nonce: 0 }, Seen(look(0, 1, 3))] {
        bench.put(input);
        steps.push(bench.clone());
    }
    for (step, bench) in steps.iter().enumerate() {
        let was_launched = step >= 2;
        let mut after = bench.crashed();
        assert_eq!(after.flights.len(), usize::from(was_launched), "step {step}");
        let sends = after.sends(Seen(look(0, 0, 4)));
        assert_eq!(sends, vec![0; usize::from(was_launched)], "step {step}");
        if was_launched {
            after.put(Sent { nonce: 0 });
            after.put(Applied { block: 5, recorded: vec![5] });
            after.put(Seen(look(1, 1, 6)));
            assert_eq!(after.landed, [(0, vec![])], "step {step}");
        }
        assert_eq!(after.sends(Launch(vec![planned(&[6])])), [u64::from(was_launched)]);
    }
}

#[test]
fn a_crash_between_signing_and_storing_leaves_the_nonce_to_the_next() {
    let mut bench = Bench::flying(1);
    // Signed, but the disk has nothing of it.
    bench.flights.apply(Launch(vec![planned(&[50])]));
    let mut after = bench.crashed();
    after.put(Seen(look(0, 0, 3)));
    assert_eq!(after.sends(Launch(vec![planned(&[50])])), [1]);
}

#[test]
fn messages_that_were_recorded_before_a_crash_are_not_missed() {
    let bench = Bench::flying(1);
    let stored = bench.disk.values().cloned().collect();
    let flights = Flights::resume(CONFIG, stored, |arrival| arrival != 0);
    let mut after = Bench::with(flights, bench.disk);
    after.put(Seen(look(1, 1, 9)));
    assert_eq!(after.landed, [(0, vec![])]);
    assert!(after.judged.is_empty());
}

#[test]
fn a_failed_send_is_repeated_whether_it_was_taken_or_not() {
    for was_taken in [true, false] {
        let mut bench = Bench::flying(0);
        bench.put(Launch(vec![planned(&[1])]));
        bench.put(NotSent { nonce: 0, trouble: away() });
        assert_eq!(bench.flights.trouble(), Some(&away()));
        // If it was taken it may be in a block by now.
        let included = u64::from(was_taken);
        let sends = bench.sends(Seen(look(0, included, 2)));
        assert_eq!(sends, if was_taken { vec![] } else { vec![0] });
        bench.put(Sent { nonce: 0 });
        assert_eq!(bench.flights.trouble(), None);
        bench.put(Applied { block: 2, recorded: vec![1] });
        bench.put(Seen(look(1, 1, 3)));
        assert_eq!(bench.landed, [(0, vec![])]);
    }
}

#[test]
fn a_block_that_goes_away_sends_its_transactions_again() {
    let mut bench = Bench::flying(3);
    assert_eq!(bench.sends(Seen(look(0, 3, 3))), [0; 0]);
    assert_eq!(bench.sends(Seen(look(0, 1, 4))), [1, 2], "the same ones, at once");
    assert_eq!(bench.disk[&1].transaction.payloads.len(), 1, "nothing is signed again");
    assert!(bench.landed.is_empty());
}

#[test]
fn a_pool_that_forgot_is_reminded_after_a_while() {
    let mut bench = Bench::flying(2);
    assert_eq!(bench.sends(Seen(look(0, 0, 4))), [0; 0]);
    assert_eq!(bench.sends(Seen(look(0, 0, 5))), [0, 1], "4 seconds");
    [0, 1].into_iter().for_each(|nonce| bench.put(Sent { nonce }));
    assert_eq!(bench.sends(Seen(look(0, 0, 6))), [0; 0], "and from then on");
}

#[test]
fn stuck_fees_are_raised_for_the_next_one_and_for_those_that_offer_too_little() {
    let mut bench = Bench::flying(3);
    assert_eq!(bench.disk[&0].transaction.payloads.len(), 1);
    bench.put(Seen(look(0, 0, 11)));
    [0, 1, 2].into_iter().for_each(|nonce| bench.put(Sent { nonce }));
    let fees = |bench: &Bench, nonce| bench.disk[&nonce].transaction.payloads.last().unwrap().fees;
    assert_eq!(fees(&bench, 0), FEES.raised(FEES), "it is the next");
    assert_eq!(fees(&bench, 1), FEES, "it only waits for the one before");
    let dear = Fees { max: 200, tip: 10 };
    bench.put(Seen(Look { fees: dear, ..look(0, 0, 12) }));
    assert_eq!(fees(&bench, 0).max, 113, "it was raised just now");
    assert_eq!(fees(&bench, 1).max, 200, "nobody takes it for 100 any more");
    assert_eq!(bench.sent.last(), Some(&(2, 200)), "and it is sent");
}

#[test]
fn payloads_are_bounded() {
    let mut bench = Bench::flying(1);
    for round in 1..50 {
        bench.put(Seen(look(0, 0, 1 + round * 20)));
        bench.put(Sent { nonce: 0 });
    }
    assert_eq!(bench.disk[&0].transaction.payloads.len(), MAX_PAYLOADS);
    assert_eq!(bench.sends(Seen(look(0, 0, 2_000))), [0], "the last one is repeated");
}

#[test]
fn a_nonce_that_another_used_gives_the_messages_back() {
    let mut bench = Bench::flying(2);
    bench.put(Seen(look(1, 1, 5)));
    assert_eq!((bench.judged.as_slice(), bench.landed.len()), (&[0][..], 0));
    bench.put(Seen(look(1, 1, 6)));
    assert_eq!(bench.judged, [0], "once");
    bench.put(Judged { nonce: 0, reverted: false });
    assert_eq!(bench.landed, [(0, vec![0])], "planned again");
    assert_eq!(bench.flights.limits(Limits::default()), Limits::default(), "not for the gas");
    bench.put(Judged { nonce: 0, reverted: false });
    assert_eq!(bench.landed.len(), 1, "once");
    // The other one goes on.
    assert_eq!(bench.flights.arrivals().collect::<Vec<_>>(), [10]);
}

#[test]
fn what_is_refused_on_chain_alone_comes_back() {
    let mut bench = Bench::new();
    bench.put(Seen(look(0, 0, 1)));
    bench.put(Launch(vec![planned(&[1, 2, 3])]));
    bench.put(Sent { nonce: 0 });
    bench.put(Applied { block: 3, recorded: vec![1, 3] });
    bench.put(Seen(look(1, 1, 4)));
    bench.put(Judged { nonce: 0, reverted: false });
    assert_eq!(bench.landed, [(0, vec![2])]);
}

#[test]
fn transactions_that_revert_make_bounds_larger_and_then_pause() {
    let mut bench = Bench::flying(3);
    let revert = |bench: &mut Bench, nonce: u64, latest: u64| {
        bench.put(Seen(look(nonce + 1, nonce + 1, latest)));
        bench.put(Judged { nonce, reverted: true });
    };
    revert(&mut bench, 0, 10);
    assert_eq!(bench.flights.limits(Limits::default()).caution, 150);
    assert_eq!(bench.flights.trouble(), Some(&Trouble::Reverted { nonce: 0 }));
    assert_eq!(bench.flights.room(), 2, "at once the first time");
    revert(&mut bench, 1, 11);
    assert_eq!(bench.flights.limits(Limits::default()).caution, 200);
    assert_eq!(bench.flights.room(), 0, "a pause of four blocks");
    bench.put(Seen(look(2, 2, 15)));
    assert_eq!(bench.flights.room(), 3);
    // One that records everything shows that it is enough.
    bench.put(Applied { block: 15, recorded: vec![20] });
    bench.put(Seen(look(3, 3, 16)));
    assert_eq!(bench.flights.limits(Limits::default()), Limits::default());
}

#[test]
fn a_nonce_that_nobody_uses_any_more_is_used_up() {
    // Nonce 0 was another program's, in a block that is gone; 1 and 2 wait behind it for ever.
    let mut bench = Bench::new();
    bench.put(Seen(look(0, 1, 1)));
    bench.put(Launch(vec![planned(&[1]), planned(&[2])]));
    [1, 2].into_iter().for_each(|nonce| bench.put(Sent { nonce }));
    let sends = bench.sends(Seen(look(0, 0, 2)));
    assert_eq!(sends, [0]);
    let filler = &bench.disk[&0];
    assert_eq!(filler.transaction.call.to, Some(CONFIG.account));
    assert!(filler.arrivals.is_empty());
    bench.put(Seen(look(1, 1, 3)));
    assert_eq!(bench.landed, [(0, vec![])]);
    assert!(bench.judged.is_empty());
}

#[test]
fn one_looks_once_for_each_block_and_tick_and_never_twice_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.looks, 1);
    bench.put(Input::Tick);
    assert_eq!(bench.looks, 1, "it is looking");
    bench.put(Applied { block: 2, recorded: vec![] });
    bench.put(Applied { block: 3, recorded: vec![] });
    assert_eq!(bench.looks, 1);
    bench.put(Seen(look(0, 0, 1)));
    assert_eq!(bench.looks, 2, "once more, for both blocks");
    bench.put(Blind(away()));
    assert_eq!(bench.flights.trouble(), Some(&away()));
    bench.put(Input::Tick);
    assert_eq!(bench.looks, 3);
    bench.put(Seen(look(0, 0, 1)));
    assert_eq!((bench.flights.trouble(), bench.looks), (None, 3));
}

#[test]
fn a_node_that_lags_behind_what_is_final_confuses_nobody() {
    let mut bench = Bench::flying(2);
    bench.put(Applied { block: 3, recorded: vec![0] });
    let sends = bench.sends(Seen(look(1, 0, 3)));
    assert_eq!(sends, [0; 0], "no gap is filled, nothing is sent");
    assert_eq!(bench.landed, [(0, vec![])]);
    assert_eq!(bench.sends(Launch(vec![planned(&[9])])), [2]);
}

#[test]
fn a_signature_that_never_comes_is_asked_for_again() {
    let mut flights = Flights::resume(CONFIG, Vec::new(), |_| true);
    flights.apply(Applied { block: 1, recorded: vec![] });
    flights.apply(Seen(look(0, 0, 1)));
    flights.apply(Launch(vec![planned(&[1])]));
    assert!(flights.apply(Seen(look(0, 0, 4))).is_empty());
    let effects = flights.apply(Seen(look(0, 0, 5)));
    assert!(matches!(effects.as_slice(), [Effect::Sign(Unsigned { nonce: 0, .. })]), "{effects:?}");
}
