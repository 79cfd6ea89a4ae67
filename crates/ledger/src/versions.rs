//! Stops where the rules of another version begin.
//!
//! A program has the rules of one version of the runtime ([`runtime::versions`]). A state says which version the block
//! after it needs; on a state that needs another, nothing is built and nothing executed, so that no node goes on by rules
//! that the others have left behind.

use crate::error::{Error, Result};
use crate::state::Backend;
use crate::{BlockNumber, Ledger};
use parity_scale_codec::Decode as _;
use sp_state_machine::Backend as _;

impl Ledger {
    /// Checks that this program can execute the block after the last finalized one.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`] when the chain has moved to another version of the runtime.
    pub fn ensure_known_version(&self) -> Result<()> {
        let tip = self.finalized();
        let number = tip.number + 1;
        let (nodes, root) = self.ground(&tip.hash, number)?;
        ensure_known(&self.view(&nodes, root), number)
    }
}

/// Checks that this program can execute a block of height `number` on a state.
pub(crate) fn ensure_known(state: &Backend, number: BlockNumber) -> Result<()> {
    let what = "version of the runtime";
    let stored = state
        .storage(&runtime::versions::active_key())
        .map_err(|_| Error::Corrupt { what })?;
    // A chain that began before versions were on chain goes on with any program.
    let Some(bytes) = stored else {
        return Ok(());
    };
    let needed = u32::decode(&mut &bytes[..]).map_err(|_| Error::Corrupt { what })?;
    if runtime::versions::is_known(needed) {
        return Ok(());
    }
    Err(Error::UnknownVersion {
        number,
        needed,
        known: runtime::VERSION.spec_version,
    })
}
