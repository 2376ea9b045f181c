//! Why something was refused: stable codes with what was found and what was wanted (section 15).

use alloy_primitives::{Address, B256, U256};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::fmt;

/// What the words of a refusal mean, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count, a volume or a length.
    Number,
    /// Unix seconds.
    Time,
    /// An address.
    Address,
    /// A hash or an id.
    Hash,
}

impl Unit {
    fn show(self, word: U256) -> String {
        match self {
            Self::Number | Self::Time => word.to_string(),
            Self::Address => Address::from_word(word.into()).to_string(),
            Self::Hash => B256::from(word).to_string(),
        }
    }
}

macro_rules! codes {
    ($($number:literal $name:ident ($got_unit:ident $got:literal, $want_unit:ident $want:literal)
        $message:literal;)*) => {
        /// A stable code; its number and name never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $message] $name = $number,)*
        }

        impl Code {
            /// All codes, ascending.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code's name: that of the Solidity error too.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What happened, in a few words.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// What `got` is, and what `want` is: unit and label.
            #[must_use]
            pub const fn labels(self) -> [(Unit, &'static str); 2] {
                match self {
                    $(Self::$name => [(Unit::$got_unit, $got), (Unit::$want_unit, $want)],)*
                }
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
    1 SignaturesLengthInvalid (Number "bytes of signatures", Number "64")
        "the signatures are not 64 bytes each";
    2 RecordLengthInvalid (Number "bytes of the record", Number "238")
        "the allocation's record has another length";
    3 RecordNotAllocation (Number "version and kind of the record", Number "0x0102")
        "the record is not an allocation of version 1";
    101 RequesterSignatureInvalid (Address "address recovered, 0 if none", Address "requester")
        "the requester did not sign this";
    102 SignatureCountInvalid (Number "signatures", Number "signatures needed")
        "the resource needs another number of signatures";
    103 ApproverSignatureInvalid (Address "address recovered, 0 if none", Address "approver")
        "the approver did not sign this";
    201 ProviderSignatureInvalid (Address "address recovered, 0 if none", Address "provider")
        "the provider did not sign this";
    202 ResourceUnknown (Hash "resourceId", Number "0")
        "nobody has recorded this resource";
    203 ResourceWithdrawn (Hash "id", Number "0")
        "the provider has withdrawn this resource";
    205 AnnouncementMismatch (Hash "id of the announcement brought", Hash "resourceId")
        "the announcement is of another resource";
    206 AllocationMismatch (Hash "requestId in the release", Hash "id of the record's request")
        "the record is of another allocation";
    207 AllocationUnproven (Hash "node that the path leads to", Hash "node of the log")
        "the path does not lead from the record to the log";
    301 ResourceAlreadyRecorded (Hash "id", Number "index of its record")
        "the announcement is recorded already";
    302 SequenceOutsideWindow (Number "sequence", Number "highest seen")
        "the sequence is 0 or more than 128 from the highest seen";
    303 SequenceAlreadyUsed (Number "sequence", Number "highest seen")
        "the sequence was used before";
    304 AllocationAlreadyReleased (Hash "requestId", Number "index of the allocation")
        "the allocation was released before";
    401 VolumeTooSmall (Number "volume", Number "1")
        "the volume is zero";
    402 WindowEmpty (Time "startTime", Time "endTime")
        "the window does not end after it starts";
    403 SlotTooShort (Number "slotSeconds", Number "1")
        "a slot has no length";
    404 WindowNotWholeSlots (Number "window in seconds", Number "slotSeconds")
        "the window is not a whole number of slots";
    405 EndTimeTooLate (Time "endTime", Time "2^40 - 1")
        "the window ends too late";
    406 OutsideResourceWindow (Time "time outside", Time "the resource's nearest end of the window")
        "the request lies outside the resource's window";
    407 SlotsNotAligned (Time "time off the grid", Time "slot boundary at or before it")
        "a time is not on a slot boundary";
    408 TooManyWords (Number "words touched", Number "16")
        "the request spans too many slots at once";
    409 FirstSlotEnded (Time "end of the first slot", Time "block time")
        "the first slot is over";
    410 TimestampOutsideDrift (Time "timestamp", Time "block time")
        "the timestamp is more than 300 seconds from the block's time";
    411 ReleaseOutsideAllocation (Time "fromTime", Time "the allocation's nearest end")
        "the release lies outside the allocation";
    412 NoticeTooShort (Time "fromTime", Time "earliest time that can still be released")
        "the slots start too soon to be released";
    501 CapacityExceeded (Number "volume asked", Number "volume free in the first slot that lacks it")
        "more is asked than is free";
    601 NetworkMismatch (Hash "networkId", Hash "own networkId")
        "this is of another network";
    602 EraMismatch (Number "era", Number "own era")
        "the checkpoint is of another era";
    603 SetMismatch (Number "setNumber", Number "own set's number")
        "the checkpoint is of another validator set";
    604 SetExpired (Time "clock", Time "notAfter")
        "the validator set has expired";
    605 CertificateMalformed (Number "members named", Number "members of the set")
        "the certificate does not fit the validator set";
    606 QuorumMissing (Number "signed weight", Number "total weight")
        "too few validators signed";
    607 CertificateSignatureInvalid (Hash "digest", Hash "setHash")
        "the validators' signature does not verify";
    608 EvidenceMismatch (Hash "hash of the evidence", Hash "hash in the record")
        "the evidence is not the record's";
    609 InclusionPathInvalid (Number "nodes", Number "nodes needed")
        "the inclusion path has a wrong length";
    610 InclusionRootMismatch (Hash "root computed", Hash "root certified")
        "the record is not under the certified root";
    611 RecordKindMismatch (Number "kind", Number "2")
        "the record is not an allocation";
    701 ProviderMismatch (Address "provider in the grant", Address "own address")
        "the grant is for another provider";
    702 NonceMismatch (Hash "nonce in the grant", Hash "nonce issued")
        "the grant answers another nonce";
    703 NonceSpent (Hash "nonce", Number "0")
        "the nonce was used before, or is zero";
    704 GrantExpired (Time "expiresAt", Time "clock")
        "the grant has expired";
    705 RequestMismatch (Hash "requestId in the grant", Hash "id of the record's request")
        "the grant is for another allocation";
    706 ResourceMismatch (Hash "resourceId in the record", Hash "id of the own announcement")
        "the allocation is on another resource";
    707 GrantSignatureInvalid (Address "address recovered, 0 if none", Address "requester")
        "the requester of the allocation did not sign this grant";
    708 SlotNotStarted (Time "clock", Time "startTime")
        "the allocation has not started";
    709 SlotEnded (Time "clock", Time "endTime")
        "the allocation is over";
    801 RequesterNotAllowed (Address "requester", Address "0")
        "the approver's list does not name this requester";
    802 AllowanceExceeded (Number "units asked for the day", Number "units left for the day")
        "the requester's allowance for the day is too small";
    803 ResourceNotApproved (Hash "resourceId", Hash "0")
        "the approver does not sign for this resource";
}

impl Code {
    /// The code's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// One refusal: the code, what was found and what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Which rule.
    pub code: Code,
    /// What was found, a 256-bit word.
    pub got: U256,
    /// What was wanted.
    pub want: U256,
}

/// Anything that fits one word of a refusal.
pub(crate) trait Word {
    fn word(self) -> U256;
}

macro_rules! words {
    ($($type:ty: $convert:expr;)*) => {
        $(impl Word for $type {
            fn word(self) -> U256 {
                let convert: fn($type) -> U256 = $convert;
                convert(self)
            }
        })*
    };
}

words! {
    u16: |value| U256::from(value);
    u32: |value| U256::from(value);
    u64: |value| U256::from(value);
    usize: |value| U256::from(value);
    U256: |value| value;
    B256: |value| value.into();
    Address: |value| value.into_word().into();
    crate::NetworkId: |value| value.0.into();
    crate::ResourceId: |value| value.0.into();
    crate::RequestId: |value| value.0.into();
    crate::SetHash: |value| value.0.into();
}

impl Refusal {
    /// A refusal with its two words.
    #[must_use]
    #[expect(private_bounds, reason = "the list of types that fit a word is closed")]
    pub fn new(code: Code, got: impl Word, want: impl Word) -> Self {
        Self { code, got: got.word(), want: want.word() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(got_unit, got), (want_unit, want)] = self.code.labels();
        write!(
            f,
            "{:03} {}: {} (got {} `{}`, want {} `{}`)",
            self.code.number(),
            self.code.name(),
            self.code.message(),
            got,
            got_unit.show(self.got),
            want,
            want_unit.show(self.want),
        )
    }
}

impl std::error::Error for Refusal {}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [(got, _), (want, _)] = self.code.labels();
        let mut object = serializer.serialize_struct("Refusal", 5)?;
        object.serialize_field("code", &self.code.number())?;
        object.serialize_field("name", self.code.name())?;
        object.serialize_field("message", self.code.message())?;
        object.serialize_field("got", &got.show(self.got))?;
        object.serialize_field("want", &want.show(self.want))?;
        object.end()
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
            .filter(|cells| {
                cells.len() == 6 && cells[1].len() == 3 && cells[1].parse::<u16>().is_ok()
            })
            .collect();
        assert_eq!(rows.len(), Code::ALL.len());
        for (cells, code) in rows.iter().zip(Code::ALL) {
            let [(_, got), (_, want)] = code.labels();
            let expected =
                [format!("{:03}", code.number()), code.name().into(), got.into(), want.into()];
            assert_eq!(cells[1..5], expected);
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        let refusal = Refusal::new(Code::CapacityExceeded, 3_u16, 2_u16);
        assert_eq!(
            refusal.to_string(),
            "501 CapacityExceeded: more is asked than is free (got volume asked `3`, want volume \
             free in the first slot that lacks it `2`)"
        );
    }
}
