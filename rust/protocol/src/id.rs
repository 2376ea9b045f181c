//! Ids as types of their own, so that none is taken for another.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl $name {
            /// No id.
            pub const ZERO: Self = Self(B256::ZERO);

            /// An id of 32 equal bytes, for examples and tests.
            #[must_use]
            pub const fn repeat_byte(byte: u8) -> Self {
                Self(B256::repeat_byte(byte))
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_slice(&self) -> &[u8] {
                self.0.as_slice()
            }

            /// Whether this is no id.
            #[must_use]
            pub fn is_zero(&self) -> bool {
                self.0.is_zero()
            }
        }

        impl From<B256> for $name {
            fn from(hash: B256) -> Self {
                Self(hash)
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes.into())
            }
        }

        impl From<$name> for B256 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = <B256 as std::str::FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// Identifies a network; bound by everything that is signed (section 2).
    NetworkId;
    /// Id of an announcement: its EIP-712 digest (section 3).
    ResourceId;
    /// Id of a request: its EIP-712 digest (section 3).
    RequestId;
    /// Hash of a validator set (section 9).
    SetHash;
}
