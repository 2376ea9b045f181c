//! A client that believes nothing: every answer is compared with `openapi.json`.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openapi.json")).unwrap());

/// The description that the node serves.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// An answer that is as it is described.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, u64) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        (self.status, self.json()["code"].as_u64().unwrap())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Asks one node.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    http: reqwest::Client,
    /// Template, method and status of all answers.
    seen: Mutex<BTreeSet<(String, String, u16)>>,
    schemas: Mutex<BTreeMap<String, Validator>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().build().unwrap();
        Self { address, http, seen: Mutex::default(), schemas: Mutex::default() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call("get", path, headers, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl serde::Serialize) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        self.call("post", path, &[("content-type", "application/json")], Some(body)).await
    }

    /// Asks, and compares the answer with its description.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let answer = self.raw(method, path, headers, body).await;
        let (template, operation) = operation(method, path)
            .unwrap_or_else(|| panic!("`{method} {path}` is not described: {answer:?}"));
        self.compare(&template, operation, &answer, &format!("{method} {path}"));
        self.seen.lock().unwrap().insert((template, method.to_owned(), answer.status));
        answer
    }

    /// Asks only.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let method = method.to_ascii_uppercase().parse().unwrap();
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.unwrap_or_default()).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    fn compare(&self, template: &str, operation: &'static Value, answer: &Answer, what: &str) {
        let described = &operation["responses"][answer.status.to_string()];
        assert!(
            !described.is_null(),
            "{what}: status {} of {template}: {}",
            answer.status,
            answer.text()
        );
        let described = resolved(described);
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let header = resolved(header);
            match answer.header(name) {
                Some(value) => {
                    self.fits(&header["schema"], &scalar(value, &header["schema"]), what)
                }
                None => assert_ne!(header["required"], true, "{what}: {name} is missing"),
            }
        }
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{what}");
        let Some(kinds) = described["content"].as_object() else {
            return assert!(answer.bytes.is_empty(), "{what}: {}", answer.text());
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let content =
            kinds.get(kind).unwrap_or_else(|| panic!("{what}: `{kind}` is not described"));
        if kind.ends_with("json") {
            self.fits(&content["schema"], &answer.json(), what);
        }
    }

    /// Whether a value is what a schema says.
    fn fits(&self, schema: &Value, value: &Value, what: &str) {
        let mut schemas = self.schemas.lock().unwrap();
        let validator = schemas.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = schema.clone();
            whole["components"] = DOCUMENT["components"].clone();
            jsonschema::validator_for(&whole).unwrap()
        });
        let errors: Vec<_> = validator
            .iter_errors(value)
            .map(|error| format!("{} at `{}`", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:#?} in {value}");
    }

    /// Notes that a path was answered well in another way.
    pub(crate) fn answered(&self, method: &str, path: &str) {
        self.seen.lock().unwrap().insert((path.to_owned(), method.to_owned(), 200));
    }

    /// Path and method of everything that was never answered well.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let paths = DOCUMENT["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (path, method))
        });
        let well = |path: &String, method: &String| {
            seen.iter().any(|one| one.0 == *path && one.1 == *method && one.2 < 300)
        };
        let missing = all.filter(|(path, method)| !well(path, method));
        missing.map(|(path, method)| format!("{method} {path}")).collect()
    }
}

fn scalar(text: &str, schema: &Value) -> Value {
    if schema["type"] == "integer" { json!(text.parse::<i64>().unwrap()) } else { json!(text) }
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The operation of a path, with the path as it is described: the one with the fewest parameters.
fn operation(method: &str, path: &str) -> Option<(String, &'static Value)> {
    let path = path.split('?').next().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fitting = paths.iter().filter(|(template, _)| matches(template, path));
    let (template, methods) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    methods.get(method).map(|operation| (template.clone(), operation))
}

fn matches(template: &str, path: &str) -> bool {
    // The path of a tile has slashes of its own.
    if let Some(start) = template.strip_suffix("{path}") {
        let depth = start.matches('/').count();
        let cut = path.match_indices('/').nth(depth - 1).map(|(at, _)| &path[..=at]);
        return cut.is_some_and(|cut| same(start, cut));
    }
    same(template, path)
}

fn same(template: &str, path: &str) -> bool {
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    template.len() == path.len()
        && template.iter().zip(&path).all(|(want, got)| match want.strip_prefix('{') {
            Some(name) => got.ends_with(name.split_once('}').unwrap().1) && !got.is_empty(),
            None => want == got,
        })
}
