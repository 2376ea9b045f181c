//! Asking an approver (`docs/approver.md`): a signed request goes there, its co-signature comes
//! back. What comes back is a stranger's: it is bounded, and its signature is checked.

use crate::error::{Context, Failure, Result, chain};
use crate::refused::{Checked, Refused};
use alloy::transports::http::reqwest::{self, Url};
use alloy_primitives::{Address, B256, U256};
use fallow_protocol::{
    ApprovalFile, Code, FILE_MAX_BYTES, NetworkFile, Refusal, RequestFile, Unit, read_json,
};
use serde::Deserialize;
use std::time::Duration;

/// An approver writes to its disk and answers; longer than this, nobody is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether only the approver's signature is missing.
pub(crate) fn is_missing(refusal: &Refusal) -> bool {
    refusal.code == Code::SignatureCountInvalid && refusal.got < refusal.want
}

/// What to do about a missing approval.
pub(crate) const MISSING: &str = "this resource has an approver: `--approver-url URL` asks it; or \
    write the request with `--sign-only --out FILE`, have it approved, and send it with `--approval`";

/// Has a request approved by the approver at `url`, and adds the approval to it.
pub(crate) async fn ask(
    url: &str,
    mut file: RequestFile,
    network: &NetworkFile,
) -> Result<Checked<RequestFile>> {
    let (status, body) = exchange(&approvals(url)?, &file).await?;
    if status == reqwest::StatusCode::OK {
        let approval: ApprovalFile =
            read_json(&body).context("the approver's answer is no approval")?;
        verify(&approval, &file, network)?;
        file.approval = Some(approval.signature);
        return Ok(Ok(file));
    }
    match refusal(&body) {
        Some(refusal) => Ok(Err(Box::new(Refused::from(refusal)))),
        None => Err(Failure::new(format_args!("the approver answered with HTTP status {status}"))
            .hint(next(status))),
    }
}

/// What to do about an answer that says neither yes nor no.
fn next(status: reqwest::StatusCode) -> &'static str {
    match status {
        reqwest::StatusCode::TOO_MANY_REQUESTS => "it takes only so many a second: try again soon",
        _ if status.is_server_error() => "whoever runs it has to look; try again later",
        _ => "is `--approver-url` the URL of a `fallow approver`?",
    }
}

/// An approval of this very request, signed by whoever it says.
fn verify(approval: &ApprovalFile, file: &RequestFile, network: &NetworkFile) -> Result<()> {
    let id = file.request.id(&network.domain());
    let signer = approval.signature.recover_or_zero(id.0);
    if approval.network_id == network.network_id
        && approval.request_id == id
        && approval.approver == signer
        && !signer.is_zero()
    {
        return Ok(());
    }
    Err(Failure::new("the approver's answer does not approve this request")
        .hint("is `--approver-url` the URL of the right approver?"))
}

fn approvals(url: &str) -> Result<Url> {
    let none = || {
        Failure::new("the approver's URL is none that can be asked")
            .hint("an approver's URL looks like `http://127.0.0.1:8640`")
    };
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "http" && url.has_host());
    let mut url = url.ok_or_else(none)?;
    url.path_segments_mut().map_err(|()| none())?.pop_if_empty().extend(["v1", "approvals"]);
    Ok(url)
}

async fn exchange(url: &Url, file: &RequestFile) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    let failed = |error: reqwest::Error| {
        Failure::new(format_args!("the approver did not answer: {}", chain(&error.without_url())))
            .hint("is it running? `--approver-url` names it")
    };
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(failed)?;
    let mut response = client.post(url.clone()).json(file).send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        if body.len().saturating_add(part.len()) > FILE_MAX_BYTES {
            return Err(Failure::new("the approver's answer is too long"));
        }
        body.extend_from_slice(&part);
    }
    Ok((response.status(), body))
}

/// A refusal as an approver answers it. Only code and values are taken: the words are ours.
#[derive(Deserialize)]
struct RefusalJson {
    code: u16,
    got: String,
    want: String,
}

fn refusal(body: &[u8]) -> Option<Refusal> {
    let RefusalJson { code, got, want } = serde_json::from_slice(body).ok()?;
    let code = Code::from_number(code)?;
    let [(got_unit, _), (want_unit, _)] = code.labels();
    Some(Refusal { code, got: word(got_unit, &got)?, want: word(want_unit, &want)? })
}

fn word(unit: Unit, text: &str) -> Option<U256> {
    match unit {
        Unit::Number | Unit::Time => U256::from_str_radix(text, 10).ok(),
        Unit::Address => text.parse::<Address>().ok().map(|address| address.into_word().into()),
        Unit::Hash => text.parse::<B256>().ok().map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use fallow_protocol::{
        AnchorChain, CodeHashes, FILE_VERSION, NetworkPart, Parameters, Request, RequestId,
        ResourceId, SecretKey, SetHash, Sidechain, Trust,
    };
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn network() -> NetworkFile {
        let sidechain =
            Sidechain { chain_id: 1, registry: Address::ZERO, bulletin: Address::ZERO, block: 1 };
        let part = NetworkPart {
            sidechain,
            anchor_chain: AnchorChain { chain_id: 2, anchor: Address::ZERO, block: 1 },
            random: B256::ZERO,
            parameters: Parameters {
                checkpoint_interval: 1,
                heartbeat: 1,
                challenge_period: 60,
                query_deadline: 60,
                ring_size: 64,
                writers: Vec::new(),
            },
            code_hashes: CodeHashes {
                registry: B256::ZERO,
                bulletin: B256::ZERO,
                anchor: B256::ZERO,
            },
        };
        let trust = Trust { era: 0, set_number: 1, set_hash: SetHash::ZERO, checkpoint: None };
        NetworkFile::new(part, trust)
    }

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes([seed; 32]).unwrap()
    }

    fn signed(network: &NetworkFile) -> RequestFile {
        let request = Request {
            resource_id: ResourceId::repeat_byte(1),
            requester: key(7).address(),
            volume: 1,
            start_time: 1,
            end_time: 2,
            timestamp: 1,
            sequence: 1,
        };
        let signature = key(7).sign(request.id(&network.domain()).0);
        let network_id = network.network_id;
        RequestFile { version: FILE_VERSION, network_id, request, signature, approval: None }
    }

    fn approval(network: &NetworkFile) -> ApprovalFile {
        let request_id = signed(network).request.id(&network.domain());
        ApprovalFile {
            version: FILE_VERSION,
            network_id: network.network_id,
            request_id,
            approver: key(9).address(),
            signature: key(9).sign(request_id.0),
        }
    }

    /// What becomes of a request when the approver answers with these bytes.
    async fn asked(answer: &[u8]) -> Result<Checked<RequestFile>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let network = network();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            assert!(request.starts_with(b"POST /v1/approvals HTTP/1.1\r\n"));
            // Whoever has heard enough hangs up.
            if let Err(error) = stream.write_all(answer).await {
                assert_ne!(error.kind(), std::io::ErrorKind::NotConnected);
            }
        };
        tokio::join!(ask(&url, signed(&network), &network), serve).0
    }

    fn http(status: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    }

    async fn asked_json(approval: &ApprovalFile) -> Result<Checked<RequestFile>> {
        asked(&http("200 OK", &serde_json::to_string(approval).unwrap())).await
    }

    #[tokio::test]
    async fn an_approval_is_added_to_the_request() {
        let approval = approval(&network());
        let file = asked_json(&approval).await.unwrap().unwrap();
        assert_eq!(file, RequestFile { approval: Some(approval.signature), ..signed(&network()) });
    }

    #[tokio::test]
    async fn what_approves_something_else_is_not_added() {
        let good = approval(&network());
        for other in [
            ApprovalFile { network_id: fallow_protocol::NetworkId::ZERO, ..good },
            ApprovalFile { request_id: RequestId::ZERO, ..good },
            ApprovalFile { approver: key(8).address(), ..good },
            ApprovalFile { signature: key(8).sign(good.request_id.0), ..good },
            ApprovalFile { approver: Address::ZERO, signature: [0; 64].into(), ..good },
        ] {
            let failure = asked_json(&other).await.unwrap_err();
            assert!(failure.what().contains("does not approve this request"), "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_our_words() {
        let body = r#"{"code":802,"name":"x","message":"\u001b[31m","got":"2","want":"1"}"#;
        let refused = asked(&http("403 Forbidden", body)).await.unwrap().unwrap_err();
        let refusal = Refusal::new(Code::AllowanceExceeded, 2_u64, 1_u64);
        assert_eq!(*refused, Refused::from(refusal));
    }

    #[tokio::test]
    async fn other_answers_add_nothing() {
        let good = serde_json::to_string(&approval(&network())).unwrap();
        let long = " ".repeat(FILE_MAX_BYTES + 1);
        let elsewhere =
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n".to_vec();
        for (answer, part) in [
            (http("200 OK", "{}"), "is no approval"),
            (http("200 OK", &format!("{good}{long}")), "too long"),
            (http("201 Created", &good), "HTTP status 201"),
            (http("429 Too Many Requests", "slow down"), "HTTP status 429"),
            (elsewhere, "HTTP status 307"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_vec(), "did not answer"),
            (b"\x15\x03\x01".to_vec(), "did not answer"),
        ] {
            let failure = asked(&answer).await.unwrap_err();
            assert!(failure.what().contains(part), "{part}: {failure}");
        }
    }

    #[tokio::test]
    async fn an_approver_that_is_busy_or_ill_is_told_from_a_wrong_url() {
        for (status, part) in [
            ("429 Too Many Requests", "try again soon"),
            ("500 Internal Server Error", "whoever runs it"),
            ("404 Not Found", "is `--approver-url` the URL"),
        ] {
            let failure = asked(&http(status, "")).await.unwrap_err();
            assert!(failure.hint_line().unwrap().contains(part), "{status}: {failure}");
        }
    }

    #[test]
    fn a_refusal_is_read_as_it_was_written() {
        let address = Address::repeat_byte(7);
        for refusal in [
            Refusal::new(Code::AllowanceExceeded, 3_u16, 2_u64),
            Refusal::new(Code::RequesterNotAllowed, address, 0_u64),
            Refusal::new(Code::ResourceNotApproved, B256::repeat_byte(8), 0_u64),
            Refusal::new(Code::TimestampOutsideDrift, u64::MAX, 5_u64),
        ] {
            let body = serde_json::to_vec(&refusal).unwrap();
            assert_eq!(super::refusal(&body), Some(refusal));
        }
    }

    #[test]
    fn other_answers_are_no_refusals() {
        for body in [
            "",
            "null",
            "{}",
            r#"{"code":null,"name":"NotFound","message":"","got":null,"want":null}"#,
            r#"{"code":999,"got":"1","want":"1"}"#,
            r#"{"code":802,"got":"-1","want":"1"}"#,
            r#"{"code":802,"got":"0x10","want":"1"}"#,
            r#"{"code":801,"got":"7","want":"0"}"#,
        ] {
            assert_eq!(refusal(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_url_is_a_folder_of_http() {
        for (url, asked) in [
            ("http://127.0.0.1:8640", "http://127.0.0.1:8640/v1/approvals"),
            ("http://lab.example/approver/", "http://lab.example/approver/v1/approvals"),
        ] {
            assert_eq!(approvals(url).unwrap().as_str(), asked);
        }
        for url in ["", "lab.example", "file:///etc", "ftp://lab.example", "http://"] {
            assert!(approvals(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_a_missing_second_signature_is_a_missing_approval() {
        let count = |got: u64, want: u64| Refusal::new(Code::SignatureCountInvalid, got, want);
        assert!(is_missing(&count(1, 2)));
        assert!(!is_missing(&count(2, 1)), "one too many");
        assert!(!is_missing(&Refusal::new(Code::ApproverSignatureInvalid, 1_u64, 2_u64)));
    }
}
