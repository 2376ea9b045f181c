//! The policy file: who may have requests signed, for what, and how much of it.

use alloy_primitives::Address;
use fallow_protocol::{Code, Refusal, Request, ResourceId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bytes of the longest policy file: about 10,000 requesters.
pub const POLICY_MAX_BYTES: usize = 1 << 20;
/// Bytes of the longest name; names are for people and logs.
const NAME_MAX_BYTES: usize = 64;
/// Longest horizon: ten years. With the list of requesters it bounds the store.
const HORIZON_MAX_DAYS: u32 = 3_660;

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// It is longer than [`POLICY_MAX_BYTES`].
    #[error("the policy has more than {POLICY_MAX_BYTES} bytes")]
    TooLong,
    /// It is no UTF-8.
    #[error("the policy is not UTF-8")]
    Utf8(#[from] std::str::Utf8Error),
    /// It is no TOML, lacks a field, or has an unknown one.
    #[error("line {line} of the policy: {}", error.message())]
    Toml {
        /// Counted from 1.
        line: usize,
        /// Why; written out, it has many lines.
        error: Box<toml::de::Error>,
    },
    /// A requester is named twice: which limit is meant?
    #[error("the policy names the requester {0} twice")]
    RequesterTwice(Address),
    /// The zero address has no key.
    #[error("the policy names the zero address as a requester")]
    RequesterZero,
    /// A name is too long, or would disturb a log.
    #[error("the name of {0} is longer than {NAME_MAX_BYTES} bytes or has control characters")]
    Name(Address),
    /// A list without resources: does it mean none, or any?
    #[error("the policy's list of resources is empty: without the list, any resource is meant")]
    ResourcesEmpty,
    /// A resource is named twice.
    #[error("the policy names the resource {0} twice")]
    ResourceTwice(ResourceId),
    /// The horizon is none, or too far.
    #[error("the horizon of {0} days is not between 1 and {HORIZON_MAX_DAYS}")]
    Horizon(u32),
}

/// Who may have requests signed. Nobody else may: a policy without requesters signs nothing.
///
/// ```
/// let policy = fallow_approver::Policy::parse(
///     r#"
///     units_per_day = 8
///     resources = ["0x1111111111111111111111111111111111111111111111111111111111111111"]
///
///     [[requesters]]
///     address = "0x5050a4f4b3f9338c3472dcc01a87c76a144b3c9c"
///     name = "Ada"
///     units_per_day = 16
///     "#,
/// )?;
/// assert_eq!(policy.units_per_day, 8);
/// # Ok::<(), fallow_approver::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Units that each requester may have signed for one day (UTC), unless its entry says
    /// otherwise. A request of `volume` units counts `volume` on every day that its window touches,
    /// however short it is. No default: a policy must say it.
    pub units_per_day: u32,
    /// For how many days ahead requests are signed, today included; later days have no allowance.
    /// 1 to 3660, default 366.
    #[serde(default = "default_horizon")]
    pub horizon_days: u32,
    /// Resources whose requests are signed, by id. Default: any resource; an empty list is an
    /// error, since it reads as none. An approver's signature counts only on resources that name
    /// it as their approver.
    #[serde(default)]
    pub resources: Option<Vec<ResourceId>>,
    /// Who may have requests signed. Default: nobody.
    #[serde(default)]
    pub requesters: Vec<Requester>,
    /// `resources`, to look up.
    #[serde(skip)]
    resource_set: BTreeSet<ResourceId>,
    /// Places in `requesters`, to look up.
    #[serde(skip)]
    places: BTreeMap<Address, usize>,
}

/// One requester of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    /// The requester's account.
    pub address: Address,
    /// Who that is, for people; at most 64 bytes. Default: nothing.
    #[serde(default)]
    pub name: String,
    /// Its own limit in units a day, instead of the policy's. 0 stops it. Default: the policy's.
    #[serde(default)]
    pub units_per_day: Option<u32>,
}

const fn default_horizon() -> u32 {
    366
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// When it is no TOML, names something twice, or has a field that this program does not know.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_MAX_BYTES {
            return Err(PolicyError::TooLong);
        }
        let mut policy: Self = toml::from_str(text).map_err(|error| toml_error(text, error))?;
        if !(1..=HORIZON_MAX_DAYS).contains(&policy.horizon_days) {
            return Err(PolicyError::Horizon(policy.horizon_days));
        }
        if policy.resources.as_ref().is_some_and(Vec::is_empty) {
            return Err(PolicyError::ResourcesEmpty);
        }
        for resource in policy.resources.iter().flatten() {
            if !policy.resource_set.insert(*resource) {
                return Err(PolicyError::ResourceTwice(*resource));
            }
        }
        for (place, requester) in policy.requesters.iter().enumerate() {
            requester.validate()?;
            if policy.places.insert(requester.address, place).is_some() {
                return Err(PolicyError::RequesterTwice(requester.address));
            }
        }
        Ok(policy)
    }

    /// Rules 803 and 801 of `docs/protocol.md` section 15. Answers the requester's units per day.
    ///
    /// # Errors
    /// When the policy does not name the request's resource or its requester.
    pub fn limit(&self, request: &Request) -> Result<u32, Refusal> {
        let (resource, requester) = (request.resource_id, request.requester);
        if !self.resource_set.is_empty() && !self.resource_set.contains(&resource) {
            return Err(Refusal::new(Code::ResourceNotApproved, resource, 0_u64));
        }
        let entry = self.requester(requester);
        let limit = entry.map(|entry| entry.units_per_day.unwrap_or(self.units_per_day));
        limit.ok_or_else(|| Refusal::new(Code::RequesterNotAllowed, requester, 0_u64))
    }

    /// The entry of a requester.
    #[must_use]
    pub fn requester(&self, address: Address) -> Option<&Requester> {
        self.places.get(&address).and_then(|place| self.requesters.get(*place))
    }
}

fn toml_error(text: &str, error: toml::de::Error) -> PolicyError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    PolicyError::Toml { line, error: Box::new(error) }
}

impl Requester {
    fn validate(&self) -> Result<(), PolicyError> {
        if self.address.is_zero() {
            return Err(PolicyError::RequesterZero);
        }
        if self.name.len() > NAME_MAX_BYTES || self.name.chars().any(char::is_control) {
            return Err(PolicyError::Name(self.address));
        }
        Ok(())
    }
}

/// A policy file that may change while we run.
#[derive(Debug)]
pub struct PolicyFile {
    path: PathBuf,
    /// What was last judged, good or bad, so that it is judged once; `None` if it was not there.
    seen: Option<Vec<u8>>,
}

impl PolicyFile {
    /// Reads a policy file for the first time.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub fn open(path: &Path) -> Result<(Self, Policy), PolicyError> {
        let bytes = read(path)?;
        let policy = parse(&bytes)?;
        Ok((Self { path: path.to_owned(), seen: Some(bytes) }, policy))
    }

    /// The policy, if the file has changed since it was last looked at.
    ///
    /// # Errors
    /// When the file cannot be read or cannot be used, once for each time that it changes so.
    pub fn changed(&mut self) -> Result<Option<Policy>, PolicyError> {
        match read(&self.path) {
            Ok(bytes) if self.seen.as_ref() == Some(&bytes) => Ok(None),
            Ok(bytes) => {
                let policy = parse(&bytes);
                self.seen = Some(bytes);
                policy.map(Some)
            }
            Err(error) => match self.seen.take() {
                Some(_) => Err(error),
                None => Ok(None),
            },
        }
    }
}

/// Reads at most one byte more than a policy may have.
fn read(path: &Path) -> Result<Vec<u8>, PolicyError> {
    use std::io::Read as _;
    let most = u64::try_from(POLICY_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| PolicyError::Read { path: path.to_owned(), error })?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
    if bytes.len() > POLICY_MAX_BYTES {
        return Err(PolicyError::TooLong);
    }
    Policy::parse(std::str::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "0x5050a4f4b3f9338c3472dcc01a87c76a144b3c9c";

    fn with_ada(entry: &str) -> Result<Policy, PolicyError> {
        Policy::parse(&format!("units_per_day = 8\n[[requesters]]\naddress = \"{ADA}\"\n{entry}"))
    }

    fn request(requester: Address) -> Request {
        Request {
            resource_id: ResourceId::repeat_byte(1),
            requester,
            volume: 1,
            start_time: 0,
            end_time: 1,
            timestamp: 0,
            sequence: 1,
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let policy = Policy::parse("units_per_day = 8").unwrap();
        assert_eq!((policy.units_per_day, policy.horizon_days), (8, 366));
        assert_eq!((policy.resources, policy.requesters), (None, vec![]));
        assert!(Policy::parse("").is_err(), "a limit must be said");
    }

    #[test]
    fn a_requester_has_its_own_limit_or_the_policys() {
        let ada = ADA.parse().unwrap();
        assert_eq!(with_ada("").unwrap().limit(&request(ada)), Ok(8));
        assert_eq!(with_ada("units_per_day = 0").unwrap().limit(&request(ada)), Ok(0));
        assert_eq!(with_ada("units_per_day = 16").unwrap().limit(&request(ada)), Ok(16));
    }

    #[test]
    fn nobody_else_is_allowed() {
        let stranger = Address::repeat_byte(9);
        let refusal = Refusal::new(Code::RequesterNotAllowed, stranger, 0_u64);
        assert_eq!(with_ada("").unwrap().limit(&request(stranger)), Err(refusal));
        let nobody = Policy::parse("units_per_day = 8").unwrap();
        assert_eq!(nobody.limit(&request(stranger)), Err(refusal));
    }

    #[test]
    fn a_named_resource_excludes_all_others() {
        let policy = |byte| {
            let id = ResourceId::repeat_byte(byte);
            Policy::parse(&format!(
                "units_per_day = 8\nresources = [\"{id}\"]\n[[requesters]]\naddress = \"{ADA}\""
            ))
            .unwrap()
        };
        let request = request(ADA.parse().unwrap());
        assert_eq!(policy(1).limit(&request), Ok(8));
        let refusal = Refusal::new(Code::ResourceNotApproved, request.resource_id, 0_u64);
        assert_eq!(policy(2).limit(&request), Err(refusal));
    }

    #[test]
    fn the_page_for_operators_shows_a_policy() {
        let page = include_str!("../../../docs/approver.md");
        let (_, after) = page.split_once("```toml\n").unwrap();
        let (example, _) = after.split_once("```").unwrap();
        let policy = Policy::parse(example).unwrap();
        let limits = policy.requesters.iter().map(|entry| entry.units_per_day);
        assert_eq!(limits.collect::<Vec<_>>(), [None, Some(32)]);
        for field in ["units_per_day", "horizon_days", "resources", "requesters"] {
            assert!(page.contains(&format!("| `{field}` |")), "{field}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for (text, part) in [
            (
                "units_per_day = 8\nunit_per_day = 9",
                "line 2 of the policy: unknown field `unit_per_day`",
            ),
            ("units_per_day = -1", "invalid value"),
            ("units_per_day = 4294967296", "invalid value"),
            ("units_per_day = \"8\"", "invalid type"),
            ("units_per_day = 8\nunits_per_day = 9", "duplicate key"),
            ("units_per_day = 8\nhorizon_days = 0", "not between 1 and 3660"),
            ("units_per_day = 8\nhorizon_days = 3661", "not between 1 and 3660"),
            ("units_per_day = 8\nresources = [\"0x12\"]", "invalid"),
            ("units_per_day = 8\n[[requesters]]\nname = \"x\"", "missing field `address`"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(matches!(with_ada("limit = 8"), Err(PolicyError::Toml { line: 4, .. })));
        assert!(matches!(with_ada("name = \"a\\u001b[31m\""), Err(PolicyError::Name(_))));
        let long = "x".repeat(65);
        assert!(matches!(with_ada(&format!("name = \"{long}\"")), Err(PolicyError::Name(_))));
        let twice = with_ada(&format!("[[requesters]]\naddress = \"{ADA}\""));
        assert!(matches!(twice, Err(PolicyError::RequesterTwice(_))));
        let zero = format!("[[requesters]]\naddress = \"{}\"", Address::ZERO);
        assert!(matches!(with_ada(&zero), Err(PolicyError::RequesterZero)));
        let id = ResourceId::repeat_byte(1);
        let text = format!("units_per_day = 8\nresources = [\"{id}\", \"{id}\"]");
        assert!(matches!(Policy::parse(&text), Err(PolicyError::ResourceTwice(_))));
        let empty = Policy::parse("units_per_day = 8\nresources = []");
        assert!(matches!(empty, Err(PolicyError::ResourcesEmpty)), "it reads as none");
    }

    #[test]
    fn a_changed_file_is_judged_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
        assert!(matches!(PolicyFile::open(&path), Err(PolicyError::Read { .. })));
        write(b"units_per_day = 8");
        let (mut file, policy) = PolicyFile::open(&path).unwrap();
        assert_eq!(policy.units_per_day, 8);
        assert_eq!(file.changed().unwrap(), None);
        write(b"units_per_day = 9");
        assert_eq!(file.changed().unwrap().map(|policy| policy.units_per_day), Some(9));
        for broken in [b"units_per_day = ".to_vec(), vec![0xff], vec![b'#'; POLICY_MAX_BYTES + 1]] {
            write(&broken);
            assert!(file.changed().is_err());
            assert_eq!(file.changed().unwrap(), None, "told once");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.changed(), Err(PolicyError::Read { .. })));
        assert_eq!(file.changed().unwrap(), None, "told once");
        write(b"units_per_day = 7");
        assert_eq!(file.changed().unwrap().map(|policy| policy.units_per_day), Some(7));
    }
}
