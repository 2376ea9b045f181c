//! Every path, asked by its description; the client refuses whatever is not described.

use crate::contract::document;
use crate::people::{HOUR, OFFER, Resource};
use crate::world::World;
use fallow_node_client::types::{
    CalendarAnswer, CheckAnswer, CheckpointAnswer, ConsistencyAnswer, InclusionAnswer, Outcome,
    Outcomes, Page, RecordAnswer, RequestAnswer, ResourceAnswer, SharesAnswer, StatusAnswer,
};
use fallow_protocol::{CheckpointFile, NetworkFile, Set, Ticket};
use futures_util::StreamExt as _;

#[tokio::test]
async fn every_path_is_answered_as_it_is_described() {
    let world = World::start().await;
    about(&world).await;
    let resource = world.resource(1);
    let request = submitted(&world, &resource).await;
    travelling(&world).await;
    listed(&world, &resource, &request).await;
    proven(&world, &request).await;
    withdrawn(&world).await;
    told(&world).await;
    files(&world).await;
    anchored(&world).await;
    assert_eq!(world.client.unasked(), Vec::<String>::new());
}

async fn about(world: &World) {
    let client = &world.client;
    assert_eq!(client.get("/health").await.json()["status"], "ok");
    assert!(client.get("/metrics").await.text().contains("fallow_node_http_requests_total"));
    let document_served = client.get("/openapi.json").await;
    assert_eq!(&document_served.json(), document());
    let network: NetworkFile = client.get("/v1/network").await.read();
    assert_eq!(network, world.devnet.network);
    let set = client.get(&format!("/v1/sets/{}", network.trust.set_hash)).await;
    assert_eq!(Set::decode(&set.bytes).unwrap(), world.devnet.set);
    assert_eq!(client.get(&format!("/v1/sets/{}", network.network_id)).await.problem(), (404, 903));
    let status: StatusAnswer = client.get("/v1/status").await.read();
    assert_eq!(status.network_id, network.network_id.0);
    let tag = document_served.header("etag").unwrap();
    for seen in [tag, "*", &format!("\"a\", W/{tag}")] {
        let again = client.get_with("/openapi.json", &[("if-none-match", seen)]).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{seen}");
    }
}

/// Everything that can be posted, and a request that is recorded in the end.
async fn submitted(world: &World, resource: &Resource) -> fallow_protocol::RequestFile {
    let client = &world.client;
    let unnamed = client.post("/v1/offers", &serde_json::json!({ "region": "nowhere" })).await;
    assert_eq!(unnamed.problem(), (422, 915));
    let first = client.post("/v1/announcements", &resource.announce()).await;
    assert_eq!(first.status, 202);
    let Outcome::Promised { id, promise } = first.read() else { panic!("{first:?}") };
    assert!(promise.verifies(&resource.domain) && id == resource.id().0);
    let json = [("content-type", "application/json; charset=utf-8")];
    let offer = client.call("post", "/v1/offers", &json, Some(OFFER.into())).await;
    assert_eq!(offer.status, 201);
    let hash = offer.json()["hash"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("/v1/offers/{hash}")).await.text(), OFFER);
    let index = world.recorded(resource.id()).await;
    let again = client.post("/v1/announcements", &resource.announce()).await;
    assert_eq!(again.status, 200);
    assert!(matches!(again.read(), Outcome::Recorded { index: at, .. } if at == index));
    let request = resource.request(2, 1, 2, 3);
    let checked: CheckAnswer = client.post("/v1/check", &request).await.ok().read();
    assert!(checked.findings.iter().all(|finding| finding.holds), "{checked:?}");
    let too_much = resource.request(3, 1, 2, 9);
    let checked: CheckAnswer = client.post("/v1/check", &too_much).await.ok().read();
    assert_eq!(checked.findings[4].code, Some(501));
    assert_eq!(client.post("/v1/requests", &request).await.status, 202);
    let refused = client.post("/v1/requests", &too_much).await;
    assert_eq!(refused.problem(), (422, 501));
    let problem: fallow_node_client::types::Problem = refused.read();
    assert!(problem.refusal.unwrap().verifies(&resource.domain));
    let many = [resource.request(2, 2, 3, 1), too_much, request];
    let outcomes: Outcomes = client.post("/v1/requests", &many).await.ok().read();
    assert!(matches!(
        &outcomes.items[..],
        [Outcome::Promised { .. }, Outcome::Refused { problem, .. }, Outcome::Promised { .. }]
            if problem.code == 501
    ));
    let none: Outcomes = client.post("/v1/requests", &[(); 0]).await.ok().read();
    assert_eq!(none.items, []);
    world.recorded(resource.id_of(&request)).await;
    let of_nothing = resource.release(3, &too_much);
    assert_eq!(client.post("/v1/releases", &of_nothing).await.problem(), (422, 916));
    let release = resource.release(2, &many[0]);
    world.recorded(resource.id_of(&many[0])).await;
    assert_eq!(client.post("/v1/releases", &release).await.status, 202);
    world.recorded(release.release.id(&resource.domain)).await;
    request
}

/// An announcement that only travels is recorded by the first request.
async fn travelling(world: &World) {
    let (client, resource) = (&world.client, world.resource(5));
    let taken = client.post("/v1/gossip", &resource.announce()).await;
    assert_eq!(taken.status, 202);
    let known = client.post("/v1/gossip", &resource.announce()).await;
    assert!(known.status == 200 && matches!(known.read(), Outcome::Known { .. }));
    let outcomes = client.post("/v1/gossip", &[world.resource(6).announce()]).await.ok();
    assert_eq!(outcomes.json()["items"][0]["status"], "taken");
    let listed = client.get("/v1/gossip?limit=1").await.json();
    assert_eq!(listed["items"][0]["resourceId"], resource.id().to_string());
    let next = listed["next"].as_str().unwrap();
    let rest = client.get(&format!("/v1/gossip?after={next}")).await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let request = resource.request(7, 1, 1, 1);
    assert_eq!(client.post("/v1/requests", &request).await.status, 202);
    let index = world.recorded(resource.id_of(&request)).await;
    let brought: RecordAnswer = client.get(&format!("/v1/records/{}", index - 1)).await.ok().read();
    assert_eq!(brought.id, Some(resource.id().0));
}

async fn listed(world: &World, resource: &Resource, request: &fallow_protocol::RequestFile) {
    let client = &world.client;
    let (id, start) = (resource.id(), resource.announcement.start_time);
    let one: ResourceAnswer = client.get(&format!("/v1/resources/{id}")).await.ok().read();
    assert_eq!((one.announcement, one.withdrawn), (resource.announcement, false));
    assert_eq!(one.offer.unwrap()["region"], "eu");
    let found = async |query: &str| {
        let page: Page<ResourceAnswer> =
            client.get(&format!("/v1/resources?{query}")).await.ok().read();
        page.items.iter().map(|item| (item.resource_id, item.free)).collect::<Vec<_>>()
    };
    let window = format!("from={}&to={}", start + 2 * HOUR, start + 3 * HOUR);
    let provider = format!("provider={}", resource.announcement.provider);
    assert_eq!(found(&provider).await, [(id.0, None)]);
    assert_eq!(found(&format!("{provider}&region=EU&{window}")).await, [(id.0, Some(5))]);
    assert_eq!(found(&format!("{provider}&volume=6&{window}")).await, []);
    assert_eq!(found(&format!("{provider}&where=gpu%20and%20cpu%20%3E%3D%208")).await.len(), 1);
    assert_eq!(found(&format!("{provider}&where=not%20gpu")).await, []);
    let path = format!("/v1/resources/{id}/calendar");
    let calendar: CalendarAnswer =
        client.get(&format!("{path}?from={start}&to={}", start + 4 * HOUR)).await.ok().read();
    assert_eq!((calendar.first_slot, calendar.used), (0, vec![0, 0, 3, 0]));
    let whole: CalendarAnswer = client.get(&path).await.ok().read();
    assert!(whole.used.len() >= 47);
    let own = resource.id_of(request);
    let answer: RequestAnswer = client.get(&format!("/v1/requests/{own}")).await.ok().read();
    assert_eq!((answer.request, answer.release), (request.request, None));
    let requester = request.request.requester;
    let page: Page<RequestAnswer> =
        client.get(&format!("/v1/requests?requester={requester}&limit=1")).await.ok().read();
    assert_eq!(page.items[0].request_id, own);
    let next = page.next.unwrap();
    let path = format!("/v1/requests?requester={requester}&after={next}");
    let rest: Page<RequestAnswer> = client.get(&path).await.ok().read();
    let released = rest.items[0].release.unwrap();
    assert_eq!((rest.items.len(), released.release.request_id.0), (1, rest.items[0].request_id));
    let of: Page<RequestAnswer> =
        client.get(&format!("/v1/requests?resource={id}")).await.ok().read();
    assert_eq!(of.items.len(), 2);
    let mut after = String::new();
    let mut records: Vec<RecordAnswer> = Vec::new();
    loop {
        let page: Page<RecordAnswer> =
            client.get(&format!("/v1/records?limit=2{after}")).await.ok().read();
        records.extend(page.items);
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert!(records.iter().map(|record| record.index).eq(0..records.len() as u64));
    assert_eq!(records[0].kind, "genesis");
}

async fn proven(world: &World, request: &fallow_protocol::RequestFile) {
    let client = &world.client;
    let id = request.request.id(&world.shared.domain);
    let ticket_path = format!("/v1/tickets/{id}");
    world.until("certified", &ticket_path, |_| true).await;
    let json = client.get(&ticket_path).await.ok();
    let ticket: Ticket = json.read();
    let accept = [("accept", "application/octet-stream")];
    let binary = client.get_with(&ticket_path, &accept).await.ok();
    assert_eq!(Ticket::decode(&binary.bytes).unwrap(), ticket);
    assert_ne!(json.header("etag"), binary.header("etag"));
    let (digest, size) = (ticket.checkpoint.digest(), ticket.checkpoint.size);
    assert!(ticket.certificate.verify(&world.devnet.set, digest).is_ok());
    let index = ticket.record.index;
    let path = format!("/v1/proofs/inclusion?index={index}&size={size}");
    let inclusion: InclusionAnswer = client.get(&path).await.ok().read();
    assert_eq!((&inclusion.path, inclusion.root), (&ticket.path, ticket.checkpoint.root));
    let whole: InclusionAnswer =
        client.get(&format!("/v1/proofs/inclusion?index={index}")).await.ok().read();
    assert_eq!(whole.leaf, fallow_log::leaf_hash(&ticket.record.encode()));
    let path = format!("/v1/proofs/consistency?from={size}");
    let consistency: ConsistencyAnswer = client.get(&path).await.ok().read();
    assert_eq!(consistency.from_root, ticket.checkpoint.root);
    let latest: CheckpointAnswer = client.get("/v1/checkpoints/latest").await.ok().read();
    assert!(latest.certificate.is_some());
    let block = ticket.checkpoint.block_number;
    let path = format!("{ticket_path}?checkpoint={}", latest.checkpoint.block_number);
    let under: Ticket = client.get(&path).await.ok().read();
    assert_eq!(under.checkpoint, latest.checkpoint);
    let one: CheckpointAnswer = client.get(&format!("/v1/checkpoints/{block}")).await.ok().read();
    assert_eq!(one.checkpoint, ticket.checkpoint);
    let shares: SharesAnswer =
        client.get(&format!("/v1/checkpoints/{block}/shares")).await.ok().read();
    assert_eq!((shares.weight, shares.total, shares.members.len()), (1, 1, 1));
    let page: Page<CheckpointAnswer> =
        client.get("/v1/checkpoints?certified=true&limit=1").await.ok().read();
    let next = page.next.unwrap();
    let older: Page<CheckpointAnswer> =
        client.get(&format!("/v1/checkpoints?after={next}")).await.ok().read();
    assert!(older.items[0].checkpoint.block_number < page.items[0].checkpoint.block_number);
}

async fn withdrawn(world: &World) {
    let (client, resource) = (&world.client, world.resource(8));
    let unknown = client.post("/v1/withdrawals", &resource.withdraw()).await;
    assert_eq!(unknown.problem(), (422, 915));
    assert_eq!(client.post("/v1/announcements", &resource.announce()).await.status, 202);
    let withdrawal = resource.withdraw();
    assert_eq!(client.post("/v1/withdrawals", &withdrawal).await.status, 202);
    world.recorded(withdrawal.withdrawal.id(&resource.domain)).await;
    let one: ResourceAnswer =
        client.get(&format!("/v1/resources/{}", resource.id())).await.ok().read();
    assert!(one.withdrawn);
    let late = client.post("/v1/requests", &resource.request(9, 1, 1, 1)).await;
    assert_eq!(late.problem(), (422, 203));
}

/// The stream of events, as far as it is finite: records that are there, then a new one.
async fn told(world: &World) {
    let url = format!("http://{}/v1/events", world.address);
    let request = reqwest::Client::new().get(&url).header("last-event-id", "0");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    let size = world.shared.store.size().unwrap();
    let last = format!("id: {}\n", size - 1);
    let next = format!("event: record\nid: {size}\n");
    let read = async {
        let mut is_posted = false;
        while !(text.contains(&next) && text.contains("event: checkpoint\n")) {
            text += std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap();
            if !is_posted && text.contains(&last) {
                is_posted = true;
                let resource = world.resource(10);
                world.client.post("/v1/announcements", &resource.announce()).await.ok();
            }
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, read).await.unwrap();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok());
    assert!(ids.eq(1..=size), "each once, in order: {text}");
    let bad = world.client.get("/v1/events?after=18446744073709551615").await;
    assert_eq!(bad.problem(), (400, 902));
    // What never ends cannot be asked by the client that compares.
    world.client.answered("get", "/v1/events");
}

async fn files(world: &World) {
    let client = &world.client;
    let file: NetworkFile = client.get("/network.json").await.ok().read();
    assert_eq!(file, world.devnet.network);
    let set = client.get(&format!("/{}", file.set_file_name())).await.ok();
    assert_eq!(set.header("cache-control"), Some("public, max-age=31536000, immutable"));
    world.until("published", "/checkpoint", |_| true).await;
    let checkpoint: CheckpointFile = client.get("/checkpoint").await.ok().read();
    let width = checkpoint.checkpoint.size;
    let tile = client.get(&format!("/tile/0/000.p/{width}")).await.ok();
    assert_eq!(tile.bytes.len() as u64, 32 * width);
    assert_eq!(tile.header("cache-control"), Some("no-cache"), "it is partial");
    let bundle = client.get(&format!("/tile/entries/000.p/{width}")).await.ok();
    let entries = fallow_protocol::decode_bundle(&bundle.bytes, width as u16).unwrap();
    assert_eq!(entries.len() as u64, width);
}

async fn anchored(world: &World) {
    let record =
        world.until("anchored", "/v1/records/1", |record| record["level"]["name"] != "recorded");
    let record: RecordAnswer = serde_json::from_value(record.await).unwrap();
    assert!(record.level.confirmations.unwrap() >= 1 && record.level.checkpoint.is_some());
}
