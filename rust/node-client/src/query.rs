//! What is asked of a node.

use alloy_primitives::Address;
use fallow_protocol::ResourceId;

/// Which resources are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceQuery {
    /// Of this provider.
    pub provider: Option<Address>,
    /// With such an offer: `cpu >= 8 and gpu`.
    pub terms: Option<String>,
    /// In this region.
    pub region: Option<String>,
    /// Free from this unix second.
    pub from: Option<u64>,
    /// Free until this unix second.
    pub to: Option<u64>,
    /// With at least so many units free all that time.
    pub volume: Option<u16>,
}

impl ResourceQuery {
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        [
            ("provider", self.provider.map(|provider| provider.to_string())),
            ("where", self.terms.clone()),
            ("region", self.region.clone()),
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
            ("volume", self.volume.map(|volume| volume.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Which allocations are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestQuery {
    /// Of this requester.
    pub requester: Option<Address>,
    /// On this resource.
    pub resource: Option<ResourceId>,
}

impl RequestQuery {
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let requester = self.requester.map(|requester| ("requester", requester.to_string()));
        let resource = self.resource.map(|resource| ("resource", resource.to_string()));
        requester.into_iter().chain(resource).collect()
    }
}

/// Which kind of message is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// An `AnnouncementFile`.
    Announcement,
    /// A `RequestFile`.
    Request,
    /// A `ReleaseFile`.
    Release,
    /// A `WithdrawalFile`.
    Withdrawal,
    /// An `AnnouncementFile` that only travels, and is not recorded.
    Gossip,
}

impl Posted {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Announcement => "/v1/announcements",
            Self::Request => "/v1/requests",
            Self::Release => "/v1/releases",
            Self::Withdrawal => "/v1/withdrawals",
            Self::Gossip => "/v1/gossip",
        }
    }
}
