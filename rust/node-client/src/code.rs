//! Refusals of a node: about the asking, not about a message (`docs/protocol.md` section 15).

use std::fmt;

macro_rules! codes {
    ($($number:literal $name:ident $status:literal $message:literal;)*) => {
        /// A stable code; its number and name never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum NodeCode {
            $(#[doc = $message] $name = $number,)*
        }

        impl NodeCode {
            /// All codes, ascending.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status of answers with this code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened, in a few words.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    901 BodyMalformed 400 "the body is not the JSON that the path takes";
    902 ParameterInvalid 400 "a parameter of the path or query is out of its range or form";
    903 NotFound 404 "there is nothing at this path, of this id or index";
    904 MethodNotAllowed 405 "the path takes another method";
    905 BodyTimeout 408 "the body did not arrive in time";
    906 BodyTooLarge 413 "the body, or the number of items in it, is above the node's bound";
    907 MediaTypeUnsupported 415 "the body is declared as something else than JSON";
    908 TooManyRequests 429 "this address or key asks too often";
    909 KeyNotAllowed 403 "the node serves a list of keys, and this one is not on it";
    910 QueueFull 503 "the node has as many promises open as it dares";
    911 ChainAway 503 "the node cannot reach its chain, or is not at its head";
    912 StoreFailed 503 "the node's disk failed or is full; nothing was accepted";
    913 Stopped 503 "the chain disagrees with the node's own re-execution: it serves nothing";
    914 WrongNetwork 422 "the file is of another network";
    915 AnnouncementUnknown 422
        "the node has never seen the announcement that the message is about";
    916 AllocationUnknown 422 "the release is of a request that is not recorded";
    917 MessageExpired 422 "the message was promised but could not be recorded in its time";
    918 NotCertifiedYet 404 "the record is not under a certified checkpoint yet";
}

impl NodeCode {
    /// The code's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether the answer says when to come back (`Retry-After`).
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::TooManyRequests
                | Self::QueueFull
                | Self::ChainAway
                | Self::StoreFailed
                | Self::NotCertifiedYet
        )
    }
}

impl fmt::Display for NodeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.number(), self.name(), self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of section 15 and this one are the same.
    #[test]
    fn the_specification_lists_the_same_codes() {
        let text = include_str!("../../../docs/protocol.md");
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .filter(|cells| cells.len() == 5 && cells[1].len() == 3 && cells[1].starts_with('9'))
            .collect();
        assert_eq!(rows.len(), NodeCode::ALL.len());
        for (cells, code) in rows.iter().zip(NodeCode::ALL) {
            let meaning = format!("{}: {}", code.status(), code.message());
            assert_eq!(cells[1..3], [code.number().to_string(), code.name().to_owned()]);
            assert!(cells[3].starts_with(&meaning), "{} is not {meaning}", cells[3]);
            assert_eq!(NodeCode::from_number(code.number()), Some(*code));
        }
    }

    #[test]
    fn whoever_is_to_come_back_is_told_when() {
        let text = include_str!("../../../docs/protocol.md");
        for code in NodeCode::ALL {
            let row = format!("| {} | {} |", code.number(), code.name());
            let line = text.lines().find(|line| line.starts_with(&row)).unwrap();
            let told = line.contains("`Retry-After`") || *code == NodeCode::StoreFailed;
            assert_eq!(code.is_temporary(), told, "{line}");
        }
    }
}
