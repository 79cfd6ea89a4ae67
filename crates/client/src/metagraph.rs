//! Who is on a subnet, where they listen and how they fare, all read at one block.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use parity_scale_codec::{Compact, Encode};
use primitives::{AccountId, NetUid, Rao, Uid};
use runtime::Hash;
use runtime::views::metagraph::Metagraph as View;

use crate::chain::Client;
use crate::error::Error;

/// A subnet's seats at one block, in the order of their uids.
#[derive(Clone, Debug, PartialEq)]
pub struct Metagraph {
    /// Which subnet.
    pub netuid: NetUid,
    /// Height at which this was read.
    pub block: u32,
    /// Hash of that block.
    pub hash: Hash,
    /// Blocks from one epoch to the next.
    pub tempo: u16,
    /// Every seat; `neurons[i].uid == i`.
    pub neurons: Vec<Neuron>,
}

/// One seat on a subnet and whoever holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron {
    /// The seat's number.
    pub uid: Uid,
    /// Key that works.
    pub hotkey: AccountId,
    /// Key that owns the hotkey.
    pub coldkey: AccountId,
    /// Where the hotkey answers, if it has published an address.
    pub axon: Option<SocketAddr>,
    /// Stake that counts on this subnet, in rao: its alpha, and its share of root stake.
    pub stake: Rao,
    /// True if the chain counts its weights.
    pub validator_permit: bool,
    /// True if it has set weights recently enough.
    pub active: bool,
    /// Share of the miners' emission in the last epoch, of 65535.
    pub incentive: u16,
    /// Share of the validators' emission in the last epoch, of 65535.
    pub dividends: u16,
    /// The level that validators agreed on for it in the last epoch, of 65535.
    pub consensus: u16,
    /// Alpha earned in the last epoch, in rao.
    pub emission: Rao,
    /// Block at which it last set weights.
    pub last_update: u64,
    /// Block at which it took the seat.
    pub registered_at: u64,
}

impl Metagraph {
    /// The seat of a hotkey.
    pub fn seat(&self, hotkey: &AccountId) -> Option<&Neuron> {
        self.neurons.iter().find(|neuron| neuron.hotkey == *hotkey)
    }

    /// The seats that have published an address.
    pub fn reachable(&self) -> impl Iterator<Item = (&Neuron, SocketAddr)> {
        self.neurons
            .iter()
            .filter_map(|neuron| Some((neuron, neuron.axon?)))
    }
}

impl Client {
    /// Reads a subnet's seats as they are after the newest block.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] if there is no such subnet, and the errors of any read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn metagraph(&self, netuid: NetUid) -> Result<Metagraph, Error> {
        let head = self.best().await?;
        self.metagraph_at(netuid, head.hash).await
    }

    /// Reads a subnet's seats as they are after the block `hash`.
    ///
    /// # Errors
    ///
    /// As [`Client::metagraph`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn metagraph_at(&self, netuid: NetUid, hash: Hash) -> Result<Metagraph, Error> {
        let function = "SubnetInfoRuntimeApi_get_metagraph";
        let view: Option<View> = self.state(hash).call(function, netuid.0.encode()).await?;
        let view = view.ok_or_else(|| Error::Absent {
            what: format!("subnet {netuid}"),
        })?;
        Ok(Metagraph::of(view, netuid, hash))
    }
}

impl Metagraph {
    /// Turns the chain's columns into seats.
    fn of(view: View, netuid: NetUid, hash: Hash) -> Self {
        let neurons = (0..view.hotkeys.len()).map(|at| Neuron {
            uid: Uid(at as u16),
            hotkey: AccountId(view.hotkeys[at].clone().into()),
            coldkey: AccountId(view.coldkeys.get(at).cloned().map_or([0; 32], Into::into)),
            axon: view
                .axons
                .get(at)
                .and_then(|axon| socket(axon.ip, axon.port, axon.ip_type)),
            stake: Rao(number(&view.total_stake, at)),
            validator_permit: view.validator_permit.get(at).copied().unwrap_or(false),
            active: view.active.get(at).copied().unwrap_or(false),
            incentive: number(&view.incentives, at),
            dividends: number(&view.dividends, at),
            consensus: number(&view.consensus, at),
            emission: Rao(number(&view.emission, at)),
            last_update: number(&view.last_update, at),
            registered_at: number(&view.block_at_registration, at),
        });
        let neurons = neurons.collect();
        Self {
            netuid,
            block: view.block.0 as u32,
            hash,
            tempo: view.tempo.0,
            neurons,
        }
    }
}

/// The entry of a column, or nothing where the column is shorter than the subnet.
fn number<T: Copy + Default>(column: &[Compact<T>], at: usize) -> T {
    column.get(at).map_or_else(T::default, |entry| entry.0)
}

/// An address as the chain keeps it; `None` for an unset or impossible one.
pub(crate) fn socket(ip: u128, port: u16, ip_type: u8) -> Option<SocketAddr> {
    let ip = match ip_type {
        4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(ip).ok()?)),
        6 => IpAddr::V6(Ipv6Addr::from(ip)),
        _ => return None,
    };
    (port != 0 && !ip.is_unspecified()).then_some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_published() {
        let local = socket(0x7f00_0001, 9101, 4);
        assert_eq!(local, Some(([127, 0, 0, 1], 9101).into()));
        assert_eq!(socket(1, 80, 6), Some((Ipv6Addr::LOCALHOST, 80).into()));
    }

    #[test]
    fn an_unset_or_impossible_address_is_none() {
        assert_eq!(socket(0, 80, 4), None);
        assert_eq!(socket(0x7f00_0001, 0, 4), None);
        assert_eq!(socket(u128::MAX, 80, 4), None);
        assert_eq!(socket(1, 80, 5), None);
    }
}
