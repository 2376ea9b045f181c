//! The small language in which people say what a machine must have:
//!
//! ```text
//! cpu >= 8 and gpu and memory >= 32GiB and (system = linux or not region ~ "us-")
//!
//! query   = or                          or = and { "or" and }        and = unary { "and" unary }
//! unary   = "not" unary | "(" query ")" | field [ operator value ]
//! field   = path into the offer document, such as `machine.gpus.model`, or a short name
//! value   = number [ unit ] | word | "text"     unit = k M G T, or with `iB`: powers of 1024
//! ```
//!
//! A field alone asks whether it is there and not empty, zero or false. Where a path leads through
//! a list, one element that fits is enough. Text is compared without case; `~` is "contains".

use super::document::{Document, Value};
use std::cmp::Ordering;
use winnow::ascii::{float, multispace0};
use winnow::combinator::{alt, cut_err, delimited, not, opt, preceded, repeat, terminated};
use winnow::error::{ContextError, ErrMode};
use winnow::prelude::*;
use winnow::token::{one_of, take_while};

/// Characters of the longest query.
pub const MAX_QUERY: usize = 512;
/// Parentheses and `not` inside each other.
const MAX_DEPTH: usize = 8;

/// What an offer must say.
#[derive(Clone, Debug, PartialEq)]
pub struct Query(Expression);

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Has(String),
    Compare(String, Operator, Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It is too long.
    #[error("the query has {0} bytes, at most {MAX_QUERY} are read")]
    TooLong(usize),
    /// It nests too deep.
    #[error("the query nests deeper than {MAX_DEPTH}")]
    TooDeep,
    /// It breaks off or goes wrong.
    #[error(
        "the query cannot be read from character {at} on: {}; it looks like \
         `cpu >= 8 and gpu and memory >= 32GiB`", shown(.rest)
    )]
    Syntax {
        /// Where, counted in characters from 0.
        at: usize,
        /// What stands there.
        rest: String,
    },
}

fn shown(rest: &str) -> String {
    if rest.is_empty() { "it breaks off there".to_owned() } else { format!("`{rest}`") }
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Says where it stops being one.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > MAX_QUERY {
            return Err(QueryError::TooLong(text.len()));
        }
        // The parser recurses where the text nests, so the depth is bounded before it runs.
        if depth(text) > MAX_DEPTH {
            return Err(QueryError::TooDeep);
        }
        let mut rest = text;
        match terminated(any_of, multispace0::<_, ErrMode<ContextError>>).parse_next(&mut rest) {
            Ok(expression) if rest.is_empty() => Ok(Self(expression)),
            _ => {
                let read = text.len().saturating_sub(rest.len());
                let at = text.get(..read).map_or(0, |read| read.chars().count());
                Err(QueryError::Syntax { at, rest: rest.chars().take(40).collect() })
            }
        }
    }

    /// Whether a document fits.
    #[must_use]
    pub fn matches(&self, document: &Document) -> bool {
        self.0.matches(document)
    }
}

/// Opening parentheses and `not`s: no query nests deeper.
fn depth(text: &str) -> usize {
    let nots = text.split(|symbol: char| !symbol.is_alphanumeric());
    let nots = nots.filter(|word| word.eq_ignore_ascii_case("not")).count();
    let opened = text.bytes().filter(|byte| *byte == b'(').count();
    nots.saturating_add(opened)
}

impl Expression {
    fn matches(&self, document: &Document) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.matches(document)),
            Self::Or(any) => any.iter().any(|one| one.matches(document)),
            Self::Not(inner) => !inner.matches(document),
            Self::Has(path) => document.values(path).any(Value::is_something),
            Self::Compare(path, operator, want) => {
                document.values(path).any(|got| operator.holds(got, want))
            }
        }
    }
}

impl Operator {
    fn holds(self, got: &Value, want: &Value) -> bool {
        if self == Self::Contains {
            return matches!((got, want), (Value::Text(got), Value::Text(want)) if got.contains(want.as_ref()));
        }
        // What cannot be compared is unequal, and neither less nor more.
        let ordering = got.compare(want);
        match self {
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::Unequal => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::AtMost => ordering.is_some_and(Ordering::is_le),
            Self::More => ordering == Some(Ordering::Greater),
            Self::AtLeast => ordering.is_some_and(Ordering::is_ge),
            Self::Contains => false,
        }
    }
}

type Parsed<T> = Result<T, ErrMode<ContextError>>;

fn any_of(input: &mut &str) -> Parsed<Expression> {
    let first = all_of.parse_next(input)?;
    let more: Vec<_> = repeat(0.., preceded(keyword("or"), cut_err(all_of))).parse_next(input)?;
    Ok(joined(first, more, Expression::Or))
}

fn all_of(input: &mut &str) -> Parsed<Expression> {
    let first = unary.parse_next(input)?;
    let more: Vec<_> = repeat(0.., preceded(keyword("and"), cut_err(unary))).parse_next(input)?;
    Ok(joined(first, more, Expression::And))
}

fn joined(
    first: Expression,
    more: Vec<Expression>,
    join: impl FnOnce(Vec<Expression>) -> Expression,
) -> Expression {
    if more.is_empty() {
        return first;
    }
    let mut all = vec![first];
    all.extend(more);
    join(all)
}

fn unary(input: &mut &str) -> Parsed<Expression> {
    let negated = preceded(keyword("not"), cut_err(unary));
    let negated = negated.map(|inner| Expression::Not(Box::new(inner)));
    let grouped = delimited(symbol("("), cut_err(any_of), cut_err(symbol(")")));
    alt((negated, grouped, term)).parse_next(input)
}

fn term(input: &mut &str) -> Parsed<Expression> {
    let (path, scale) = field.parse_next(input)?;
    let Some(operator) = opt(operator).parse_next(input)? else {
        return Ok(Expression::Has(path));
    };
    let value = cut_err(value).parse_next(input)?;
    let value = match value {
        Value::Number(number) => Value::Number(number * scale),
        other => other,
    };
    Ok(Expression::Compare(path, operator, value))
}

/// A path, and what a number after it is multiplied with.
fn field(input: &mut &str) -> Parsed<(String, f64)> {
    let first = one_of(|symbol: char| symbol.is_ascii_alphabetic() || symbol == '_');
    let rest = take_while(0.., |symbol: char| {
        symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-' | '.')
    });
    let word = (not(alt((keyword("and"), keyword("or"), keyword("not")))), multispace0);
    let name: &str = preceded(word, (first, rest).take()).parse_next(input)?;
    Ok(long_name(name))
}

/// What one unit of the offer has, by short names.
fn long_name(name: &str) -> (String, f64) {
    let (path, scale) = match name.to_ascii_lowercase().as_str() {
        // Documents count thousandths of a core.
        "cpu" | "cores" => ("unit.millicores", 1_000.0),
        "memory" | "ram" => ("unit.memorybytes", 1.0),
        "disk" => ("unit.diskbytes", 1.0),
        "gpu" | "gpus" => ("machine.gpus", 1.0),
        "arch" | "architecture" => ("machine.architecture", 1.0),
        "system" | "os" => ("machine.system", 1.0),
        "processor" => ("machine.processor", 1.0),
        path => return (path.to_owned(), 1.0),
    };
    (path.to_owned(), scale)
}

fn operator(input: &mut &str) -> Parsed<Operator> {
    // The longer ones first.
    alt((
        symbol(">=").value(Operator::AtLeast),
        symbol("<=").value(Operator::AtMost),
        symbol("!=").value(Operator::Unequal),
        symbol("==").value(Operator::Equal),
        symbol("=").value(Operator::Equal),
        symbol("<").value(Operator::Less),
        symbol(">").value(Operator::More),
        symbol("~").value(Operator::Contains),
    ))
    .parse_next(input)
}

fn value(input: &mut &str) -> Parsed<Value> {
    preceded(multispace0, alt((quoted, number, word))).parse_next(input)
}

fn quoted(input: &mut &str) -> Parsed<Value> {
    let text = delimited('"', take_while(0.., |symbol| symbol != '"'), cut_err('"'));
    text.map(Value::text).parse_next(input)
}

fn word(input: &mut &str) -> Parsed<Value> {
    let text = take_while(1.., |symbol: char| {
        symbol.is_alphanumeric() || matches!(symbol, '_' | '-' | '.' | ':' | '/')
    });
    text.map(Value::text).parse_next(input)
}

fn number(input: &mut &str) -> Parsed<Value> {
    let amount: f64 = float.parse_next(input)?;
    let unit = opt(unit).parse_next(input)?.unwrap_or(1.0);
    // `8core` is a word that begins with a digit.
    not(one_of(|symbol: char| symbol.is_alphanumeric() || symbol == '_')).parse_next(input)?;
    Ok(Value::Number(amount * unit))
}

fn unit(input: &mut &str) -> Parsed<f64> {
    const UNITS: [(char, f64, f64); 4] = [
        ('k', 1e3, 1024.0),
        ('m', 1e6, 1_048_576.0),
        ('g', 1e9, 1_073_741_824.0),
        ('t', 1e12, 1_099_511_627_776.0),
    ];
    let prefix = one_of(|symbol: char| "kmgtKMGT".contains(symbol)).parse_next(input)?;
    let binary = opt(alt(("iB", "ib", "i"))).parse_next(input)?.is_some();
    if !binary {
        opt(alt(('B', 'b'))).parse_next(input)?;
    }
    let found = UNITS.iter().find(|(name, ..)| *name == prefix.to_ascii_lowercase());
    let (_, decimal, power) = found.copied().unwrap_or(('\0', 1.0, 1.0));
    Ok(if binary { power } else { decimal })
}

fn symbol<'a>(wanted: &'static str) -> impl Parser<&'a str, &'a str, ErrMode<ContextError>> {
    preceded(multispace0, wanted)
}

/// A word of the language, which no letter follows.
fn keyword<'a>(wanted: &'static str) -> impl Parser<&'a str, (), ErrMode<ContextError>> {
    let letters = take_while(1.., |symbol: char| {
        symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '-' | '.')
    });
    preceded(multispace0, letters)
        .verify(move |found: &str| found.eq_ignore_ascii_case(wanted))
        .void()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let text = r#"{ "version": 1, "volume": 4, "region": "EU-North",
            "unit": { "milliCores": 8000, "memoryBytes": "34359738368", "diskBytes": "0" },
            "machine": { "architecture": "x86_64", "system": "Linux", "cores": 32,
                "gpus": [ { "model": "NVIDIA A100", "memoryBytes": "85899345920" },
                          { "model": "NVIDIA T4", "memoryBytes": "17179869184" } ] },
            "shared": true, "note": "" }"#;
        Document::parse(text.as_bytes()).unwrap()
    }

    #[track_caller]
    fn holds(text: &str) -> bool {
        Query::parse(text).unwrap().matches(&document())
    }

    #[test]
    fn what_people_ask_for_is_found() {
        for text in [
            "cpu >= 8 and gpu",
            "cpu=8",
            "CPU >= 7.5 AND memory >= 32GiB",
            "memory > 34G",
            "machine.gpus.model ~ a100",
            "machine.gpus.model = \"nvidia t4\"",
            "gpu = 2",
            "machine.gpus.memoryBytes >= 80Gi",
            "region = eu-north",
            "region ~ \"eu-\" and system = linux",
            "arch = x86_64",
            "shared",
            "not disk and not note",
            "gpu > 4 or (cpu > 4 and not region = us)",
            "  volume<5  ",
            "version != 2",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_found() {
        for text in [
            "cpu > 8",
            "memory >= 64GiB",
            "disk",
            "note",
            "tpu",
            "not gpu",
            "region = eu",
            "machine.gpus.model = a100",
            "cpu >= 8 and tpu",
            "cpu = linux",
            "system >= 3",
            "tpu = 0",
            "tpu != 0",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        assert!(holds("gpu or tpu and tpu"));
        assert!(!holds("(gpu or tpu) and tpu"));
    }

    #[test]
    fn names_that_begin_like_words_of_the_language_are_names() {
        assert!(Query::parse("order = 1 and android and nothing").is_ok());
    }

    #[test]
    fn what_is_no_query_says_where_it_stops() {
        for (text, at) in [("", 0), ("cpu >=", 6), ("cpu >= 8 gpu", 9), ("(cpu", 4), ("and", 0)] {
            let error = Query::parse(text).unwrap_err();
            assert!(
                matches!(error, QueryError::Syntax { at: found, .. } if found == at),
                "{text}: {error}"
            );
        }
        let says = Query::parse("cpu >= 8 and").unwrap_err().to_string();
        assert!(says.contains("character 12 on: it breaks off there"), "{says}");
        for text in ["cpu >= 8 and", "cpu >= \"8", "not", "cpu ! 8", "8 > cpu", "a = b c"] {
            assert!(matches!(Query::parse(text), Err(QueryError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn long_and_deep_queries_are_refused() {
        assert_eq!(Query::parse(&"a".repeat(513)), Err(QueryError::TooLong(513)));
        assert_eq!(Query::parse(&"(".repeat(500)), Err(QueryError::TooDeep));
        assert_eq!(Query::parse(&"not ".repeat(100)), Err(QueryError::TooDeep));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_the_parser_panic(text in "[ -~]{0,80}") {
            let parsed = Query::parse(&text);
            if let Ok(query) = parsed {
                // Whatever it says, it is answered.
                std::hint::black_box(query.matches(&document()));
            }
        }
    }
}
