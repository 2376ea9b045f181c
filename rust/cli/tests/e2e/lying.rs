//! A proxy in front of a real node alters each kind of answer: the command names each lie, ends
//! with 1, and keeps the evidence.

use crate::node::{Ran, Served};
use crate::server::{Asked, Reply, Server};
use fallow_protocol::{Certificate, Checkpoint};
use serde_json::Value;
use std::sync::{Arc, Mutex};

type Alter = Arc<Mutex<Box<dyn Fn(&Asked, &mut Reply) + Send>>>;

/// A node that lies as it is told to.
struct Liar {
    served: Served,
    proxy: Server,
    alter: Alter,
}

impl Liar {
    async fn start() -> Self {
        let served = Served::start().await;
        let alter: Alter = Arc::new(Mutex::new(Box::new(|_, _| {})));
        let altering = Arc::clone(&alter);
        let proxy = Server::proxy(&served.url, move |asked, reply| {
            let alter = altering.lock().unwrap();
            (*alter)(asked, reply);
        })
        .await;
        Self { served, proxy, alter }
    }

    /// Runs the command through answers that are altered.
    async fn told(
        &self,
        args: &[&str],
        alter: impl Fn(&Asked, &mut Reply) + Send + 'static,
    ) -> Ran {
        *self.alter.lock().unwrap() = Box::new(alter);
        self.served.run_beside(&self.proxy.url, args).await
    }

    /// The command says that the node is not to be believed, and why.
    async fn caught(
        &self,
        lie: &str,
        args: &[&str],
        alter: impl Fn(&Asked, &mut Reply) + Send + 'static,
    ) {
        let ran = self.told(args, alter).await;
        assert_eq!(ran.code, 1, "{lie}: {ran:?}");
        let said = format!("error: the node is not to be believed: {lie}: ");
        assert!(ran.stderr.contains(&said), "{lie}: {ran:?}");
        assert_eq!(ran.stdout, "", "{lie}: nothing of it is shown");
        let (_, path) = ran.stderr.split_once("kept in `").unwrap();
        let path = path.split('`').next().unwrap();
        let kept: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(kept["lie"], lie);
    }
}

/// Alters the JSON at paths that begin so.
fn at(
    path: &'static str,
    alter: impl Fn(&mut Value) + Send + 'static,
) -> impl Fn(&Asked, &mut Reply) + Send + 'static {
    move |asked, reply| {
        let Reply::Whole { body, .. } = reply else { return };
        if asked.path.starts_with(path) {
            let mut value: Value = serde_json::from_slice(body).unwrap();
            alter(&mut value);
            *body = serde_json::to_vec(&value).unwrap();
        }
    }
}

/// Answers at paths that begin so with something else.
fn instead(path: &'static str, reply: Reply) -> impl Fn(&Asked, &mut Reply) + Send + 'static {
    move |asked, altered| {
        if asked.path.starts_with(path) {
            *altered = reply.clone();
        }
    }
}

/// Flips the lowest bit of bytes in hex.
fn flip(value: &mut Value) {
    let mut text = value.as_str().unwrap().to_owned();
    let last = u8::from_str_radix(&text.split_off(text.len() - 2), 16).unwrap() ^ 1;
    *value = format!("{text}{last:02x}").into();
}

#[tokio::test]
async fn each_lie_is_caught_by_its_name() {
    let liar = Liar::start().await;
    let served = &liar.served;
    let resource = served.announce();
    let first = served.request(&resource, "+2h");
    let last = served.request(&resource, "+3h");
    served.certified(&last).await;
    let older = reqwest::get(format!("{}/v1/checkpoints/latest", served.url)).await.unwrap();
    let older = older.bytes().await.unwrap().to_vec();
    let list = ["requests"];
    let honest = liar.told(&list, |_, _| {}).await;
    assert!(honest.stdout.contains(&first), "{honest:?}");

    records(&liar, &list).await;
    checkpoints(&liar, &list).await;
    messages(&liar, &resource).await;

    liar.caught(
        "TicketInvalid",
        &["ticket", &first, "--out", "t.ticket"],
        at("/v1/tickets", |ticket| flip(&mut ticket["evidence"])),
    )
    .await;
    liar.caught(
        "OfferMismatch",
        &["offer", "publish", "offer.json"],
        at("/v1/offers", |answer| flip(&mut answer["hash"])),
    )
    .await;

    let third = served.request(&resource, "+4h");
    served.certified(&third).await;
    liar.caught("Forgets", &list, instead("/v1/checkpoints/latest", Reply::new(200, older))).await;
    fork(&liar, &list).await;
    ill(&liar, &list).await;
}

/// The validators sign a second log, and a node shows it: this machine has seen the first.
async fn fork(liar: &Liar, list: &[&str]) {
    let latest = format!("{}/v1/checkpoints/latest", liar.served.url);
    let answer = reqwest::get(latest).await.unwrap().bytes().await.unwrap();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    let mut checkpoint: Checkpoint = serde_json::from_value(answer["checkpoint"].clone()).unwrap();
    checkpoint.block_number += 1_000;
    checkpoint.root = alloy_primitives::B256::repeat_byte(9);
    let devnet = &liar.served.net.devnet;
    let digest = checkpoint.digest();
    let shares = devnet.validators.iter().map(|validator| {
        let position = devnet.set.position(validator.account.address()).unwrap();
        (position, validator.key.sign(digest))
    });
    let certificate = Certificate::aggregate(&devnet.set, &shares.collect()).unwrap();
    answer["checkpoint"] = serde_json::to_value(checkpoint).unwrap();
    answer["certificate"] =
        format!("0x{}", alloy_primitives::hex::encode(certificate.encode())).into();
    let forked = Reply::new(200, answer.to_string());
    liar.caught("TwoHistories", list, instead("/v1/checkpoints/latest", forked)).await;
    let honest = liar.told(list, |_, _| {}).await;
    assert_eq!(honest.code, 0, "what was seen before stands: {honest:?}");
}

async fn records(liar: &Liar, list: &[&str]) {
    // The requests of the list are records 2 and 3, both certified.
    const RECORD: &str = "/v1/records/2";
    liar.caught("EvidenceMismatch", list, at(RECORD, |a| flip(&mut a["record"]))).await;
    liar.caught("EvidenceMismatch", list, at(RECORD, |a| flip(&mut a["evidence"]))).await;
    liar.caught("IdMismatch", list, at(RECORD, |a| flip(&mut a["id"]))).await;
    liar.caught(
        "LevelUnfounded",
        list,
        at(RECORD, |a| {
            a["level"] = serde_json::json!({ "name": "settled", "confirmations": 1 });
        }),
    )
    .await;
    let proof = at("/v1/proofs/inclusion", |a| flip(&mut a["path"][0]));
    liar.caught("NotIncluded", list, proof).await;
    let gone = || instead(RECORD, problem(404, 903, "NotFound"));
    liar.caught("Withheld", list, gone()).await;
    let withheld =
        || at("/v1/requests", |page| drop(page["items"].as_array_mut().unwrap().remove(0)));
    liar.caught("Withheld", &["requests", "--complete"], withheld()).await;
    let fields = at("/v1/requests", |page| page["items"][0]["request"]["volume"] = 5.into());
    liar.caught("FieldMismatch", list, fields).await;
    let fields = at("/v1/resources", |page| page["items"][0]["announcement"]["volume"] = 9.into());
    liar.caught("FieldMismatch", &["resources"], fields).await;
}

async fn checkpoints(liar: &Liar, list: &[&str]) {
    const LATEST: &str = "/v1/checkpoints/latest";
    let root = at(LATEST, |a| flip(&mut a["checkpoint"]["root"]));
    liar.caught("NotCertified", list, root).await;
    liar.caught("NotCertified", list, at(LATEST, |a| flip(&mut a["certificate"]))).await;
    let none = at(LATEST, |a| a["certificate"] = Value::Null);
    liar.caught("CertificateMissing", list, none).await;
    let other = at("/v1/status", |a| flip(&mut a["networkId"]));
    liar.caught("NetworkMismatch", &["status"], other).await;
    // A whole other network behind the same address.
    let devnet = &liar.served.net.devnet;
    let mut part = devnet.network.network.clone();
    part.random = alloy_primitives::B256::repeat_byte(9);
    let file = fallow_protocol::NetworkFile::new(part, devnet.network.trust);
    let file = Reply::new(200, serde_json::to_vec(&file).unwrap());
    liar.caught("NetworkMismatch", list, instead("/v1/network", file)).await;
}

async fn messages(liar: &Liar, resource: &str) {
    let args = ["request", "--resource", resource, "--volume", "1", "--key", "requester"];
    let ask = |start| [&args[..], &["--start", start]].concat();
    let by_time = at("/v1/requests", |answer| {
        if answer["promise"].is_object() {
            flip(&mut answer["promise"]["signature"]);
        }
    });
    liar.caught("PromiseSignature", &ask("+5h"), by_time).await;
    let args = ["request", "--resource", resource, "--volume", "9", "--key", "requester"];
    let too_much = [&args[..], &["--start", "+6h"]].concat();
    let other = at("/v1/requests", |a| {
        if a["code"].is_number() {
            a["got"] = "7".into();
        }
    });
    liar.caught("RefusalMismatch", &too_much, other).await;
    let unsigned = at("/v1/requests", |a| {
        a.as_object_mut().unwrap().remove("refusal");
    });
    liar.caught("RefusalUnsigned", &too_much, unsigned).await;
}

/// What is no lie, but no answer either, ends with 2.
async fn ill(liar: &Liar, list: &[&str]) {
    for (reply, said) in [
        (Reply::new(200, "<html>"), "is not what a node answers there"),
        (Reply::Slow, "is not there after"),
        (Reply::Endless, "as no answer of its kind has"),
        (Reply::new(500, "oh"), "HTTP status 500"),
    ] {
        let ran = liar.told(list, instead("/v1/status", reply)).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

fn problem(status: u16, code: u16, title: &str) -> Reply {
    let body = serde_json::json!({
        "type": format!("urn:fallow:code:{code}"),
        "title": title,
        "status": status,
        "detail": "",
        "code": code,
    });
    Reply::new(status, body.to_string())
}
