//! A calendar in a terminal: a line for each run of slots that are alike, with a bar of its units.
//! Every kind of unit has its own character, so colour is not needed.
//!
//! ```text
//! 2030-01-31 14:00 to 16:00 UTC  ##@@....  2 slots: 4 of 8 used, 2 mine, 4 free
//! ```

use crate::calendar::{Calendar, Run};
use crate::printer::count;
use crate::time;

/// When bars are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    /// In a terminal that has room for them
    #[default]
    Auto,
    /// Also in files and pipes; COLUMNS is the width
    Always,
    /// Never
    Never,
}

/// What a terminal has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Characters in a line.
    pub(crate) width: usize,
    /// Characters that it can show.
    pub(crate) symbols: Symbols,
}

/// The characters of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbols {
    used: char,
    mine: char,
    free: char,
    closed: char,
    released: char,
}

impl Symbols {
    /// For every terminal.
    pub(crate) const ASCII: Self =
        Self { used: '#', mine: '@', free: '.', closed: 'x', released: '-' };
    /// Blocks of different shades: full, dark, middle dot, multiplication sign, light.
    pub(crate) const UNICODE: Self = Self {
        used: '\u{2588}',
        mine: '\u{2593}',
        free: '\u{b7}',
        closed: '\u{d7}',
        released: '\u{2591}',
    };

    /// What the characters of a resource's bars mean.
    pub(crate) fn of_resources(self) -> String {
        let Self { used, mine, free, closed, .. } = self;
        format!("{used} used by others  {mine} mine  {free} free  {closed} closed")
    }

    /// What the characters of an allocation's bar mean.
    pub(crate) fn of_requests(self) -> String {
        let Self { used, mine, released, .. } = self;
        format!("{used} held by others  {mine} mine  {released} released")
    }
}

/// A shorter bar says nothing.
const SHORTEST_BAR: usize = 4;
/// A longer one is not easier to read.
const LONGEST_BAR: usize = 32;
/// Lines for one resource; the rest is counted.
const MOST_LINES: usize = 12;

/// The lines of a resource's calendar from `now` on; `None` where they do not fit.
pub(crate) fn calendar(calendar: &Calendar, now: u64, room: Room) -> Option<Vec<String>> {
    let all = calendar.runs();
    let runs: Vec<_> = all.iter().filter(|run| run.end_time > now).collect();
    let labels: Vec<_> = runs.iter().map(|run| time::range(run.start_time, run.end_time)).collect();
    let label = longest(&labels);
    // What the bar shows, too, is left out before the bar is.
    let mut forms = [numbers, numbers_in_short].into_iter().filter_map(|form| {
        let texts: Vec<_> = runs.iter().map(|run| form(run, calendar)).collect();
        let bar = bar_length(label, longest(&texts), calendar.terms().volume, room)?;
        Some((texts, bar))
    });
    let (texts, bar) = forms.next()?;
    let shown = runs.iter().zip(labels).zip(texts).take(MOST_LINES).map(|((run, when), text)| {
        format!("  {when:<label$}  {}  {text}", units(run, calendar, bar, room.symbols))
    });
    let mut lines: Vec<_> = shown.collect();
    if let Some(left) = runs.len().checked_sub(MOST_LINES).filter(|left| *left > 0) {
        let left = count(u64::try_from(left).unwrap_or(u64::MAX), "more line");
        lines.push(format!("  and {left}: `--json` has them all"));
    }
    Some(lines)
}

fn longest(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0)
}

/// Characters that are left for a bar; `None` if they are too few.
fn bar_length(label: usize, text: usize, volume: u16, room: Room) -> Option<usize> {
    // Two spaces before each of the three columns.
    let taken = label.checked_add(text)?.checked_add(6)?;
    let bar = room.width.checked_sub(taken)?.min(LONGEST_BAR).min(volume.into());
    (bar >= SHORTEST_BAR.min(volume.into())).then_some(bar)
}

fn numbers(run: &Run, calendar: &Calendar) -> String {
    let (slots, volume) = (count(run.slots, "slot"), calendar.terms().volume);
    let mut text = format!("{slots}: {} of {volume} used", run.used);
    if run.mine > 0 {
        text.push_str(&format!(", {} mine", run.mine));
    }
    match calendar.is_withdrawn() {
        true => text.push_str(", closed"),
        false => text.push_str(&format!(", {} free", run.free)),
    }
    text
}

fn numbers_in_short(run: &Run, calendar: &Calendar) -> String {
    let slots = count(run.slots, "slot");
    match calendar.is_withdrawn() {
        true => format!("{slots}: closed"),
        false => format!("{slots}: {} free", run.free),
    }
}

fn units(run: &Run, calendar: &Calendar, bar: usize, symbols: Symbols) -> String {
    let volume = calendar.terms().volume;
    let others = run.used.saturating_sub(run.mine);
    let rest = volume.saturating_sub(run.used);
    let unused = if calendar.is_withdrawn() { symbols.closed } else { symbols.free };
    draw(&[(symbols.used, others), (symbols.mine, run.mine), (unused, rest)], bar)
}

/// The slots of one allocation.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    /// When they are.
    pub(crate) label: String,
    /// Slots that are still held.
    pub(crate) held: u16,
    /// Slots at the end that were given back.
    pub(crate) released: u16,
    /// Whether they are mine.
    pub(crate) is_mine: bool,
}

impl Slots {
    fn text(&self) -> String {
        let held = format!("{} held", count(self.held, "slot"));
        if self.released == 0 { held } else { format!("{held}, {} released", self.released) }
    }

    fn bar(&self, most: usize, symbols: Symbols) -> String {
        let slots = usize::from(self.held).saturating_add(self.released.into());
        let symbol = if self.is_mine { symbols.mine } else { symbols.used };
        draw(&[(symbol, self.held), (symbols.released, self.released)], slots.min(most))
    }
}

/// The lines of allocations; `None` where they do not fit.
pub(crate) fn slots(all: &[Slots], room: Room) -> Option<Vec<String>> {
    let texts: Vec<_> = all.iter().map(Slots::text).collect();
    let label = all.iter().map(|slots| slots.label.len()).max()?;
    let taken = label.checked_add(texts.iter().map(String::len).max()?)?.checked_add(6)?;
    let most = room.width.checked_sub(taken)?.min(LONGEST_BAR);
    if most < SHORTEST_BAR {
        return None;
    }
    let bars: Vec<_> = all.iter().map(|slots| slots.bar(most, room.symbols)).collect();
    let bar = bars.iter().map(|bar| bar.chars().count()).max()?;
    let lines = all.iter().zip(bars).zip(texts);
    let line = |((slots, drawn), text): ((&Slots, String), String)| {
        format!("  {:<label$}  {drawn:<bar$}  {text}", slots.label)
    };
    Some(lines.map(line).collect())
}

/// A bar of `width` characters, at least as many as parts. A part that is not empty is seen, and
/// nothing else is rounded up.
fn draw(parts: &[(char, u16)], width: usize) -> String {
    let total: u64 = parts.iter().map(|(_, units)| u64::from(*units)).sum();
    let width_units = u64::try_from(width).unwrap_or(u64::MAX);
    let share = |units: u16| {
        let scaled = u64::from(units).saturating_mul(width_units).checked_div(total).unwrap_or(0);
        usize::try_from(scaled).unwrap_or(width).max(usize::from(units > 0))
    };
    let mut lengths: Vec<_> = parts.iter().map(|(_, units)| share(*units)).collect();
    // What rounding left over or took too much is the longest part's.
    let sum: usize = lengths.iter().sum();
    if let Some(longest) = lengths.iter_mut().max() {
        *longest = longest.saturating_add(width).saturating_sub(sum);
    }
    let mut bar = String::new();
    for ((symbol, _), length) in parts.iter().zip(lengths) {
        (0..length).for_each(|_| bar.push(*symbol));
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::{allocation, calendar as empty};
    use alloy_primitives::Address;

    const ME: Address = Address::repeat_byte(2);

    fn room(width: usize) -> Room {
        Room { width, symbols: Symbols::ASCII }
    }

    #[test]
    fn a_bar_shows_every_kind_of_unit_and_keeps_its_width() {
        let draw =
            |others, mine, free, width| draw(&[('#', others), ('@', mine), ('.', free)], width);
        assert_eq!(draw(2, 1, 1, 4), "##@.");
        assert_eq!(draw(0, 0, 8, 8), "........");
        assert_eq!(draw(500, 1, 500, 10), "####@.....");
        assert_eq!(draw(65_535, 0, 0, 10), "##########");
        assert_eq!(draw(1, 1, 65_533, 10), "#@........");
        assert_eq!(draw(0, 0, 0, 0), "");
    }

    fn allocation_bar(held: u16, released: u16, is_mine: bool, width: usize) -> Option<String> {
        let slots = Slots { label: "when".into(), held, released, is_mine };
        super::slots(&[slots], room(width)).map(|lines| lines.concat())
    }

    #[test]
    fn an_allocations_bar_ends_with_what_was_released() {
        let shown = |held, released, is_mine| allocation_bar(held, released, is_mine, 80).unwrap();
        assert_eq!(shown(3, 2, true), "  when  @@@--  3 slots held, 2 released");
        assert_eq!(shown(3, 0, false), "  when  ###  3 slots held");
        assert_eq!(shown(0, 2, true), "  when  --  0 slots held, 2 released");
        let long = shown(191, 1, false);
        assert_eq!(long, format!("  when  {}-  191 slots held, 1 released", "#".repeat(31)));
    }

    #[test]
    fn allocations_keep_to_the_width_or_are_not_drawn() {
        assert_eq!(allocation_bar(192, 0, true, 40).unwrap().len(), 40);
        assert_eq!(allocation_bar(192, 0, true, 26), None);
        assert_eq!(super::slots(&[], room(80)), None);
    }

    #[test]
    fn a_calendar_begins_with_the_slot_in_progress() {
        let mut shown = empty(4);
        shown.allocate(&allocation(ME, 1, 1_000, 1_300), Some(ME));
        shown.allocate(&allocation(Address::ZERO, 2, 1_200, 1_400), Some(ME));
        let lines = calendar(&shown, 1_210, room(100)).unwrap();
        let columns = |line: &String| {
            line.split("  ")
                .filter(|part| !part.is_empty())
                .map(str::trim)
                .map(str::to_owned)
                .collect()
        };
        let columns: Vec<Vec<String>> = lines.iter().map(columns).collect();
        let want = [
            ["##@.", "1 slot: 3 of 4 used, 1 mine, 1 free"],
            ["##..", "1 slot: 2 of 4 used, 2 free"],
            ["....", "6 slots: 0 of 4 used, 4 free"],
        ];
        assert!(columns.iter().zip(want).all(|(got, want)| got[1..] == want), "{lines:?}");
        assert_eq!(lines.len(), 3);
        assert_eq!(calendar(&shown, 2_000, room(100)).unwrap(), [""; 0]);
    }

    #[test]
    fn a_narrow_terminal_shows_no_calendar() {
        assert!(calendar(&empty(65_535), 0, room(0)).is_none());
        assert!(calendar(&empty(65_535), 0, room(54)).is_none());
        let lines = calendar(&empty(65_535), 0, room(100)).unwrap();
        assert!(lines.iter().all(|line| line.len() <= 100), "{lines:?}");
    }

    #[test]
    fn a_narrow_terminal_shows_the_bars_with_fewer_words() {
        let mut shown = empty(4);
        shown.allocate(&allocation(ME, 2, 1_000, 1_300), Some(ME));
        let ends = |width, part: &str| {
            let lines = calendar(&shown, 0, room(width)).unwrap();
            assert!(lines.iter().all(|line| line.len() <= width), "{lines:?}");
            assert!(lines[0].ends_with(part), "{lines:?}");
        };
        ends(100, "@@..  3 slots: 2 of 4 used, 2 mine, 2 free");
        ends(80, "@@..  3 slots: 2 free");
    }

    #[test]
    fn a_withdrawn_resource_has_no_free_character() {
        let mut shown = empty(4);
        shown.withdraw();
        let lines = calendar(&shown, 0, room(100)).unwrap();
        assert!(lines[0].ends_with("xxxx  10 slots: 0 of 4 used, closed"), "{lines:?}");
    }

    #[test]
    fn a_long_calendar_is_cut_and_says_so() {
        let mut shown = empty(4);
        shown.allocate(&allocation(ME, 1, 1_000, 1_100), None);
        for start in 0..40_u64 {
            let start = 1_000 + 20 * start;
            shown.allocate(&allocation(ME, 1, start, start + 10), None);
        }
        let many = calendar(&shown, 0, room(100));
        let lines = many.unwrap();
        assert!(lines.len() <= MOST_LINES + 1, "{lines:?}");
    }

    #[test]
    fn every_meaning_has_its_own_character() {
        for Symbols { used, mine, free, closed, released } in [Symbols::ASCII, Symbols::UNICODE] {
            let mut all = vec![used, mine, free, closed, released];
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 5);
        }
    }
}
