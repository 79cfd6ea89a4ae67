//! Puts names and explanations to a failed call.
//!
//! The chain reports a failure as a pallet index and four bytes. This program contains the same runtime as the node,
//! so the name and the documentation of the error are read from the runtime's own types; nothing is fetched.

use parity_scale_codec::{Decode, Encode};
use runtime::RuntimeError;
use scale_info::{MetaType, PortableRegistry, Registry, TypeDef};
use sp_runtime::{DispatchError, ModuleError};

/// A call that was included in a block and failed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The pallet whose rule was broken; empty for failures of the machine itself, such as `BadOrigin`.
    pub pallet: String,
    /// The error's name.
    pub name: String,
    /// What the error's documentation says, one line.
    pub docs: String,
}

impl Failure {
    /// True for this pallet's error of this name.
    pub fn is(&self, pallet: &str, name: &str) -> bool {
        self.pallet == pallet && self.name == name
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.pallet.is_empty() { "" } else { "." };
        write!(f, "the call failed: {}{dot}{}", self.pallet, self.name)?;
        if self.docs.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.docs)
        }
    }
}

impl std::error::Error for Failure {}

impl From<DispatchError> for Failure {
    fn from(error: DispatchError) -> Self {
        match error {
            DispatchError::Module(module) => named(&module).unwrap_or_else(|| unknown(&module)),
            DispatchError::Token(token) => plain("Token", format!("{token:?}"), token.into()),
            DispatchError::Arithmetic(kind) => {
                plain("Arithmetic", format!("{kind:?}"), kind.into())
            }
            DispatchError::Other(words) => plain("", "Other".into(), words),
            other => plain("", format!("{other:?}"), ""),
        }
    }
}

fn plain(pallet: &str, name: String, docs: &str) -> Failure {
    Failure {
        pallet: pallet.into(),
        name,
        docs: docs.into(),
    }
}

fn unknown(module: &ModuleError) -> Failure {
    let name = format!("error {:?} of pallet {}", module.error, module.index);
    plain("", name, "this program does not know it")
}

/// Looks a module error up by index in the type description of [`RuntimeError`]: pallet, then variant.
fn named(module: &ModuleError) -> Option<Failure> {
    let mut registry = Registry::new();
    let outer = registry.register_type(&MetaType::new::<RuntimeError>()).id;
    let types = PortableRegistry::from(registry);
    let TypeDef::Variant(pallets) = &types.resolve(outer)?.type_def else {
        return None;
    };
    let pallet = pallets
        .variants
        .iter()
        .find(|variant| variant.index == module.index)?;
    let TypeDef::Variant(errors) = &types.resolve(pallet.fields.first()?.ty.id)?.type_def else {
        return None;
    };
    let error = errors
        .variants
        .iter()
        .find(|variant| variant.index == module.error[0])?;
    let docs = error
        .docs
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty());
    Some(Failure {
        pallet: pallet.name.clone(),
        name: error.name.clone(),
        docs: docs.collect::<Vec<_>>().join(" "),
    })
}

/// Failure of an error value of the runtime, for callers that hold one rather than an event.
pub fn failure_of(error: &RuntimeError) -> Failure {
    // `RuntimeError` encodes as index and variant: the very layout of `ModuleError`, padded to four bytes.
    let mut bytes = error.encode();
    bytes.resize(5, 0);
    match ModuleError::decode(&mut &bytes[..]) {
        Ok(module) => Failure::from(DispatchError::Module(module)),
        Err(_) => plain("", format!("{error:?}"), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_error_gets_its_name_and_documentation() {
        let error = RuntimeError::Balances(pallet_balances::Error::InsufficientBalance);
        let failure = failure_of(&error);
        assert!(failure.is("Balances", "InsufficientBalance"), "{failure:?}");
        assert_eq!(failure.docs, "Balance too low to send value.");
    }

    #[test]
    fn an_unknown_module_error_keeps_its_numbers() {
        let module = ModuleError {
            index: 250,
            error: [7, 0, 0, 0],
            message: None,
        };
        let failure = Failure::from(DispatchError::Module(module));
        assert_eq!(failure.name, "error [7, 0, 0, 0] of pallet 250");
    }

    #[test]
    fn a_wrong_origin_is_named() {
        assert_eq!(
            Failure::from(DispatchError::BadOrigin).to_string(),
            "the call failed: BadOrigin"
        );
    }
}
