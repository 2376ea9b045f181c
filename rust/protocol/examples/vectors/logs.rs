//! Roots, inclusion and consistency proofs, and what must not verify.

use alloy_primitives::B256;
use fallow_log::{Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion};
use serde_json::{Value, json};

const SIZE: u64 = 21;

fn tree() -> Tree {
    let mut tree = Tree::new();
    for index in 0..SIZE {
        tree.push(leaf_hash(format!("record {index}").as_bytes())).unwrap();
    }
    tree
}

#[derive(Clone)]
struct Inclusion {
    leaf: B256,
    index: u64,
    size: u64,
    path: Vec<B256>,
    root: B256,
}

impl Inclusion {
    fn of(tree: &Tree, index: u64, size: u64) -> Self {
        Self {
            leaf: tree.leaf(index).unwrap(),
            index,
            size,
            path: tree.prove_inclusion(index, size).unwrap(),
            root: tree.root_at(size).unwrap(),
        }
    }

    fn holds(&self) -> bool {
        verify_inclusion(self.leaf, self.index, self.size, &self.path, self.root).is_ok()
    }

    fn row(&self, name: &str) -> Value {
        json!({
            "name": name, "leaf": self.leaf, "index": self.index.to_string(),
            "size": self.size.to_string(), "path": self.path, "root": self.root,
        })
    }
}

#[derive(Clone)]
struct Consistency {
    old_size: u64,
    old_root: B256,
    new_size: u64,
    new_root: B256,
    path: Vec<B256>,
}

impl Consistency {
    fn of(tree: &Tree, old_size: u64, new_size: u64) -> Self {
        Self {
            old_size,
            old_root: tree.root_at(old_size).unwrap(),
            new_size,
            new_root: tree.root_at(new_size).unwrap(),
            path: tree.prove_consistency(old_size, new_size).unwrap(),
        }
    }

    fn holds(&self) -> bool {
        verify_consistency(self.old_size, self.old_root, self.new_size, self.new_root, &self.path)
            .is_ok()
    }

    fn row(&self, name: &str) -> Value {
        json!({
            "name": name, "oldSize": self.old_size.to_string(), "oldRoot": self.old_root,
            "newSize": self.new_size.to_string(), "newRoot": self.new_root, "path": self.path,
        })
    }
}

/// A change that must break a proof.
type Break<T> = (&'static str, fn(&mut T));

fn broken<T: Clone>(
    proof: &T,
    breaks: &[Break<T>],
    holds: fn(&T) -> bool,
    row: fn(&T, &str) -> Value,
) -> Vec<Value> {
    assert!(holds(proof));
    let change = |(name, change): &Break<T>| {
        let mut changed = proof.clone();
        change(&mut changed);
        assert!(!holds(&changed), "{name}");
        row(&changed, name)
    };
    breaks.iter().map(change).collect()
}

const INCLUSION_BREAKS: &[Break<Inclusion>] = &[
    ("wrong index", |proof| proof.index += 1),
    ("index beyond the size", |proof| proof.index = proof.size),
    ("wrong size", |proof| proof.size = 9),
    ("size zero", |proof| proof.size = 0),
    ("sibling missing", |proof| proof.path.truncate(proof.path.len() - 1)),
    ("first sibling missing", |proof| proof.path = proof.path.split_off(1)),
    ("surplus sibling", |proof| proof.path.push(B256::ZERO)),
    ("siblings swapped", |proof| proof.path.swap(0, 1)),
    ("flipped bit in a sibling", |proof| proof.path[1].0[0] ^= 1),
    ("flipped bit in the leaf", |proof| proof.leaf.0[31] ^= 1),
    ("flipped bit in the root", |proof| proof.root.0[0] ^= 0x80),
    ("node offered as a leaf", |proof| {
        proof.leaf = node_hash(&proof.leaf, &proof.path.remove(0));
    }),
];

const CONSISTENCY_BREAKS: &[Break<Consistency>] = &[
    ("old size too large", |proof| proof.old_size += 1),
    ("new size of another shape", |proof| proof.new_size = 16),
    ("sizes swapped", |proof| std::mem::swap(&mut proof.old_size, &mut proof.new_size)),
    ("node missing", |proof| proof.path.truncate(proof.path.len() - 1)),
    ("surplus node", |proof| proof.path.push(B256::ZERO)),
    ("nodes swapped", |proof| proof.path.swap(0, 1)),
    ("flipped bit in a node", |proof| proof.path[0].0[0] ^= 1),
    ("other old root", |proof| proof.old_root.0[0] ^= 1),
    ("other new root", |proof| proof.new_root.0[0] ^= 1),
    ("proof from size zero with nodes", |proof| proof.old_size = 0),
    ("equal sizes with other roots", |proof| {
        proof.old_size = proof.new_size;
        proof.path.clear();
    }),
];

pub(crate) fn log() -> Value {
    let tree = tree();
    let leaves: Vec<_> = (0..SIZE).map(|index| tree.leaf(index)).collect();
    let roots: Vec<_> = (0..=SIZE).map(|size| tree.root_at(size).unwrap()).collect();
    let inclusion: Vec<_> = (1..=SIZE)
        .flat_map(|size| (0..size).map(move |index| (index, size)))
        .filter(|(index, size)| (index * 7 + size) % 5 == 0 || index + 1 == *size)
        .map(|(index, size)| Inclusion::of(&tree, index, size).row("holds"))
        .collect();
    let consistency: Vec<_> = (0..=SIZE)
        .flat_map(|old| (old.max(1)..=SIZE).map(move |new| (old, new)))
        .filter(|(old, new)| (old * 3 + new) % 4 == 0 || old == new)
        .map(|(old, new)| Consistency::of(&tree, old, new).row("holds"))
        .collect();
    json!({
        "leaves": leaves,
        "roots": roots,
        "inclusion": inclusion,
        "consistency": consistency,
        "invalidInclusion": broken(
            &Inclusion::of(&tree, 10, SIZE), INCLUSION_BREAKS, Inclusion::holds, Inclusion::row,
        ),
        "invalidConsistency": broken(
            &Consistency::of(&tree, 13, SIZE), CONSISTENCY_BREAKS, Consistency::holds,
            Consistency::row,
        ),
    })
}
