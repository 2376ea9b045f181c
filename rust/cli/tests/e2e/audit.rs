//! The same history audited from the sidechain itself, from a node, and from the files that the node
//! leaves behind, each with mainnet beside it.

use crate::network::{Net, until};
use serde_json::Value;
use std::net::TcpListener;

/// The report of an audit, once there is a verdict, with its exit code.
fn audit(net: &Net, url: &str, args: &[&str]) -> Option<(i32, Value)> {
    let mainnet = net.devnet.mainnet.url();
    let all = [&["audit", "--json", "--mainnet", mainnet], args].concat();
    let output = net.command(url, &all).output().unwrap();
    let code = output.status.code().unwrap();
    (code < 2).then(|| (code, serde_json::from_slice(&output.stdout).unwrap()))
}

fn number(report: &Value, field: &str) -> u64 {
    report[field].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_history_is_honest_from_wherever_it_is_read() {
    let mut net = Net::start().await;
    let _validators = net.validators(3);
    let _relayer = net.relayer("relayer");
    // Nobody else takes the port in so short a time.
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{listen}");
    let _node = net.node(&listen);
    net.allocate().await;
    let size = net.allocate().await;
    net.anchored(size).await;

    let sidechain = net.devnet.sidechain.url();
    let chain = ["--sidechain", sidechain, "--finality", "latest"];
    let (code, report) = audit(&net, &url, &chain).unwrap();
    assert_eq!((code, &report["verdict"]), (0, &"honest".into()), "{report}");
    assert!(number(&report, "size") >= size, "{report}");
    assert!(number(&report, "checkpoints") >= 1 && number(&report, "anchored") >= 1, "{report}");

    let report = until("the node has certified files", async || {
        let (code, report) = audit(&net, &url, &[])?;
        assert_eq!((code, &report["verdict"]), (0, &"honest".into()), "{report}");
        (number(&report, "size") >= size && number(&report, "anchored") >= 1).then_some(report)
    })
    .await;
    assert!(number(&report, "checkpoints") >= 1, "{report}");

    let tiles = net.path("node").join("tiles").display().to_string();
    let (code, report) = audit(&net, &url, &["--tiles", &tiles]).unwrap();
    assert_eq!((code, &report["verdict"]), (0, &"honest".into()), "{report}");
    assert!(number(&report, "size") >= size, "{report}");
}
