//! `fallow resources` and `requests` through a node: the same tables, from records that were
//! verified one by one.

use super::session;
use crate::anchored::Anchorings;
use crate::args::read::{Requests, Resources};
use crate::book::Book;
use crate::chain::{client, failure};
use crate::commands::requests::{self, LevelShown};
use crate::commands::resources;
use crate::error::{ExitStatus, Failure, Result};
use crate::printer::Printer;
use fallow_chain::Recorded;
use fallow_node_client::types::LevelName;
use fallow_node_client::{
    AllocationSeen, AnchoredLog, Completeness, Lie, Proven, RequestQuery, ResourceQuery, Standing,
    VerifiedNode, level_name,
};
use fallow_protocol::{Entry, NetworkFile};
use std::collections::BTreeMap;

/// Each one's calendar is computed here from its allocations.
const MOST_RESOURCES: usize = 100;

pub(crate) async fn resources(
    args: &Resources,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let list = &args.list;
    let me = list.mine.address()?.or(list.filter.of);
    let node = session::open(url, &list.through, &list.network.network, None).await?;
    let query = ResourceQuery {
        provider: list.filter.of,
        terms: args.terms.clone(),
        region: args.region.clone(),
        ..ResourceQuery::default()
    };
    let found = node.resources(&query, MOST_RESOURCES).await.map_err(session::failure)?;
    if found.is_cut {
        printer.note("the list is cut: there are more than are shown")?;
        printer.hint("`--where`, `--region` and `--of` narrow it down")?;
    }
    let found = found.items;
    let mut records: BTreeMap<u64, Recorded> = BTreeMap::new();
    for resource in &found {
        note(&mut records, &resource.proven);
        let query =
            RequestQuery { requester: None, resource: Some(resource.answer.resource_id.into()) };
        for allocation in allocations(&node, query, Completeness::OneRequester, printer).await? {
            note(&mut records, &allocation.proven);
            if let Some((_, release)) = &allocation.release {
                note(&mut records, release);
            }
        }
    }
    let records: Vec<_> = records.into_values().collect();
    let mut book = Book::read(&records, me)?;
    for resource in found.iter().filter(|resource| resource.answer.withdrawn) {
        book.withdrawn_by_word(resource.answer.resource_id.into());
    }
    let status = resources::show(args, &book, printer)?;
    told(&node, printer)?;
    Ok(status)
}

pub(crate) async fn requests(
    args: &Requests,
    url: &str,
    printer: &mut Printer,
) -> Result<ExitStatus> {
    let list = &args.list;
    let me = list.mine.address()?.or(list.filter.of);
    let mut node = session::open(url, &list.through, &list.network.network, None).await?;
    let anchorings = match &args.mainnet.mainnet {
        Some(url) => Some(compared(&mut node, url).await?),
        None => None,
    };
    let query = RequestQuery { requester: list.filter.of, resource: args.resource };
    let completeness = match args.complete {
        true => Completeness::Chains,
        false => Completeness::OneRequester,
    };
    let found = allocations(&node, query, completeness, printer).await?;
    let mut records = BTreeMap::new();
    let mut levels = BTreeMap::new();
    for allocation in &found {
        note(&mut records, &allocation.proven);
        if let Some((_, release)) = &allocation.release {
            note(&mut records, release);
        }
        let level = level(&node, &allocation.proven, anchorings.as_ref())?;
        levels.insert(allocation.proven.index(), level);
    }
    let records: Vec<_> = records.into_values().collect();
    let book = Book::read(&records, me)?;
    let level = |index| levels.get(&index).cloned().unwrap_or_else(unknown);
    let status = requests::show(args, me, &book, &level, printer)?;
    told(&node, printer)?;
    Ok(status)
}

/// Every allocation in the book has been noted with its level.
fn unknown() -> LevelShown {
    LevelShown {
        name: level_name(LevelName::Recorded),
        confirmations: None,
        text: "recorded".to_owned(),
        standing: None,
    }
}

async fn allocations(
    node: &VerifiedNode,
    query: RequestQuery,
    completeness: Completeness,
    printer: &mut Printer,
) -> Result<Vec<AllocationSeen>> {
    let found = node.allocations(query, completeness).await.map_err(session::failure)?;
    if found.is_cut {
        printer.note("the list is cut: there are more than are shown")?;
    }
    Ok(found.items)
}

fn note(records: &mut BTreeMap<u64, Recorded>, found: &Proven) {
    let (index, block) = (found.index(), found.block);
    let entry = Entry {
        record: found.answer.record.to_vec(),
        evidence: found.answer.evidence.to_vec(),
        announcement: found.sound.announcement,
    };
    let id = found.sound.id.unwrap_or_default();
    records.insert(index, Recorded { index, entry, id, block });
}

/// What was verified of a level: against mainnet, where somebody asked it.
fn level(
    node: &VerifiedNode,
    found: &Proven,
    anchorings: Option<&Anchorings>,
) -> Result<LevelShown> {
    let standing = match found.standing {
        Standing::Certified { .. } => "certified",
        Standing::NodesWord => "nodesWord",
    };
    let Some(anchorings) = anchorings else {
        return Ok(LevelShown {
            name: level_name(found.level.name),
            confirmations: found.level.confirmations.map(u64::from),
            text: found.level_text(),
            standing: Some(standing),
        });
    };
    let index = found.index();
    if found.level.name != LevelName::Recorded && anchorings.first_above(index).is_none() {
        let level = level_name(found.level.name);
        let why = "mainnet has no checkpoint above it";
        let error = node.refute(Lie::LevelUnfounded { index, level, why }, &found.answer);
        return Err(session::failure(error));
    }
    let mut shown = LevelShown::from(anchorings.level(index));
    if found.standing == Standing::NodesWord {
        shown.text = found.level_text();
    }
    shown.standing = Some(standing);
    Ok(shown)
}

/// Reads mainnet's anchor and compares the node's history with the newest checkpoint there.
pub(super) async fn compared(node: &mut VerifiedNode, url: &str) -> Result<Anchorings> {
    let file: NetworkFile = node.network().clone();
    let mainnet = client("mainnet", url)?;
    let of_mainnet = |error| failure("mainnet", &error);
    let chain = &file.network.anchor_chain;
    mainnet.check_chain_id(chain.chain_id).await.map_err(of_mainnet)?;
    let got = mainnet.code_hash(chain.anchor).await.map_err(of_mainnet)?;
    let want = file.network.code_hashes.anchor;
    if got != want {
        let what = format!("mainnet: the anchor's code has hash {got}, not {want}");
        return Err(Failure::new(what)
            .hint("the node shows another network than the network file; use its own file"));
    }
    let anchorings = Anchorings::read(&file, &mainnet).await?;
    if let Some(newest) = anchorings.all.last() {
        // What is on mainnet was certified before; the node may have learned of it just now.
        node.refresh().await.map_err(session::failure)?;
        let log =
            AnchoredLog { block: newest.sidechain_block, size: newest.size, root: newest.root };
        node.compare_anchor(&log).await.map_err(session::failure)?;
    }
    Ok(anchorings)
}

/// Against what all of it was verified.
fn told(node: &VerifiedNode, printer: &mut Printer) -> Result<()> {
    match node.head() {
        Some(head) => printer.note(format_args!(
            "verified against the certified checkpoint of block {}, {} records",
            head.checkpoint.block_number, head.checkpoint.size
        )),
        None => printer
            .note("nothing is certified yet: signatures are verified, the rest is the node's word"),
    }
}
