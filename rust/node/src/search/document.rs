//! An offer document, flattened: what queries ask of it.

use serde_json::Value as Json;
use std::cmp::Ordering;

/// Fields of a document that are kept; a machine has some dozens.
const MAX_FIELDS: usize = 128;
/// Characters of a text that are kept.
const MAX_TEXT: usize = 128;

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, also one written as a decimal string; of a list, how long it is.
    Number(f64),
    /// In lower case.
    Text(Box<str>),
    /// True or false.
    Bool(bool),
}

impl Value {
    /// A text as documents and queries are compared.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let lower = text.chars().take(MAX_TEXT).flat_map(char::to_lowercase);
        match lower.collect::<String>().as_str() {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            lower => Self::Text(lower.into()),
        }
    }

    /// Whether it says more than nothing.
    #[must_use]
    pub fn is_something(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Bool(truth) => *truth,
        }
    }

    /// How they compare, if they are of one kind.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.partial_cmp(two),
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            (Self::Bool(one), Self::Bool(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }
}

/// The fields of an offer document by path, lower case, such as `machine.gpus.model`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Sorted by path; those of a list's elements share one.
    fields: Box<[(Box<str>, Value)]>,
}

impl Document {
    /// Flattens a JSON object; `None` if the bytes are none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(bytes).ok()?;
        json.as_object()?;
        let mut fields = Vec::new();
        flatten(&mut String::new(), &json, &mut fields);
        // Stable: elements stay in their order.
        fields.sort_by(|(one, _), (two, _)| one.cmp(two));
        Some(Self { fields: fields.into() })
    }

    /// Every value at a path.
    pub fn values(&self, path: &str) -> impl Iterator<Item = &Value> {
        let first = self.fields.partition_point(|(key, _)| key.as_ref() < path);
        let from = self.fields.get(first..).unwrap_or_default();
        let key = path.to_owned();
        from.iter().take_while(move |(found, _)| **found == *key).map(|(_, value)| value)
    }

    /// The region, in lower case.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.values("region").find_map(|value| match value {
            Value::Text(text) => Some(text.as_ref()),
            _ => None,
        })
    }
}

/// Recursion is as deep as the JSON, which its parser bounds.
fn flatten(path: &mut String, json: &Json, fields: &mut Vec<(Box<str>, Value)>) {
    if fields.len() >= MAX_FIELDS || path.len() > MAX_TEXT {
        return;
    }
    let mut keep = |value| fields.push((path.as_str().into(), value));
    match json {
        Json::Null => {}
        Json::Bool(truth) => keep(Value::Bool(*truth)),
        Json::Number(number) => number.as_f64().into_iter().for_each(|it| keep(Value::Number(it))),
        Json::String(text) => keep(number_of(text).unwrap_or_else(|| Value::text(text))),
        Json::Array(elements) => {
            #[allow(clippy::cast_precision_loss, reason = "a document has 65536 bytes")]
            keep(Value::Number(elements.len() as f64));
            elements.iter().for_each(|element| flatten(path, element, fields));
        }
        Json::Object(members) => {
            for (name, member) in members {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(&name.to_ascii_lowercase());
                flatten(path, member, fields);
                path.truncate(length);
            }
        }
    }
}

/// Large numbers are written as decimal strings (section 1 of the protocol).
fn number_of(text: &str) -> Option<Value> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Value::Number)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_and_lists_have_paths() {
        let text = br#"{"a":{"B":"12","c":[{"d":"X"},{"d":"Y"}]},"e":null,"f":true}"#;
        let document = Document::parse(text).unwrap();
        let at = |path: &str| document.values(path).cloned().collect::<Vec<_>>();
        assert_eq!(at("a.b"), [Value::Number(12.0)]);
        assert_eq!(at("a.c"), [Value::Number(2.0)]);
        assert_eq!(at("a.c.d"), [Value::text("x"), Value::text("y")]);
        assert_eq!(at("f"), [Value::Bool(true)]);
        assert_eq!(at("e"), []);
        assert_eq!(at("a"), []);
    }

    #[test]
    fn what_is_no_object_is_no_document() {
        for bytes in [b"".as_slice(), b"[]", b"12", b"{", b"\xff", b"{} {}"] {
            assert_eq!(Document::parse(bytes), None);
        }
    }

    #[test]
    fn huge_documents_are_cut() {
        let many: serde_json::Map<_, _> =
            (0..1_000).map(|number| (format!("k{number}"), Json::from(number))).collect();
        let document = Document::parse(Json::Object(many).to_string().as_bytes()).unwrap();
        assert_eq!(document.fields.len(), MAX_FIELDS);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(Document::parse(format!(r#"{{"a":{deep}}}"#).as_bytes()).is_some());
    }
}
