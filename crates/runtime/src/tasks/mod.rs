//! Which kind of work each subnet pays for.
//!
//! A subnet is a market for one kind of work. Its owner names the kind, `image-classification` in version 1 say, and every
//! daemon reads the name when it joins: a miner learns what it will be asked, a validator what it has to judge, a gateway
//! which form a customer's request must have. The chain keeps the name and knows nothing of the work itself.
//!
//! # The rule
//!
//! * A subnet has one task, or none until its owner has set one. Root, subnet 0, has no miners and never a task.
//! * A name is 1 to [`NAME_BYTES_MAX`] bytes of `a` to `z`, `0` to `9` and `-`: it appears in addresses and in file names.
//! * The subnet's owner or the chain's root key may set it, at any time, to anything else. Daemons that run then notice
//!   and end, for they would do the wrong work.
//!
//! # Not here
//!
//! What a task is: its requests, answers and judges are programs (the crate `tasks`). Whether anybody has such a program
//! is no concern of the chain. When a subnet is dissolved, its task goes with it.

pub use pallet::*;

use frame_support::{BoundedVec, pallet_prelude::*, traits::ConstU32};
use primitives::{TASK_NAME_BYTES_MAX, TaskId};

/// Most bytes of a task's name.
pub const NAME_BYTES_MAX: u32 = TASK_NAME_BYTES_MAX as u32;

/// A task's name as it is kept.
pub type Name = BoundedVec<u8, ConstU32<NAME_BYTES_MAX>>;

/// The kind of work that a subnet pays for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Task {
    /// What it is called, in ASCII.
    pub name: Name,
    /// Which form of its requests and answers.
    pub version: u16,
}

impl Task {
    /// The same in the words of those who do the work; `None` if the state was made by other rules than these.
    pub fn id(&self) -> Option<TaskId> {
        let name = std::str::from_utf8(&self.name).ok()?;
        TaskId::new(name, self.version).ok()
    }
}

/// What this pallet asks of whoever keeps the subnets.
pub trait Subnets<AccountId> {
    /// Whether a market can be held on `netuid`: it exists and is not root.
    fn is_market(netuid: u16) -> bool;

    /// The coldkey that owns `netuid`.
    fn owner(netuid: u16) -> Option<AccountId>;
}

#[frame_support::pallet]
mod pallet {
    use super::*;
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Knows which subnets exist and who owns them.
        type Subnets: Subnets<Self::AccountId>;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The task of each subnet that has one.
    #[pallet::storage]
    pub type TaskOf<T> = StorageMap<_, Identity, u16, Task, OptionQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        /// A subnet's task was named.
        TaskSet {
            /// The subnet.
            netuid: u16,
            /// What the task is called.
            name: Name,
            /// Its version.
            version: u16,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There is no such subnet, or it is root, which has no miners.
        SubnetNotExists,
        /// Only the subnet's owner coldkey or the chain's root key may name its task.
        NotSubnetOwner,
        /// A task's name has 1 to 32 characters, each of them a to z, 0 to 9 or a hyphen.
        BadName,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Names the kind of work that a subnet pays for.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the coldkey that owns the subnet, or root.
        ///
        /// ## Errors
        ///
        /// - [`Error::SubnetNotExists`]: no market can be held there.
        /// - [`Error::NotSubnetOwner`]: the signer does not own it.
        /// - [`Error::BadName`]: the name has other characters than it may, none, or too many.
        ///
        /// ## Events
        ///
        /// [`Event::TaskSet`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::DbWeight::get().reads_writes(2, 1))]
        pub fn set_task(
            origin: OriginFor<T>,
            netuid: u16,
            name: Vec<u8>,
            version: u16,
        ) -> DispatchResult {
            let signer = ensure_signed_or_root(origin)?;
            ensure!(T::Subnets::is_market(netuid), Error::<T>::SubnetNotExists);
            if let Some(signer) = signer {
                let owner = T::Subnets::owner(netuid);
                ensure!(owner == Some(signer), Error::<T>::NotSubnetOwner);
            }
            let name = checked(name).ok_or(Error::<T>::BadName)?;
            let task = Task {
                name: name.clone(),
                version,
            };
            TaskOf::<T>::insert(netuid, task);
            Self::deposit_event(Event::TaskSet {
                netuid,
                name,
                version,
            });
            Ok(())
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Drops the task of a subnet that was dissolved.
    pub fn forget(netuid: u16) {
        TaskOf::<T>::remove(netuid);
    }
}

/// The bytes as a name, if they are one.
fn checked(bytes: Vec<u8>) -> Option<Name> {
    let text = std::str::from_utf8(&bytes).ok()?;
    // A name is the same thing on chain as everywhere else.
    TaskId::new(text, 0).ok()?;
    Name::try_from(bytes).ok()
}
