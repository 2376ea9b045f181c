//! What there is to ask: one line for each path of `openapi.json`.

const GET: &str = "GET, HEAD, OPTIONS";
const POST: &str = "POST, OPTIONS";
const BOTH: &str = "GET, HEAD, POST, OPTIONS";

/// Lists each path once: how it is matched, as what it is counted, what it takes.
macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident $(($($part:ident),+))? $template:literal $methods:ident
        [$($segment:pat),+];)*) => {
        /// A path that the node answers, with the parts of it that are parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Route<'a> {
            $($(#[$doc])* $name $(($(routes!(@str $part 'a)),+))?,)*
        }

        impl<'a> Route<'a> {
            /// All paths as `openapi.json` writes them, with their methods.
            #[cfg(test)]
            pub(super) const ALL: &'static [(&'static str, &'static str)] =
                &[$(($template, $methods),)*];

            /// The route of these segments.
            fn of_segments(segments: &[&'a str]) -> Option<Self> {
                match segments {
                    $([$($segment),+] => Some(Self::$name $(($($part),+))?),)*
                    _ => None,
                }
            }

            /// The path with its parameters' names, never what a client wrote.
            pub(super) const fn template(&self) -> &'static str {
                match self { $(Self::$name { .. } => $template,)* }
            }

            /// The methods that it takes, for `Allow`.
            pub(super) const fn methods(&self) -> &'static str {
                match self { $(Self::$name { .. } => $methods,)* }
            }
        }
    };
    (@str $part:ident $life:lifetime) => { &$life str };
}

routes! {
    /// Requests: posted, or listed.
    Requests "/v1/requests" BOTH ["v1", "requests"];
    /// Posted.
    Announcements "/v1/announcements" POST ["v1", "announcements"];
    /// Posted.
    Releases "/v1/releases" POST ["v1", "releases"];
    /// Posted.
    Withdrawals "/v1/withdrawals" POST ["v1", "withdrawals"];
    /// The five checks.
    Check "/v1/check" POST ["v1", "check"];
    /// Where a posted message stands.
    Message(id) "/v1/messages/{id}" GET ["v1", "messages", id];
    /// Documents, posted.
    Offers "/v1/offers" POST ["v1", "offers"];
    /// A document.
    Offer(hash) "/v1/offers/{hash}" GET ["v1", "offers", hash];
    /// Announcements that travel: posted, or listed.
    Gossip "/v1/gossip" BOTH ["v1", "gossip"];
    /// Searched.
    Resources "/v1/resources" GET ["v1", "resources"];
    /// One.
    Resource(id) "/v1/resources/{id}" GET ["v1", "resources", id];
    /// What is used of it.
    Calendar(id) "/v1/resources/{id}/calendar" GET ["v1", "resources", id, "calendar"];
    /// One.
    Request(id) "/v1/requests/{id}" GET ["v1", "requests", id];
    /// Listed.
    Records "/v1/records" GET ["v1", "records"];
    /// One.
    Record(id) "/v1/records/{id}" GET ["v1", "records", id];
    /// A path from a leaf to a root.
    Inclusion "/v1/proofs/inclusion" GET ["v1", "proofs", "inclusion"];
    /// That a log only grew.
    Consistency "/v1/proofs/consistency" GET ["v1", "proofs", "consistency"];
    /// All that shows one record.
    Ticket(id) "/v1/tickets/{id}" GET ["v1", "tickets", id];
    /// Listed.
    Checkpoints "/v1/checkpoints" GET ["v1", "checkpoints"];
    /// The newest certified one.
    LatestCheckpoint "/v1/checkpoints/latest" GET ["v1", "checkpoints", "latest"];
    /// One.
    Checkpoint(block) "/v1/checkpoints/{block}" GET ["v1", "checkpoints", block];
    /// Who signed it.
    Shares(block) "/v1/checkpoints/{block}/shares" GET ["v1", "checkpoints", block, "shares"];
    /// The network file.
    Network "/v1/network" GET ["v1", "network"];
    /// A validator set.
    Set(hash) "/v1/sets/{hash}" GET ["v1", "sets", hash];
    /// The node itself.
    Status "/v1/status" GET ["v1", "status"];
    /// News.
    Events "/v1/events" GET ["v1", "events"];
    /// For Prometheus.
    Metrics "/metrics" GET ["metrics"];
    /// Whether the process lives.
    Health "/health" GET ["health"];
    /// Whether messages are taken.
    Ready "/ready" GET ["ready"];
    /// The description of all this.
    OpenApi "/openapi.json" GET ["openapi.json"];
    /// A static file.
    CheckpointFile "/checkpoint" GET ["checkpoint"];
    /// A static file.
    NetworkFile "/network.json" GET ["network.json"];
}

/// Parts of the longest path.
const MAX_SEGMENTS: usize = 5;

/// A static file of the log (section 18) that has no line above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A path of its own.
    Route(Route<'a>),
    /// `/tile/..`: a tile or a bundle, without the slash in front.
    Tile(&'a str),
    /// `/<setHash>.set`.
    SetFile(&'a str),
}

impl<'a> Found<'a> {
    /// What is at a path.
    pub(super) fn at(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.starts_with("tile/") {
            return Some(Self::Tile(path));
        }
        if let Some(hash) = path.strip_suffix(".set").filter(|hash| !hash.contains('/')) {
            return Some(Self::SetFile(hash));
        }
        let mut segments = [""; MAX_SEGMENTS];
        let mut count = 0_usize;
        for part in path.split('/') {
            if part.is_empty() {
                return None;
            }
            *segments.get_mut(count)? = part;
            count = count.saturating_add(1);
        }
        Route::of_segments(segments.get(..count)?).map(Self::Route)
    }

    /// See [`Route::template`].
    pub(super) const fn template(&self) -> &'static str {
        match self {
            Self::Route(route) => route.template(),
            Self::Tile(path) => match path.as_bytes() {
                [b't', b'i', b'l', b'e', b'/', b'e', ..] => "/tile/entries/{path}",
                _ => "/tile/{level}/{path}",
            },
            Self::SetFile(_) => "/{setHash}.set",
        }
    }

    /// See [`Route::methods`].
    pub(super) const fn methods(&self) -> &'static str {
        match self {
            Self::Route(route) => route.methods(),
            Self::Tile(_) | Self::SetFile(_) => GET,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_route() {
        for (template, methods) in Route::ALL {
            let path = template.replace('{', "0x").replace('}', "");
            let found = Found::at(&path).unwrap();
            assert_eq!((found.template(), found.methods()), (*template, *methods));
        }
        assert_eq!(
            Found::at("/v1/checkpoints/latest").unwrap().template(),
            "/v1/checkpoints/latest"
        );
        assert_eq!(Found::at("/tile/0/000"), Some(Found::Tile("tile/0/000")));
        assert_eq!(Found::at("/0x12.set"), Some(Found::SetFile("0x12")));
    }

    #[test]
    fn what_is_nearly_a_path_is_none() {
        for path in [
            "",
            "/",
            "//",
            "v1/requests",
            "/v1",
            "/v1/",
            "/v1/requests/1/2",
            "//v1/requests",
            "/v1//requests",
            "/v2/requests",
            "/a/b/c/d/e/f/g",
            "/a/0x12.set",
            "/metrics/",
            "/v1/records/",
            "/tile",
        ] {
            assert_eq!(Found::at(path), None, "{path}");
        }
    }
}
