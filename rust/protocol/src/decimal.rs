//! `u64` as a decimal string in JSON (section 1), for `#[serde(with = "decimal")]`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes a decimal string.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads a decimal string without sign or leading zeros.
///
/// # Errors
/// When the string is anything else, or above 2^64 - 1.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        D::Error::custom(format_args!("expected a decimal string below 2^64, got `{text}`"))
    })
}

fn parse(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && !text.starts_with('+'));
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_canonical_decimals_are_read() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1e3", "18446744073709551616"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
