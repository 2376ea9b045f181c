//! Searching resources: by provider, by what their offer documents say, by region, by a window with
//! enough free volume.
//!
//! The catalogue holds every recorded resource and the fields of the offer documents that the node
//! has, in memory: some 200 bytes each. The calendar is read from the store, for what else fits.

pub mod document;
pub mod query;

use crate::store::types::ResourceRow;
use alloy_primitives::{Address, B256};
use document::Document;
use fallow_protocol::{CalendarWord, LANES, ResourceId, SlotRange};
use query::Query;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Rows that one search looks at; more follow on the next page.
const MAX_ROWS: usize = 50_000;
/// Rows that one search compares with their calendars; more follow on the next page.
const MAX_CANDIDATES: usize = 4_096;
/// Calendar words that one search reads; more follow on the next page.
const MAX_WORDS: u64 = 20_000;
/// Calendar words of the window in one resource; a resource with shorter slots is passed over.
const MAX_WORDS_OF_ONE: u64 = 1_024;

/// What is looked for; `None` is anything.
#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    /// Whose.
    pub provider: Option<Address>,
    /// What the offer document must say.
    pub terms: Option<Query>,
    /// Its region, without case.
    pub region: Option<String>,
    /// From and to, unix seconds: the resource's window holds it.
    pub window: Option<(u64, u64)>,
    /// Units free in every slot of the window; without a window, units offered.
    pub volume: Option<u16>,
    /// Only resources recorded above this position.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A resource that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The resource.
    pub row: ResourceRow,
    /// Units free in every slot of the window, if one was asked for.
    pub free: Option<u16>,
}

/// What a search found. It may be short, or empty, and still go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPage {
    /// In the order of their records.
    pub found: Vec<Found>,
    /// Where the next page begins (`after`), unless this is the last.
    pub next: Option<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Ascending by index.
    rows: Vec<ResourceRow>,
    places: HashMap<ResourceId, usize>,
    documents: HashMap<B256, Arc<Document>>,
    /// Documents that some row names.
    offers: HashSet<B256>,
}

/// Every recorded resource, with what its offer says.
#[derive(Debug, Default)]
pub struct Catalogue {
    inner: RwLock<Inner>,
}

impl Catalogue {
    /// Adds a resource that was recorded after all others.
    pub fn add(&self, row: ResourceRow) {
        let mut inner = self.write();
        let place = inner.rows.len();
        inner.places.insert(row.id, place);
        inner.offers.insert(row.announcement.offer);
        inner.rows.push(row);
    }

    /// Closes a resource; one that is not recorded is none.
    pub fn withdraw(&self, id: ResourceId) {
        let mut inner = self.write();
        let place = inner.places.get(&id).copied();
        if let Some(row) = place.and_then(|place| inner.rows.get_mut(place)) {
            row.word.withdrawn = true;
        }
    }

    /// Takes in an offer document, whose keccak is `hash`. What is no JSON object says nothing.
    pub fn describe(&self, hash: B256, bytes: &[u8]) {
        if let Some(document) = Document::parse(bytes) {
            self.write().documents.insert(hash, Arc::new(document));
        }
    }

    /// Whether some recorded resource names this document.
    #[must_use]
    pub fn names(&self, offer: B256) -> bool {
        self.read().offers.contains(&offer)
    }

    /// Forgets what a document says.
    pub(crate) fn forget(&self, offer: B256) {
        self.write().documents.remove(&offer);
    }

    /// Whether a resource is recorded.
    #[must_use]
    pub fn has(&self, id: ResourceId) -> bool {
        self.read().places.contains_key(&id)
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds resources that are open to requests. `calendar` reads the words `first..=last` of the
    /// resource recorded at an index.
    ///
    /// # Errors
    /// Those of `calendar`.
    pub fn search<E>(
        &self,
        query: &SearchQuery,
        calendar: impl Fn(u64, u64, u64) -> Result<Vec<CalendarWord>, E>,
    ) -> Result<FoundPage, E> {
        let (candidates, mut next) = self.candidates(query);
        let (mut found, mut words) = (Vec::new(), 0_u64);
        for row in candidates {
            let slots = query.window.and_then(|window| slots_of(&row, window));
            let read = slots.as_ref().map_or(0, word_count);
            // Nothing is read of it, so it is no reason to stop: no page would ever get past it.
            if read > MAX_WORDS_OF_ONE {
                continue;
            }
            words = words.saturating_add(read);
            let last = found.last().map(|one: &Found| one.row.index);
            if found.len() >= query.limit {
                next = last;
                break;
            }
            if words > MAX_WORDS {
                // The row before this one was looked at.
                next = row.index.checked_sub(1);
                break;
            }
            let free = slots.map(|slots| free_volume(&calendar, &row, slots)).transpose()?;
            let enough = free.unwrap_or(row.announcement.volume) >= query.volume.unwrap_or(1);
            if enough {
                found.push(Found { row, free });
            }
        }
        Ok(FoundPage { found, next })
    }

    /// Rows that fit as far as memory tells, and where to go on if there may be more.
    fn candidates(&self, query: &SearchQuery) -> (Vec<ResourceRow>, Option<u64>) {
        let inner = self.read();
        let first =
            query.after.map_or(0, |after| inner.rows.partition_point(|row| row.index <= after));
        let rows = inner.rows.get(first..).unwrap_or_default();
        let looked = rows.get(..MAX_ROWS.min(rows.len())).unwrap_or_default();
        let next = (looked.len() < rows.len()).then(|| looked.last()).flatten();
        let mut next = next.map(|row| row.index);
        let mut verdicts = HashMap::new();
        let fits = |row: &&ResourceRow| {
            fits_itself(row, query)
                && *verdicts
                    .entry(row.announcement.offer)
                    .or_insert_with(|| inner.says(row.announcement.offer, query))
        };
        let candidates: Vec<_> = looked.iter().filter(fits).take(MAX_CANDIDATES).cloned().collect();
        if candidates.len() == MAX_CANDIDATES {
            next = candidates.last().map(|row| row.index);
        }
        (candidates, next)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // Nothing panics while it writes, and each row is complete in itself.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether an offer's document says what is asked for; one that the node does not have says
    /// nothing.
    fn says(&self, offer: B256, query: &SearchQuery) -> bool {
        if query.terms.is_none() && query.region.is_none() {
            return true;
        }
        let Some(document) = self.documents.get(&offer) else {
            return false;
        };
        let region = query
            .region
            .as_ref()
            .is_none_or(|want| document.region().is_some_and(|got| got == want.to_lowercase()));
        region && query.terms.as_ref().is_none_or(|terms| terms.matches(document))
    }
}

fn fits_itself(row: &ResourceRow, query: &SearchQuery) -> bool {
    let announcement = &row.announcement;
    !row.word.withdrawn
        && query.provider.is_none_or(|provider| provider == announcement.provider)
        && query.volume.is_none_or(|volume| volume <= announcement.volume)
        && query.window.is_none_or(|(from, to)| {
            from < to && announcement.start_time <= from && to <= announcement.end_time
        })
}

/// The slots that a window touches, also in part.
fn slots_of(row: &ResourceRow, (from, to): (u64, u64)) -> Option<SlotRange> {
    let (start, seconds) = (row.announcement.start_time, u64::from(row.announcement.slot_seconds));
    let slot = |time: u64| time.checked_sub(start)?.checked_div(seconds);
    Some(SlotRange { first: slot(from)?, last: slot(to.checked_sub(1)?)? })
}

fn word_count(slots: &SlotRange) -> u64 {
    let words = slots.words();
    words.end().saturating_sub(*words.start()).saturating_add(1)
}

/// Units free in every slot of a range.
fn free_volume<E>(
    calendar: impl Fn(u64, u64, u64) -> Result<Vec<CalendarWord>, E>,
    row: &ResourceRow,
    slots: SlotRange,
) -> Result<u16, E> {
    let words = slots.words();
    let calendar = calendar(row.index, *words.start(), *words.end())?;
    let first = words.start().saturating_mul(LANES);
    let used = calendar.iter().flat_map(|word| word.used);
    let asked = (first..).zip(used).filter(|(slot, _)| (slots.first..=slots.last).contains(slot));
    let most = asked.map(|(_, used)| used).max().unwrap_or(0);
    Ok(row.announcement.volume.saturating_sub(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fallow_protocol::{Announcement, ResourceWord};
    use std::convert::Infallible;

    const HOUR: u64 = 3_600;

    fn row(index: u64, volume: u16, offer: u8) -> ResourceRow {
        let announcement = Announcement {
            provider: Address::repeat_byte(index as u8 % 2),
            approver: Address::ZERO,
            volume,
            start_time: 0,
            end_time: 100 * HOUR,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: 0,
            offer: B256::repeat_byte(offer),
        };
        let word = ResourceWord { index, ..ResourceWord::default() };
        ResourceRow { index, id: ResourceId::repeat_byte(index as u8), announcement, word }
    }

    fn catalogue(rows: u64) -> Catalogue {
        let catalogue = Catalogue::default();
        catalogue.describe(B256::repeat_byte(1), br#"{"region":"EU","machine":{"gpus":[{}]}}"#);
        catalogue.describe(B256::repeat_byte(2), br#"{"region":"us"}"#);
        for index in 1..=rows {
            catalogue.add(row(index, 4, (index % 3) as u8));
        }
        catalogue
    }

    /// Three units are used in slot 13 of the resource recorded at 1.
    fn calendar(index: u64, first: u64, last: u64) -> Result<Vec<CalendarWord>, Infallible> {
        Ok((first..=last)
            .map(|number| {
                let mut word = CalendarWord::default();
                if (index, number) == (1, 1) {
                    word.used[1] = 3;
                }
                word
            })
            .collect())
    }

    fn query() -> SearchQuery {
        SearchQuery { limit: 10, ..SearchQuery::default() }
    }

    fn found(catalogue: &Catalogue, query: &SearchQuery) -> Vec<u64> {
        let Ok(page) = catalogue.search(query, calendar);
        page.found.iter().map(|one| one.row.index).collect()
    }

    #[test]
    fn each_condition_leaves_out_what_does_not_fit() {
        let catalogue = catalogue(6);
        assert_eq!(found(&catalogue, &query()), [1, 2, 3, 4, 5, 6]);
        let provider = Some(Address::repeat_byte(1));
        assert_eq!(found(&catalogue, &SearchQuery { provider, ..query() }), [1, 3, 5]);
        let region = Some("eu".to_owned());
        assert_eq!(found(&catalogue, &SearchQuery { region, ..query() }), [1, 4]);
        let terms = Some(Query::parse("not gpu").unwrap());
        assert_eq!(
            found(&catalogue, &SearchQuery { terms, ..query() }),
            [2, 5],
            "3 and 6 are unknown"
        );
        assert!(found(&catalogue, &SearchQuery { volume: Some(5), ..query() }).is_empty());
        catalogue.withdraw(ResourceId::repeat_byte(2));
        assert_eq!(found(&catalogue, &query()), [1, 3, 4, 5, 6]);
    }

    #[test]
    fn a_window_needs_the_volume_in_every_slot_that_it_touches() {
        let catalogue = catalogue(2);
        let free = |from, to, volume| {
            let query = SearchQuery { window: Some((from, to)), volume, ..query() };
            let Ok(page) = catalogue.search(&query, calendar);
            page.found.iter().map(|one| (one.row.index, one.free)).collect::<Vec<_>>()
        };
        assert_eq!(free(12 * HOUR, 13 * HOUR, Some(4)), [(1, Some(4)), (2, Some(4))]);
        assert_eq!(free(12 * HOUR, 13 * HOUR + 1, Some(2)), [(2, Some(4))], "a second of slot 13");
        assert_eq!(free(13 * HOUR, 14 * HOUR, None), [(1, Some(1)), (2, Some(4))]);
        assert_eq!(free(14 * HOUR, 15 * HOUR, Some(4)).len(), 2);
        assert_eq!(free(99 * HOUR, 101 * HOUR, None), [], "outside the window");
        assert_eq!(free(5 * HOUR, 5 * HOUR, None), [], "empty");
    }

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let catalogue = catalogue(25);
        let (mut after, mut all) = (None, Vec::new());
        loop {
            let Ok(page) = catalogue.search(&SearchQuery { after, ..query() }, calendar);
            all.extend(page.found.iter().map(|one| one.row.index));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all, (1..=25).collect::<Vec<_>>());
    }

    #[test]
    fn a_search_that_reads_too_much_goes_on_on_the_next_page() {
        let catalogue = Catalogue::default();
        for index in 1..=100 {
            let mut short = row(index, 4, 0);
            // 1000 words of twelve slots of a second.
            short.announcement.slot_seconds = 1;
            short.announcement.end_time = 12_000;
            catalogue.add(short);
        }
        let all = SearchQuery { window: Some((0, 12_000)), limit: 1_000, ..SearchQuery::default() };
        let Ok(page) = catalogue.search(&all, calendar);
        assert_eq!((page.found.len(), page.next), (20, Some(20)));
    }
    /// Anybody can announce slots of a second for a hundred years.
    #[test]
    fn no_search_stops_for_ever_at_a_resource_with_short_slots() {
        let catalogue = Catalogue::default();
        let mut short = row(1, 4, 0);
        short.announcement.slot_seconds = 1;
        catalogue.add(short);
        catalogue.add(row(2, 4, 0));
        let window = SearchQuery { window: Some((0, 90 * HOUR)), ..query() };
        let Ok(page) = catalogue.search(&window, calendar);
        let indexes: Vec<_> = page.found.iter().map(|one| one.row.index).collect();
        assert_eq!((indexes, page.next), (vec![2], None));
    }
}
