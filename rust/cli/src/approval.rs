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
pub(crate) const MISSING: &str = "this resource has an approver: `--approver URL` asks it; or \
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
            .hint("is `--approver` the URL of a `fallow approver`?")),
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
        .hint("is `--approver` the URL of the right approver?"))
}

fn approvals(url: &str) -> Result<Url> {
    let base = url.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/v1/approvals")).ok();
    url.filter(|url| url.scheme() == "http" && url.has_host()).ok_or_else(|| {
        Failure::new("the approver's URL is none that can be asked")
            .hint("an approver's URL looks like `http://127.0.0.1:8640`")
    })
}

async fn exchange(url: &Url, file: &RequestFile) -> Result<(reqwest::StatusCode, Vec<u8>)> {
    let failed = |error: reqwest::Error| {
        Failure::new(format_args!("the approver did not answer: {}", chain(&error.without_url())))
            .hint("is it running? `--approver` names its URL")
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
