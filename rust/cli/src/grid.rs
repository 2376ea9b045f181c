//! The slots of a resource: from the times that a person names to slot boundaries. Nobody gets
//! other slots than named: a time off the grid is refused with the nearest ones on it. Only times
//! that follow the clock (`now`, `+2h`) mean the slot that is in progress then.

use crate::error::{Failure, Result};
use crate::refused::{Checked, Nearest, Refused};
use crate::time::{self, DurationArg, TimeArg};
use fallow_protocol::{Code, Refusal};
use std::num::NonZeroU64;

/// The grid of slots of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    start: u64,
    end: u64,
    slot: NonZeroU64,
}

/// What is asked of a grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    /// When it starts.
    pub(crate) start: &'a TimeArg,
    /// How long it is; one slot if not said.
    pub(crate) length: Option<DurationArg>,
}

/// Length of a window of which nothing is known: such a request is refused by the registry.
const UNKNOWN_LENGTH: u64 = 3_600;

impl Grid {
    /// The grid of a resource; `None` for slots without a length, which no resource has.
    pub(crate) fn new(start: u64, end: u64, slot_seconds: u32) -> Option<Self> {
        Some(Self { start, end, slot: NonZeroU64::new(slot_seconds.into())? })
    }

    /// The slot boundary at or before a time; `None` before the first slot.
    fn floor(self, time: u64) -> Option<u64> {
        let into = time.checked_sub(self.start)?;
        time.checked_sub(into.checked_rem(self.slot.get())?)
    }

    /// The slot boundary at or after a time; the first slot for all times before it.
    pub(crate) fn ceil(self, time: u64) -> Option<u64> {
        match self.floor(time) {
            None => Some(self.start),
            Some(floor) if floor == time => Some(time),
            Some(floor) => floor.checked_add(self.slot.get()),
        }
    }

    /// The slot boundary that a person means with `time`. What lies outside the grid is left as it
    /// is: the registry refuses it with the nearest end.
    pub(crate) fn boundary(self, time: &TimeArg, now: u64, flag: &str) -> Result<Checked<u64>> {
        let at = time.at(now)?;
        Ok(match self.floor(at).filter(|_| at < self.end) {
            Some(before) if before != at && time.is_exact() => {
                Err(self.off_grid(at, before, now, flag))
            }
            Some(before) => Ok(before),
            None => Ok(at),
        })
    }

    fn off_grid(self, at: u64, before: u64, now: u64, flag: &str) -> Box<Refused> {
        let after = before.checked_add(self.slot.get()).filter(|after| *after < self.end);
        let nearest = [("the slot before starts", Some(before)), ("the slot after starts", after)];
        let nearest = nearest.into_iter().filter_map(|(what, boundary)| {
            let boundary = boundary?;
            let text = format!("{what} {}", time::show(boundary, now));
            Some(Nearest { text, flag: format!("{flag} {}", time::flag(boundary)) })
        });
        let refusal = Refusal::new(Code::SlotsNotAligned, at, before);
        Box::new(Refused { refusal, nearest: nearest.collect() })
    }

    /// The end of a window that begins at `start`.
    fn end_of(self, start: u64, length: Option<DurationArg>) -> Result<Checked<u64>> {
        let slot = self.slot.get();
        let length = length.map_or(slot, |length| length.0);
        let end = start.checked_add(length).ok_or_else(too_late)?;
        let Some(over) = length.checked_rem(slot).filter(|over| *over != 0) else {
            return Ok(Ok(end));
        };
        let shorter = length.saturating_sub(over);
        let longer = shorter.saturating_add(slot);
        let fits = |length: &u64| {
            *length > 0 && start.checked_add(*length).is_some_and(|end| end <= self.end)
        };
        let near = [("shorter", shorter), ("longer", longer)].into_iter();
        let near = near.filter(|(_, length)| fits(length)).map(|(which, length)| Nearest {
            text: format!("{which}, {} of {}", slots(length, slot), time::duration(slot)),
            flag: format!("--for {}", time::duration_flag(length)),
        });
        let refusal = Refusal::new(Code::SlotsNotAligned, end, end.saturating_sub(over));
        Ok(Err(Box::new(Refused { refusal, nearest: near.collect() })))
    }
}

fn slots(length: u64, slot: u64) -> String {
    crate::printer::count(length.checked_div(slot).unwrap_or(0), "slot")
}

fn too_late() -> Failure {
    Failure::new("the window ends too late").hint("`--for` names its length, such as `2h`")
}

/// The window that is meant on a grid. A resource that nobody recorded has no grid; a request on it
/// is refused by the second check.
pub(crate) fn window(grid: Option<Grid>, asked: Span<'_>, now: u64) -> Result<Checked<(u64, u64)>> {
    let Some(grid) = grid else {
        let start = asked.start.at(now)?;
        let length = asked.length.map_or(UNKNOWN_LENGTH, |length| length.0);
        let end = start.checked_add(length).ok_or_else(too_late)?;
        return Ok(Ok((start, end)));
    };
    let start = match grid.boundary(asked.start, now, "--start")? {
        Ok(start) => start,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(grid.end_of(start, asked.length)?.map(|end| (start, end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    const GRID: Grid = Grid { start: 1_000, end: 1_500, slot: NonZeroU64::new(100).unwrap() };

    fn ask(start: &TimeArg, length: Option<u64>) -> Checked<(u64, u64)> {
        window(Some(GRID), Span { start, length: length.map(DurationArg) }, 1_050).unwrap()
    }

    fn flags(refused: &Refused) -> Vec<&str> {
        refused.nearest.iter().map(|nearest| nearest.flag.as_str()).collect()
    }

    #[test]
    fn now_is_the_slot_in_progress() {
        assert_eq!(ask(&TimeArg::FromNow(0), Some(200)), Ok((1_000, 1_200)));
        assert_eq!(ask(&TimeArg::FromNow(0), None), Ok((1_000, 1_100)), "one slot");
        assert_eq!(ask(&TimeArg::FromNow(60), Some(100)), Ok((1_100, 1_200)));
    }

    #[test]
    fn a_time_on_the_grid_is_taken_as_it_is() {
        assert_eq!(ask(&TimeArg::At(1_200), Some(300)), Ok((1_200, 1_500)));
        assert_eq!(ask(&TimeArg::At(1_200), Some(0)), Ok((1_200, 1_200)), "refused later");
    }

    #[test]
    fn a_time_off_the_grid_is_refused_with_its_neighbours() {
        let refused = ask(&TimeArg::At(1_230), Some(100)).unwrap_err();
        assert_eq!(refused.refusal, Refusal::new(Code::SlotsNotAligned, 1_230_u64, 1_200_u64));
        let want = [1_200, 1_300].map(|at| format!("--start {}", time::flag(at)));
        assert_eq!(flags(&refused), want);
        // After the last slot there is no other.
        let refused = ask(&TimeArg::At(1_499), Some(100)).unwrap_err();
        assert_eq!(flags(&refused), [format!("--start {}", time::flag(1_400))]);
    }

    #[test]
    fn what_is_offered_is_taken() {
        let refused = ask(&TimeArg::At(1_230), Some(100)).unwrap_err();
        for flag in flags(&refused) {
            let (_, start) = flag.split_once(' ').unwrap();
            assert!(ask(&start.parse().unwrap(), Some(100)).is_ok(), "{flag}");
        }
        let refused = ask(&TimeArg::At(1_200), Some(150)).unwrap_err();
        assert_eq!(flags(&refused), ["--for 1m40s", "--for 3m20s"]);
        for flag in flags(&refused) {
            let length: DurationArg = flag.split_once(' ').unwrap().1.parse().unwrap();
            assert!(ask(&TimeArg::At(1_200), Some(length.0)).is_ok(), "{flag}");
        }
    }

    #[test]
    fn a_length_that_is_not_whole_slots_is_refused() {
        let refused = ask(&TimeArg::At(1_200), Some(150)).unwrap_err();
        assert_eq!(refused.refusal.got, U256::from(1_350));
        assert_eq!(refused.refusal.want, U256::from(1_300));
        // No slot is shorter, and none longer fits.
        assert_eq!(flags(&ask(&TimeArg::At(1_200), Some(10)).unwrap_err()), ["--for 1m40s"]);
        assert_eq!(flags(&ask(&TimeArg::At(1_400), Some(110)).unwrap_err()), ["--for 1m40s"]);
    }

    #[test]
    fn times_outside_the_grid_stay_as_they_are() {
        assert_eq!(ask(&TimeArg::At(930), Some(100)), Ok((930, 1_030)));
        assert_eq!(ask(&TimeArg::At(1_777), Some(100)), Ok((1_777, 1_877)));
        let asked = Span { start: &TimeArg::At(7), length: None };
        assert_eq!(window(None, asked, 0).unwrap(), Ok((7, 3_607)), "no grid is known");
        let last = Span { start: &TimeArg::At(u64::MAX), length: Some(DurationArg(100)) };
        assert!(window(Some(GRID), last, 0).is_err());
    }

    #[test]
    fn the_next_boundary_is_never_before() {
        assert_eq!(GRID.ceil(0), Some(1_000));
        assert_eq!(GRID.ceil(1_000), Some(1_000));
        assert_eq!(GRID.ceil(1_001), Some(1_100));
        let last = Grid { start: 0, end: u64::MAX, slot: NonZeroU64::new(1 << 31).unwrap() };
        assert_eq!(last.ceil(u64::MAX), None);
    }
}
