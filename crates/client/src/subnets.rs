//! Which subnets there are, and what each of them pays for.

use parity_scale_codec::Compact;
use primitives::{AccountId, NetUid, TaskId};
use runtime::Runtime;
use runtime::tasks::Task;
use runtime::views::subnet::DynamicInfo;

use crate::chain::Client;
use crate::error::Error;
use crate::storage::{Item, map};

/// A subnet as a newcomer looks for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its number.
    pub netuid: NetUid,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// The kind of work it pays for; `None` until its owner has named it.
    pub task: Option<TaskId>,
    /// The coldkey that owns it.
    pub owner: AccountId,
    /// Seats taken, miners' and validators'.
    pub neurons: u16,
    /// Blocks from one epoch to the next.
    pub tempo: u16,
    /// Whether it is emitted to: its owner has started it.
    pub started: bool,
}

impl Client {
    /// The task that a subnet pays for; `None` while its owner has named none, and for a subnet that is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`] if what the chain keeps is no task's name, and the errors of any read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn task(&self, netuid: NetUid) -> Result<Option<TaskId>, Error> {
        let state = self.best_state().await?;
        named(state.read(place(netuid)).await?)
    }

    /// Every subnet but root, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// As [`Client::task`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn subnets(&self) -> Result<Vec<Subnet>, Error> {
        let state = self.best_state().await?;
        let function = "SubnetInfoRuntimeApi_get_all_dynamic_info";
        let pools: Vec<Option<DynamicInfo>> = state.call(function, Vec::new()).await?;
        let pools: Vec<DynamicInfo> = pools
            .into_iter()
            .flatten()
            .filter(|pool| pool.netuid.0 != NetUid::ROOT.0)
            .collect();
        let netuids = || pools.iter().map(|pool| pool.netuid.0);
        let tasks: Vec<_> = netuids().map(|netuid| place(NetUid(netuid))).collect();
        let sizes: Vec<_> = netuids()
            .map(map::<pallet_subtensor::SubnetworkN<Runtime>, _, _>)
            .collect();
        let starts: Vec<_> = netuids()
            .map(map::<pallet_subtensor::FirstEmissionBlockNumber<Runtime>, _, _>)
            .collect();
        let (tasks, sizes, starts) = tokio::try_join!(
            state.read_all(&tasks),
            state.read_all(&sizes),
            state.read_all(&starts)
        )?;
        let kept = tasks.into_iter().zip(sizes).zip(starts);
        let subnets = pools.into_iter().zip(kept);
        subnets
            .map(|(pool, ((task, neurons), start))| {
                Ok(Subnet {
                    netuid: NetUid(pool.netuid.0),
                    name: text(&pool.subnet_name),
                    task: named(task)?,
                    owner: AccountId(pool.owner_coldkey.into()),
                    neurons,
                    tempo: pool.tempo.0,
                    started: start.is_some(),
                })
            })
            .collect()
    }
}

/// Where a subnet's task is kept.
fn place(netuid: NetUid) -> Item<Option<Task>> {
    map::<runtime::tasks::TaskOf<Runtime>, _, _>(netuid.0)
}

/// The task in the words of those who do the work.
fn named(task: Option<Task>) -> Result<Option<TaskId>, Error> {
    let Some(task) = task else { return Ok(None) };
    match task.id() {
        Some(id) => Ok(Some(id)),
        None => Err(Error::Undecodable {
            what: "Tasks.TaskOf".into(),
            reason: "it is no task's name".into(),
        }),
    }
}

/// Text as the oldest views carry it.
fn text(bytes: &[Compact<u8>]) -> String {
    let bytes: Vec<u8> = bytes.iter().map(|byte| byte.0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
