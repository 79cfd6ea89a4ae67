//! Runs the runtime over a state and collects what it changes.
//!
//! The runtime is native code, so a bug in it is a panic here. Each call unwinds into an error and leaves the
//! session as it was before the call: a broken transaction costs its sender, not the node.

use crate::error::{CallError, Error, Result};
use crate::state::{Backend, Layer, is_transient};
use crate::{Hash, Hasher, best::StorageChange};
use parity_scale_codec::{Decode, Encode};
use runtime::VerifiedSignatures;
use sp_core::storage::StateVersion;
use sp_core::traits::{ReadRuntimeVersion, ReadRuntimeVersionExt};
use sp_externalities::{Extensions, Externalities, set_and_run_with_externalities};
use sp_runtime::{ApplyExtrinsicResult, transaction_validity::TransactionValidityError};
use sp_state_machine::{Ext, OverlayedChanges};
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// A run of calls that see each other's changes.
pub(crate) struct Session<'a> {
    backend: &'a Backend,
    overlay: OverlayedChanges<Hasher>,
    extensions: Extensions,
}

/// What a session changed.
pub(crate) struct Outcome {
    /// Root of the new state.
    pub(crate) root: Hash,
    /// Trie nodes created.
    pub(crate) created: Layer,
    /// Trie nodes made obsolete, with how often.
    pub(crate) obsolete: Vec<(Hash, u32)>,
    /// Storage entries changed, for those who watch some.
    pub(crate) changes: Vec<StorageChange>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(backend: &'a Backend, signatures: &VerifiedSignatures) -> Self {
        let mut extensions = Extensions::new();
        extensions.register(ReadRuntimeVersionExt::new(NoWasm));
        extensions.register(signatures.extension());
        Self {
            backend,
            overlay: OverlayedChanges::default(),
            extensions,
        }
    }

    /// Calls a method with encoded arguments and returns its encoded answer.
    pub(crate) fn call(
        &mut self,
        method: &str,
        arguments: &[u8],
    ) -> std::result::Result<Vec<u8>, CallError> {
        if !runtime::nesting::is_readable(method, arguments) {
            return Err(CallError::BadArguments(method.to_owned()));
        }
        self.overlay
            .enter_runtime()
            .expect("calls do not nest: `call` borrows the session exclusively");
        let answer = contain(|| {
            let mut externalities =
                Ext::new(&mut self.overlay, self.backend, Some(&mut self.extensions));
            let externalities: &mut dyn Externalities = &mut externalities;
            set_and_run_with_externalities(externalities, || {
                runtime::api::dispatch(method, arguments)
            })
        });
        // Rolls back storage transactions that a panic left open.
        self.overlay
            .exit_runtime()
            .expect("the runtime was entered above");
        match answer {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(CallError::NoSuchMethod(method.to_owned())),
            Err(reason) => Err(CallError::Panicked {
                method: method.to_owned(),
                reason,
            }),
        }
    }

    /// Calls a method whose answer this crate understands.
    pub(crate) fn ask<R: Decode>(
        &mut self,
        method: &'static str,
        arguments: impl Encode,
    ) -> std::result::Result<R, CallError> {
        let bytes = self.call(method, &arguments.encode())?;
        R::decode(&mut &bytes[..]).map_err(|_| CallError::BadAnswer(method))
    }

    /// Applies an extrinsic; one that may not be in a block changes nothing.
    ///
    /// The outer result is the call's, the inner says whether the extrinsic may stay. One that was dispatched and
    /// failed stays, and has paid its fee.
    pub(crate) fn apply(
        &mut self,
        extrinsic: &[u8],
    ) -> std::result::Result<std::result::Result<(), TransactionValidityError>, CallError> {
        const METHOD: &str = "BlockBuilder_apply_extrinsic";
        self.overlay.start_transaction();
        let applied = self.call(METHOD, extrinsic).and_then(|bytes| {
            ApplyExtrinsicResult::decode(&mut &bytes[..]).map_err(|_| CallError::BadAnswer(METHOD))
        });
        let closed = match &applied {
            Ok(Ok(_)) => self.overlay.commit_transaction(),
            _ => self.overlay.rollback_transaction(),
        };
        closed.expect("the transaction was opened above, and calls close only their own");
        applied.map(|validity| validity.map(|_dispatched| ()))
    }

    /// Ends the session and computes the new state's root.
    pub(crate) fn finish(mut self) -> Result<Outcome> {
        let drained = self
            .overlay
            .drain_storage_changes(self.backend, StateVersion::V1)
            .map_err(Error::Store)?;
        let (created, obsolete) = split(drained.transaction);
        let changes = drained
            .main_storage_changes
            .into_iter()
            .filter(|(key, _)| !is_transient(key))
            .collect();
        Ok(Outcome {
            root: drained.transaction_storage_root,
            created,
            obsolete,
            changes,
        })
    }
}

/// Sorts a set of node changes into nodes gained and nodes lost, each under its hash alone.
///
/// The trie reports changes by place and hash. A node that leaves one place and enters another keeps its owners.
pub(crate) fn split(mut changes: sp_trie::PrefixedMemoryDB<Hasher>) -> (Layer, Vec<(Hash, u32)>) {
    let mut net: HashMap<Hash, (Vec<u8>, i32)> = HashMap::new();
    for (place, (node, count)) in changes.drain() {
        let hash = Hash::from_slice(&place[place.len() - Hash::len_bytes()..]);
        let entry = net.entry(hash).or_default();
        entry.1 += count;
        if !node.is_empty() {
            entry.0 = node;
        }
    }
    let mut created = Layer::new();
    let mut obsolete = Vec::new();
    for (hash, (node, count)) in net {
        match count {
            1.. => {
                created.insert(hash, (node, count.unsigned_abs()));
            }
            0 => {}
            ..0 => obsolete.push((hash, count.unsigned_abs())),
        }
    }
    obsolete.sort_unstable();
    (created, obsolete)
}

/// Answers for every code blob that it is not a runtime: this chain has no Wasm, so `set_code` must fail.
struct NoWasm;

impl ReadRuntimeVersion for NoWasm {
    fn read_runtime_version(
        &self,
        _code: &[u8],
        _externalities: &mut dyn Externalities,
    ) -> std::result::Result<Vec<u8>, String> {
        Err("this chain executes natively and takes no code".into())
    }
}

thread_local! {
    /// Whether a panic on this thread is expected and will be reported as an error.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, turning a panic into its message.
fn contain<R>(f: impl FnOnce() -> R) -> std::result::Result<R, String> {
    silence_contained_panics();
    let outer = CONTAINED.replace(true);
    // Whoever catches the error discards or rolls back everything the closure could leave half done.
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    CONTAINED.set(outer);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a message".into())
    })
}

/// Keeps contained panics out of stderr, once for the process; others print as before.
fn silence_contained_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                previous(info);
            }
        }));
    });
}
