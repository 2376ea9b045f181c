//! What one of the five checks found.

use alloy_primitives::U256;
use fallow_protocol::{Code, Refusal};

/// The answer of one check, whether it holds or not: the same as `IRegistry.check` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken; `None` if the check holds.
    pub code: Option<Code>,
    /// What was found.
    pub got: U256,
    /// What it was compared with.
    pub want: U256,
}

impl Finding {
    /// A check that holds.
    pub(crate) const fn holds(got: U256, want: U256) -> Self {
        Self { code: None, got, want }
    }

    /// The refusal, if the check does not hold.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let (got, want) = (self.got, self.want);
        self.code.map(|code| Refusal::new(code, got, want))
    }
}

impl From<Refusal> for Finding {
    fn from(Refusal { code, got, want }: Refusal) -> Self {
        Self { code: Some(code), got, want }
    }
}
