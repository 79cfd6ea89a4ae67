//! Joins the authorities' collection of heights' keys with the ledger that wants them.

use consensus::{AuthorityKey, Beacon, Committee};
use ledger::Ledger;
use tracing::warn;

/// An authority's collection of the keys that its ledger wants. Blocks that the ledger builds from now on publish them.
pub fn collect(committee: Committee, key: &AuthorityKey, ledger: &Ledger) -> Beacon {
    // The ledger holds this collection, so the collection must not hold the ledger.
    let reading = ledger.downgrade();
    let wanted = move || {
        let Some(ledger) = reading.upgrade() else {
            return Vec::new();
        };
        ledger.wanted_heights().unwrap_or_else(|reason| {
            warn!(%reason, "cannot read which heights are wanted; sealed weights wait");
            Vec::new()
        })
    };
    let beacon = Beacon::new(committee, key.share.clone(), wanted);
    let known = beacon.clone();
    ledger.take_keys_from(Box::new(move || {
        let keys = known.keys().into_iter();
        keys.map(|(height, key)| (height, key.to_bytes())).collect()
    }));
    beacon
}
