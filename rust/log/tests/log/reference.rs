//! The referees.

use std::{cell::RefCell, collections::HashMap, ops::Range};

use alloy_primitives::{B256, keccak256};
use fallow_log::Tree;
use rs_merkle::Hasher;

/// The definitions of RFC 9162 section 2.1, word for word. Roots are remembered by range, which
/// changes how long it takes and nothing else.
pub(crate) struct Reference {
    leaves: Vec<B256>,
    roots: RefCell<HashMap<Range<usize>, B256>>,
}

impl Reference {
    pub(crate) fn new(leaves: Vec<B256>) -> Self {
        Self { leaves, roots: RefCell::default() }
    }

    pub(crate) fn root(&self, size: usize) -> B256 {
        self.mth(0..size)
    }

    /// `PATH(m, D_n)`, section 2.1.3.1.
    pub(crate) fn inclusion(&self, index: usize, size: usize) -> Vec<B256> {
        self.path(index, 0..size)
    }

    /// `PROOF(m, D_n)`, section 2.1.4.1, which leaves m = 0 and m = n open: nothing to prove.
    pub(crate) fn consistency(&self, old: usize, new: usize) -> Vec<B256> {
        if old == 0 {
            return Vec::new();
        }
        self.subproof(old, 0..new, true)
    }

    /// `MTH(D[range])`, section 2.1.1.
    fn mth(&self, range: Range<usize>) -> B256 {
        if let Some(root) = self.roots.borrow().get(&range) {
            return *root;
        }
        let root = match range.len() {
            0 => keccak256([]),
            1 => self.leaves[range.start],
            n => {
                let k = range.start + split(n);
                let (left, right) = (self.mth(range.start..k), self.mth(k..range.end));
                keccak256([&[1], left.as_slice(), right.as_slice()].concat())
            }
        };
        self.roots.borrow_mut().insert(range, root);
        root
    }

    fn path(&self, m: usize, range: Range<usize>) -> Vec<B256> {
        if range.len() == 1 {
            return Vec::new();
        }
        let k = split(range.len());
        let middle = range.start + k;
        if m < k {
            let mut path = self.path(m, range.start..middle);
            path.push(self.mth(middle..range.end));
            path
        } else {
            let mut path = self.path(m - k, middle..range.end);
            path.push(self.mth(range.start..middle));
            path
        }
    }

    fn subproof(&self, m: usize, range: Range<usize>, whole: bool) -> Vec<B256> {
        if m == range.len() {
            return if whole { Vec::new() } else { vec![self.mth(range)] };
        }
        let k = split(range.len());
        let middle = range.start + k;
        if m <= k {
            let mut path = self.subproof(m, range.start..middle, whole);
            path.push(self.mth(middle..range.end));
            path
        } else {
            let mut path = self.subproof(m - k, middle..range.end, false);
            path.push(self.mth(range.start..middle));
            path
        }
    }
}

/// The largest power of two smaller than n.
pub(crate) fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// `rs_merkle` with our node hash; it promotes lone nodes of its own accord.
#[derive(Clone)]
pub(crate) struct Prefixed;

impl Hasher for Prefixed {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> Self::Hash {
        keccak256(data).0
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        match right {
            Some(right) => Self::hash(&[&[1], &left[..], &right[..]].concat()),
            None => *left,
        }
    }
}

pub(crate) type Referee = rs_merkle::MerkleTree<Prefixed>;

pub(crate) fn referee(leaves: &[B256]) -> Referee {
    Referee::from_leaves(&leaves.iter().map(|leaf| leaf.0).collect::<Vec<_>>())
}

pub(crate) fn referee_path(referee: &Referee, index: usize) -> Vec<B256> {
    let proof = referee.proof(&[index]);
    proof.proof_hashes().iter().map(B256::from).collect()
}

/// Distinct leaves, the same each time.
pub(crate) fn leaves(count: usize) -> Vec<B256> {
    (0..count as u64).map(|index| fallow_log::leaf_hash(&index.to_be_bytes())).collect()
}

pub(crate) fn tree(leaves: &[B256]) -> Tree {
    let mut tree = Tree::new();
    for (index, leaf) in leaves.iter().enumerate() {
        assert_eq!(tree.push(*leaf), Ok(index as u64));
    }
    tree
}
