//! The static files from a server: one that has only files, and ones that misbehave.

use crate::world::World;
use fallow_audit::{AuditError, Expected, Files, Flaw, Server, SourceError, certified_by};
use fallow_node_client::{ClientError, Limits, NodeClient};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// What is answered at a path: bytes, or none for 404.
type Answer = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Answers until the test's process ends.
fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || respond(&stream.unwrap(), &answer));
        }
    });
    url
}

fn respond(stream: &TcpStream, answer: &Answer) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap();
    let (status, body) = match answer(&path[1..]) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let mut stream = stream;
    // The client may have gone away: that is what some tests are about.
    if stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body).is_ok() {
        stream.flush().unwrap();
    }
}

fn folder(dir: PathBuf) -> Answer {
    Arc::new(move |path| std::fs::read(dir.join(path)).ok())
}

fn files(runtime: &Runtime, url: &str) -> (NodeClient, Files<Server>) {
    let limits = Limits { timeout: Duration::from_secs(20), retries: 0, ..Limits::default() };
    let client = NodeClient::new(url, limits).unwrap();
    (client.clone(), Files::new(Server::new(client, runtime.handle().clone())))
}

#[test]
fn any_server_that_has_the_files_will_do() {
    let (world, runtime) = (World::honest(), Runtime::new().unwrap());
    let written = world.write();
    let url = serve(folder(written.path().to_owned()));
    let (client, files) = files(&runtime, &url);
    assert_eq!(runtime.block_on(certified_by(&client)).unwrap(), [], "no node");
    let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ()).unwrap();
    assert!(report.is_honest(), "{:?}", report.flaw);
    assert_eq!((report.size, report.root), (700, Some(written.checkpoint.root)));
}

#[test]
fn a_server_without_a_bundle_withholds_it() {
    let (world, runtime) = (World::honest(), Runtime::new().unwrap());
    let written = world.write();
    std::fs::remove_file(written.path().join("tile/entries/002.p/188")).unwrap();
    let url = serve(folder(written.path().to_owned()));
    let (_, files) = files(&runtime, &url);
    let report = world.audit().run(&files, None, &Expected::default(), &mut |_| ()).unwrap();
    let want = Flaw::Withheld { index: 512, path: "tile/entries/002.p/188".into() };
    assert_eq!(report.flaw.unwrap().0, want);
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let (world, runtime) = (World::honest(), Runtime::new().unwrap());
    let written = world.write();
    let honest = folder(written.path().to_owned());
    let url = serve(Arc::new(move |path| match path {
        "tile/0/000" => Some(vec![0; 50 << 20]),
        path => honest(path),
    }));
    let (_, files) = files(&runtime, &url);
    let error = world.audit().run(&files, None, &Expected::default(), &mut |_| ()).unwrap_err();
    let AuditError::Source(SourceError::Server(error)) = error else { panic!("{error}") };
    assert!(matches!(error, ClientError::TooLong { .. }), "{error}");
}

#[test]
fn a_node_that_repeats_its_checkpoints_does_not_keep_us() {
    let (world, runtime) = (World::honest(), Runtime::new().unwrap());
    let checkpoint = world.checkpoint();
    let certificate = world.network.certify(&checkpoint).encode();
    let page = serde_json::json!({
        "items": [{
            "checkpoint": checkpoint,
            "certificate": alloy_primitives::Bytes::from(certificate),
        }],
        "next": "1", "size": "700",
    });
    let url = serve(Arc::new(move |path| {
        (path == "v1/checkpoints").then(|| page.to_string().into_bytes())
    }));
    let (client, _) = files(&runtime, &url);
    let certified = runtime.block_on(certified_by(&client)).unwrap();
    assert_eq!(certified.len(), 1);
    assert_eq!(certified[0].checkpoint, checkpoint);
}
