//! Storage words and the anti-replay window.

use fallow_protocol::{CalendarWord, RequesterWord, ResourceWord, words_hash};
use serde_json::{Value, json};

const HIGHEST: u64 = 1_000;

fn calendar() -> Vec<CalendarWord> {
    let mut one = CalendarWord { index: 1, used: [0; 12] };
    one.used[0] = 1;
    let rising = std::array::from_fn(|lane| u16::try_from(lane).unwrap() * 257);
    vec![
        CalendarWord::default(),
        one,
        CalendarWord { index: 0x0102_0304_0506_0708, used: rising },
        CalendarWord { index: u64::MAX, used: [u16::MAX; 12] },
    ]
}

/// What the window answers at its edges.
fn window() -> Vec<Value> {
    let fresh = RequesterWord::default();
    let seen = RequesterWord { highest: HIGHEST, bitmap: 1 | 1 << 127, index: 7 };
    let low = RequesterWord { highest: 5, bitmap: 0, index: 3 };
    let top = RequesterWord { highest: u64::MAX, bitmap: 0, index: 9 };
    let cases = [
        ("first request", fresh, 1),
        ("first request at the edge", fresh, 128),
        ("first request beyond the edge", fresh, 129),
        ("zero", fresh, 0),
        ("zero again", low, 0),
        ("far ahead", seen, u64::MAX),
        ("next", seen, HIGHEST + 1),
        ("two ahead", seen, HIGHEST + 2),
        ("at the upper edge", seen, HIGHEST + 128),
        ("beyond the upper edge", seen, HIGHEST + 129),
        ("the highest again", seen, HIGHEST),
        ("marked right below the highest", seen, HIGHEST - 1),
        ("free two below the highest", seen, HIGHEST - 2),
        ("free at the lower edge but one", seen, HIGHEST - 127),
        ("marked at the lower edge", seen, HIGHEST - 128),
        ("beyond the lower edge", seen, HIGHEST - 129),
        ("below five", low, 1),
        ("the last number", top, u64::MAX),
        ("before the last number", top, u64::MAX - 1),
    ];
    let row = |(name, before, sequence): (&str, RequesterWord, u64)| {
        let outcome = before.accept(sequence, 77);
        json!({
            "name": name,
            "before": before.to_word(),
            "sequence": sequence.to_string(),
            "index": "77",
            "after": outcome.map_or_else(|_| before.to_word(), |after| after.to_word()),
            "code": outcome.err().map_or(0, fallow_protocol::Code::number),
        })
    };
    cases.into_iter().map(row).collect()
}

pub(crate) fn words() -> Value {
    let calendar_rows: Vec<_> = calendar()
        .iter()
        .map(|word| {
            json!({ "index": word.index.to_string(), "used": word.used, "word": word.to_word() })
        })
        .collect();
    let resource = ResourceWord::of(&crate::world::announcement(), 3);
    json!({
        "calendar": calendar_rows,
        "wordsHash": words_hash(calendar()),
        "resource": { "announcement": crate::world::announcement(), "index": "3", "word": resource.to_word() },
        "window": window(),
    })
}
