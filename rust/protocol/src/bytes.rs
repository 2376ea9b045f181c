//! Reading packed big-endian formats from hostile input.

/// Why bytes are not an encoding of what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends too early.
    #[error("`{field}` is truncated: {want} bytes wanted, {left} left")]
    Truncated {
        /// Field that was being read.
        field: &'static str,
        /// Bytes that the field needs.
        want: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// Bytes follow where the value should have ended.
    #[error("{0} trailing bytes")]
    Trailing(usize),
    /// The first bytes are not those of this format.
    #[error("not this kind of file: it does not begin with `{0}`")]
    Magic(&'static str),
    /// The format's version is another one.
    #[error("version is {got}, this program reads {want}")]
    Version {
        /// Version found.
        got: u8,
        /// Version understood.
        want: u8,
    },
    /// A signature or evidence scheme is another one.
    #[error("scheme is {got}, this program reads {want}")]
    Scheme {
        /// Scheme found.
        got: u8,
        /// Scheme understood.
        want: u8,
    },
    /// A record kind that is reserved.
    #[error("record kind {0} is reserved")]
    Kind(u8),
    /// A length is outside its bounds.
    #[error("`{field}` has length {got}, expected {min} to {max}")]
    Length {
        /// Field with the length.
        field: &'static str,
        /// Length found.
        got: usize,
        /// Smallest length allowed.
        min: usize,
        /// Largest length allowed.
        max: usize,
    },
    /// Bits that must be zero are not.
    #[error("`{0}` has padding that is not zero")]
    Padding(&'static str),
    /// A point is not on its curve, not in its subgroup, or infinity.
    #[error("`{0}` is not a valid BLS12-381 point of its group")]
    Point(&'static str),
}

/// A cursor over packed bytes.
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// Takes `want` bytes.
    pub(crate) fn slice(
        &mut self,
        want: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.left.split_at_checked(want).ok_or(DecodeError::Truncated {
            field,
            want,
            left: self.left.len(),
        })?;
        self.left = tail;
        Ok(head)
    }

    /// Takes `N` bytes into anything that is made of them.
    pub(crate) fn take<const N: usize, T: From<[u8; N]>>(
        &mut self,
        field: &'static str,
    ) -> Result<T, DecodeError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(N, field)?);
        Ok(bytes.into())
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.take(field)?))
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.take(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.take(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.take(field)?))
    }

    /// Reads a version byte and compares it.
    pub(crate) fn version(&mut self, want: u8) -> Result<(), DecodeError> {
        match self.u8("version")? {
            got if got == want => Ok(()),
            got => Err(DecodeError::Version { got, want }),
        }
    }

    /// Takes the last `N` bytes of an ABI word, whose others are zero.
    pub(crate) fn abi<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (padding, value) = self.slice(32, field)?.split_at(32_usize.saturating_sub(N));
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::Padding(field));
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(value);
        Ok(bytes)
    }

    /// How many bytes are left.
    pub(crate) const fn left(&self) -> usize {
        self.left.len()
    }

    /// Takes what is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    /// Ends the reading: nothing may be left.
    pub(crate) const fn finish(self) -> Result<(), DecodeError> {
        match self.left.len() {
            0 => Ok(()),
            surplus => Err(DecodeError::Trailing(surplus)),
        }
    }
}

/// Refuses a length outside `min..=max`.
pub(crate) const fn bounded(
    field: &'static str,
    got: usize,
    min: usize,
    max: usize,
) -> Result<(), DecodeError> {
    if got < min || got > max {
        return Err(DecodeError::Length { field, got, min, max });
    }
    Ok(())
}
