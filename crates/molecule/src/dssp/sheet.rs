//! Bridges, ladders and strands.
//!
//! Two residues `i` and `j`, at least three apart, are a bridge if hydrogen bonds run by one of four patterns (arrow: N–H to
//! C=O):
//!
//! | | |
//! |---|---|
//! | parallel | `i+1 → j` and `j → i−1`, or `j+1 → i` and `i → j−1` |
//! | antiparallel | `i → j` and `j → i`, or `i+1 → j−1` and `j+1 → i−1` |
//!
//! Bridges of one kind in a row are a ladder. Two ladders of one kind are one with a bulge if at most one residue of one
//! strand, and at most four of the other, lie between them.

use super::Chain;
use super::bonds::Bonds;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parallel,
    Antiparallel,
}

/// Bridges in a row: the first and last residue of each strand, and how many bridges.
struct Ladder {
    kind: Kind,
    near: (usize, usize),
    far: (usize, usize),
    bridges: usize,
}

/// Marks the residues of bridges `B` and those of ladders `E`.
pub(super) fn mark(chain: &Chain, bonds: &Bonds, states: &mut [char]) {
    let mut ladders = ladders(chain, bonds);
    ladders.sort_by_key(|ladder| ladder.near.0);
    join(chain, &mut ladders);
    for ladder in &ladders {
        let mark = if ladder.bridges > 1 { 'E' } else { 'B' };
        for (first, last) in [ladder.near, ladder.far] {
            for state in &mut states[first..=last] {
                if *state != 'E' {
                    *state = mark;
                }
            }
        }
    }
}

fn ladders(chain: &Chain, bonds: &Bonds) -> Vec<Ladder> {
    let mut ladders: Vec<Ladder> = Vec::new();
    let length = chain.residues.len();
    for i in 1..length.saturating_sub(4) {
        for j in i + 3..length - 1 {
            let Some(kind) = bridge(chain, bonds, i, j) else {
                continue;
            };
            let grown = ladders
                .iter_mut()
                .find(|ladder| ladder.kind == kind && ladder.is_before(i, j));
            match grown {
                Some(ladder) => ladder.grow(i, j),
                None => ladders.push(Ladder {
                    kind,
                    near: (i, i),
                    far: (j, j),
                    bridges: 1,
                }),
            }
        }
    }
    ladders
}

fn bridge(chain: &Chain, bonds: &Bonds, i: usize, j: usize) -> Option<Kind> {
    if !chain.is_whole(i - 1, i + 1) || !chain.is_whole(j - 1, j + 1) {
        return None;
    }
    let both = |a: (usize, usize), b: (usize, usize)| bonds.has(a.0, a.1) && bonds.has(b.0, b.1);
    if both((i + 1, j), (j, i - 1)) || both((j + 1, i), (i, j - 1)) {
        Some(Kind::Parallel)
    } else if both((i + 1, j - 1), (j + 1, i - 1)) || both((i, j), (j, i)) {
        Some(Kind::Antiparallel)
    } else {
        None
    }
}

impl Ladder {
    /// Whether the bridge of `i` and `j` continues it.
    fn is_before(&self, i: usize, j: usize) -> bool {
        let is_next = match self.kind {
            Kind::Parallel => self.far.1 + 1 == j,
            Kind::Antiparallel => self.far.0 == j + 1,
        };
        self.near.1 + 1 == i && is_next
    }

    fn grow(&mut self, i: usize, j: usize) {
        self.near.1 = i;
        match self.kind {
            Kind::Parallel => self.far.1 = j,
            Kind::Antiparallel => self.far.0 = j,
        }
        self.bridges += 1;
    }

    /// Whether a ladder that begins later is the same one past a bulge.
    fn has_bulge_before(&self, next: &Self, chain: &Chain) -> bool {
        if self.kind != next.kind || next.near.0 <= self.near.1 {
            return false;
        }
        let near = next.near.0 - self.near.1;
        let far = match self.kind {
            Kind::Parallel => next.far.0.checked_sub(self.far.1),
            Kind::Antiparallel => self.far.0.checked_sub(next.far.1),
        };
        let is_narrow = |far: usize| near < 6 && (far < 3 || (far < 6 && near < 3));
        let (first, last) = (self.far.0.min(next.far.0), self.far.1.max(next.far.1));
        far.is_some_and(is_narrow)
            && chain.is_whole(self.near.0, next.near.1)
            && chain.is_whole(first, last)
    }
}

/// Makes one of ladders with a bulge between them.
fn join(chain: &Chain, ladders: &mut Vec<Ladder>) {
    let mut first = 0;
    while first < ladders.len() {
        let mut second = first + 1;
        while second < ladders.len() {
            if ladders[first].has_bulge_before(&ladders[second], chain) {
                let next = ladders.remove(second);
                let ladder = &mut ladders[first];
                ladder.near.1 = next.near.1;
                ladder.far = (ladder.far.0.min(next.far.0), ladder.far.1.max(next.far.1));
                ladder.bridges += next.bridges;
            } else {
                second += 1;
            }
        }
        first += 1;
    }
}
