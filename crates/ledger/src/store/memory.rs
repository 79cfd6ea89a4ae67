//! A store that forgets with the process: for tests, simulations and throw-away networks.

use super::{Change, Column, Store};
use crate::{Hash, error::Result};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Columns in memory.
#[derive(Default)]
pub(crate) struct Memory(RwLock<Tables>);

#[derive(Default)]
struct Tables {
    values: HashMap<(u8, Vec<u8>), Vec<u8>>,
    nodes: HashMap<Hash, (Vec<u8>, u32)>,
}

impl Store for Memory {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(match column {
            Column::Nodes => tables
                .nodes
                .get(&Hash::from_slice(key))
                .map(|(node, _)| node.clone()),
            _ => tables.values.get(&(column as u8, key.to_vec())).cloned(),
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Result<()> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            tables.apply(change);
        }
        Ok(())
    }
}

impl Tables {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(column, key, value) => {
                self.values.insert((column as u8, key), value);
            }
            Change::Delete(column, key) => {
                self.values.remove(&(column as u8, key));
            }
            Change::Retain(hash, node) => {
                self.nodes.entry(hash).or_insert((node, 0)).1 += 1;
            }
            Change::Release(hash) => {
                if let Some((_, owners)) = self.nodes.get_mut(&hash) {
                    *owners -= 1;
                    if *owners == 0 {
                        self.nodes.remove(&hash);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl Memory {
    /// Nodes held and the owners of all of them together.
    pub(crate) fn census(&self) -> (usize, u64) {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let owners = tables.nodes.values().map(|(_, n)| u64::from(*n)).sum();
        (tables.nodes.len(), owners)
    }
}
