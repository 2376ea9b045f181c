//! Proofs from tiles are those of the tree, and sources that lie about a tile's width are caught.

use std::{cell::RefCell, collections::HashMap, fmt::Debug};

use alloy_primitives::{B256, keccak256};
use fallow_log::{
    LogError, MAX_SIZE, TILE_LEVELS, TILE_WIDTH, TileEdge, TileError, TileId, TileLengthError,
    TileSource, TiledLog, Tree, encode_tile, leaf_hash, needed_tiles, verify_inclusion,
};
use proptest::prelude::*;

use crate::reference::{leaves, tree};

/// Tiles as a folder would have them, by name, and which ones were read.
#[derive(Default)]
struct Folder {
    files: HashMap<String, Vec<u8>>,
    reads: RefCell<Vec<TileId>>,
}

#[derive(Debug, PartialEq, Eq)]
enum FolderError {
    Missing,
    Length(TileLengthError),
}

impl Folder {
    fn write(&mut self, tiles: Vec<(TileId, Vec<B256>)>) {
        for (id, hashes) in tiles {
            self.files.insert(id.path(), encode_tile(&hashes));
        }
    }

    /// The folder of a log with exactly the files that it needs.
    fn of(edge: &mut TileEdge) -> Self {
        let mut folder = Self::default();
        folder.write(edge.drain_full());
        folder.write(edge.partials());
        folder
    }
}

impl TileSource for Folder {
    type Error = FolderError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, FolderError> {
        self.reads.borrow_mut().push(id);
        let file = self.files.get(&id.path()).ok_or(FolderError::Missing)?;
        id.decode(file).map_err(FolderError::Length)
    }
}

fn edge(leaves: &[B256]) -> TileEdge {
    let mut edge = TileEdge::new();
    for (index, leaf) in (0..).zip(leaves) {
        assert_eq!(edge.push(*leaf), Ok(index));
    }
    edge
}

/// Sizes where tiles and levels begin and end.
const EDGES: [u64; 12] = [1, 2, 3, 128, 254, 255, 256, 257, 511, 512, 513, 700];

#[test]
fn every_proof_equals_that_of_the_tree_where_tiles_begin_and_end() {
    let leaves = leaves(700);
    for size in EDGES {
        let some = &leaves[..usize::try_from(size).unwrap()];
        let (tree, folder) = (tree(some), Folder::of(&mut edge(some)));
        let log = TiledLog::new(size, folder);
        for earlier in EDGES.into_iter().filter(|earlier| *earlier <= size) {
            assert_eq!(log.root_at(earlier).unwrap(), tree.root_at(earlier).unwrap());
            assert_eq!(
                log.prove_consistency(earlier, size).unwrap(),
                tree.prove_consistency(earlier, size).unwrap(),
            );
            for index in EDGES.into_iter().map(|edge| edge - 1).filter(|index| *index < earlier) {
                assert_eq!(
                    log.prove_inclusion(index, earlier).unwrap(),
                    tree.prove_inclusion(index, earlier).unwrap(),
                    "leaf {index} of {earlier} of {size}",
                );
                assert_eq!(log.leaf(index).unwrap(), tree.leaf(index).unwrap());
            }
        }
    }
}

/// One large log for the tests that need the third level.
fn large() -> &'static (Tree, Vec<B256>) {
    static LARGE: std::sync::OnceLock<(Tree, Vec<B256>)> = std::sync::OnceLock::new();
    LARGE.get_or_init(|| {
        let leaves = leaves(66_100);
        (tree(&leaves), leaves)
    })
}

#[test]
fn the_edge_resumes_from_its_partial_tiles_at_any_size() {
    let (tree, leaves) = large();
    for size in [0, 1, 255, 256, 257, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, 66_000] {
        let mut resumed = TileEdge::resume(size, tree).unwrap();
        assert_eq!((resumed.size(), resumed.root()), (size, tree.root_at(size).unwrap()));
        for leaf in &leaves[usize::try_from(size).unwrap()..] {
            resumed.push(*leaf).unwrap();
        }
        assert_eq!(resumed.root(), tree.root(), "from {size}");
        assert_eq!(resumed.partials(), TileEdge::resume(tree.size(), tree).unwrap().partials());
        for (id, hashes) in resumed.drain_full() {
            assert!(id.is_full());
            assert_eq!(hashes, tree.tile(id).unwrap(), "{}", id.path());
        }
        assert_eq!(resumed.drain_full(), [], "each is given once");
    }
}

#[test]
fn every_tile_of_a_large_log_is_written_once() {
    let (tree, leaves) = large();
    let mut edge = edge(leaves);
    let mut written: Vec<TileId> = edge.drain_full().into_iter().map(|(id, _)| id).collect();
    written.extend(edge.partials().into_iter().map(|(id, _)| id));
    written.sort_unstable();
    let all = (0..TILE_LEVELS).flat_map(|level| TileId::of_level(level, tree.size()));
    assert_eq!(written, all.collect::<Vec<_>>());
}

#[test]
fn an_answer_reads_one_tile_of_a_level_and_the_last_ones_each_once() {
    let (_, leaves) = large();
    for size in [65_535, 65_536, 65_537, 66_049, 66_100] {
        let mut edge = edge(&leaves[..usize::try_from(size).unwrap()]);
        let root = edge.root();
        let log = TiledLog::new(size, Folder::of(&mut edge));
        for index in [0, 255, 256, 40_000, size - 1] {
            let asked =
                needed_tiles(size, |log| log.prove_inclusion(index, size).map(|_| ())).unwrap();
            let path = log.prove_inclusion(index, size).unwrap();
            let leaf = leaves[usize::try_from(index).unwrap()];
            verify_inclusion(leaf, index, size, &path, root).unwrap();
            assert!(asked.len() <= 6, "{asked:?}");
            for level in 0..TILE_LEVELS {
                let of_level: Vec<_> = asked.iter().filter(|id| id.level == level).collect();
                assert!(of_level.len() <= 2, "{of_level:?}");
                assert!(of_level.iter().filter(|id| !id.is_full()).count() <= 1, "{of_level:?}");
            }
        }
    }
}

#[test]
fn a_reader_fetches_only_what_it_said_that_it_needs() {
    let (_, leaves) = large();
    let size = 66_100;
    let folder = Folder::of(&mut edge(leaves));
    let log = TiledLog::new(size, &folder);
    let needed = needed_tiles(size, |log| log.prove_consistency(300, 66_050).map(|_| ())).unwrap();
    log.prove_consistency(300, 66_050).unwrap();
    let mut reads = folder.reads.take();
    reads.sort_unstable();
    assert_eq!(reads, needed, "each once");
}

#[test]
fn what_the_log_does_not_have_is_refused_without_reading() {
    let folder = Folder::default();
    let log = TiledLog::new(300, &folder);
    let size = LogError::SizeOutOfRange { size: 301, max: 300 };
    assert_eq!(log.root_at(301), Err(TileError::Log(size)));
    assert_eq!(log.prove_inclusion(0, 301), Err(TileError::Log(size)));
    assert_eq!(log.prove_consistency(1, 301), Err(TileError::Log(size)));
    let index = LogError::IndexOutOfRange { index: 300, size: 300 };
    assert_eq!(log.leaf(300), Err(TileError::Log(index)));
    assert_eq!(log.prove_inclusion(300, 300), Err(TileError::Log(index)));
    let shrinks = LogError::SizeShrinks { old: 7, new: 6 };
    assert_eq!(log.prove_consistency(7, 6), Err(TileError::Log(shrinks)));
    let beyond = LogError::SizeOutOfRange { size: MAX_SIZE + 1, max: MAX_SIZE };
    assert_eq!(TileEdge::resume(MAX_SIZE + 1, &folder), Err(TileError::Log(beyond)));
    assert_eq!(log.prove_consistency(0, 300), Ok(vec![]), "nothing to show");
    assert_eq!(log.prove_consistency(300, 300), Ok(vec![]), "nothing to show");
    assert_eq!(folder.reads.take(), []);
}

#[test]
fn a_file_of_another_length_than_its_name_says_is_refused() {
    let id = TileId { level: 0, index: 0, width: 3 };
    let file = encode_tile(&leaves(3));
    assert_eq!(id.decode(&file), Ok(leaves(3)));
    for length in [0, 1, 31, 32, 64, 95, 97, 128, 8192] {
        let mut other = file.clone();
        other.resize(length, 0);
        assert_eq!(id.decode(&other), Err(TileLengthError { id, got: length }));
    }
}

/// Gives every tile with some other number of hashes.
struct WrongWidth<'a>(&'a Tree, usize);

impl TileSource for WrongWidth<'_> {
    type Error = LogError;

    fn tile(&self, id: TileId) -> Result<Vec<B256>, LogError> {
        let mut hashes = self.0.tile(id)?;
        hashes.resize(self.1, B256::ZERO);
        Ok(hashes)
    }
}

fn names_the_width<T: Debug, E: Debug>(answer: Result<T, TileError<E>>, want: usize) {
    assert!(
        matches!(answer, Err(TileError::Width { got, .. }) if got == want),
        "{answer:?} with {want} hashes"
    );
}

#[test]
fn short_and_surplus_tiles_are_refused_wherever_they_are_read() {
    let tree = tree(&leaves(300));
    for width in [0, 1, 43, 45, 255, 257, 1000] {
        let log = TiledLog::new(300, WrongWidth(&tree, width));
        names_the_width(log.root_at(300), width);
        names_the_width(log.leaf(299), width);
        names_the_width(log.prove_inclusion(10, 300), width);
        names_the_width(log.prove_consistency(257, 300), width);
        if width != 1 {
            // The partial tile of level 1 has one hash.
            names_the_width(TileEdge::resume(300, WrongWidth(&tree, width)), width);
        }
    }
}

#[test]
fn a_tile_that_is_not_there_is_named_with_the_reason() {
    let mut folder = Folder::of(&mut edge(&leaves(300)));
    let id = TileId { level: 0, index: 1, width: 44 };
    let file = folder.files.remove(&id.path()).unwrap();
    let missing = TileError::Source { id, source: FolderError::Missing };
    assert_eq!(TiledLog::new(300, &folder).root_at(300), Err(missing));
    folder.files.insert(id.path(), file[..100].to_vec());
    let source = FolderError::Length(TileLengthError { id, got: 100 });
    assert_eq!(TileEdge::resume(300, &folder), Err(TileError::Source { id, source }));
}

#[test]
fn a_changed_hash_shows_in_the_root() {
    let tree = tree(&leaves(66_100));
    for path in ["tile/0/258.p/52", "tile/1/001.p/2", "tile/2/000.p/1"] {
        let mut folder = Folder::of(&mut edge(&large().1));
        *folder.files.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        let log = TiledLog::new(66_100, &folder);
        assert_ne!(log.root_at(66_100).unwrap(), tree.root(), "{path}");
        assert_ne!(TileEdge::resume(66_100, &folder).unwrap().root(), tree.root(), "{path}");
    }
}

#[test]
fn the_tree_gives_no_tile_that_it_does_not_have() {
    let tree = tree(&leaves(300));
    for (level, index, width) in [
        (0, 1, 45),
        (0, 2, 1),
        (1, 0, 2),
        (2, 0, 1),
        (8, 0, 1),
        (u8::MAX, 0, 1),
        (0, u64::MAX, 1),
        (7, u64::MAX, TILE_WIDTH),
    ] {
        let id = TileId { level, index, width };
        assert!(tree.tile(id).is_err(), "{id:?}");
    }
}

#[test]
fn a_full_edge_takes_no_leaf_and_stays_as_it_was() {
    struct Same;
    impl TileSource for Same {
        type Error = ();
        fn tile(&self, id: TileId) -> Result<Vec<B256>, ()> {
            Ok(vec![B256::repeat_byte(7); id.width.into()])
        }
    }
    let mut edge = TileEdge::resume(MAX_SIZE, Same).unwrap();
    let before = edge.clone();
    assert_eq!(edge.push(leaf_hash(b"one more")), Err(LogError::Full));
    assert_eq!(edge, before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_of_any_size_equal_those_of_the_tree(
        sizes in [0..66_100_u64, 0..66_100, 1..66_100],
        index in any::<prop::sample::Index>(),
    ) {
        let [mut old, mut new, mut size] = sizes;
        if old > new { std::mem::swap(&mut old, &mut new); }
        if new > size { std::mem::swap(&mut new, &mut size); }
        if old > new { std::mem::swap(&mut old, &mut new); }
        let (tree, _) = large();
        let log = TiledLog::new(size, tree);
        prop_assert_eq!(log.root_at(new).unwrap(), tree.root_at(new).unwrap());
        prop_assert_eq!(
            log.prove_consistency(old, new).unwrap(),
            tree.prove_consistency(old, new).unwrap()
        );
        if new > 0 {
            let index = index.index(usize::try_from(new).unwrap()) as u64;
            prop_assert_eq!(
                log.prove_inclusion(index, new).unwrap(),
                tree.prove_inclusion(index, new).unwrap()
            );
        }
    }

    #[test]
    fn an_edge_fed_in_parts_is_one_fed_at_once(parts in prop::collection::vec(0..400_u64, 1..6)) {
        let (mut once, mut resumed, mut tree) = (TileEdge::new(), TileEdge::new(), Tree::new());
        for part in parts {
            for _ in 0..part {
                let leaf = keccak256(tree.size().to_be_bytes());
                for edge in [&mut once, &mut resumed] {
                    edge.push(leaf).unwrap();
                }
                tree.push(leaf).unwrap();
            }
            prop_assert_eq!(resumed.root(), tree.root());
            resumed = TileEdge::resume(tree.size(), &tree).unwrap();
        }
        once.drain_full();
        prop_assert_eq!(once, resumed);
    }
}
