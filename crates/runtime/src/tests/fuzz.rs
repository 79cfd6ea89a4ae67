//! Random calls of every pallet, one in each block, and whether everything that is always true still is.
//!
//! Calls are made up from the runtime's own description of its types, so a call that is added is tried without a word
//! here. Accounts, subnets and amounts are drawn so that many calls succeed. A signer is an account of the market, or
//! root. What root can do to any storage item by name, or to balances and their sum by decree, is left out:
//! that breaks whatever it likes.
//!
//! The same seed makes the same calls. `cargo xtask fuzz calls` runs for as long as it is told, from a seed of its own.

use super::*;
use crate::{AccountId, RuntimeOrigin};
use frame_support::traits::GetCallMetadata;
use genesis::development_account as account;
use parity_scale_codec::Compact;
use scale_info::{
    MetaType, PortableRegistry, Registry, TypeDef, TypeDefPrimitive as Primitive,
    form::PortableForm,
};
use sp_runtime::traits::Dispatchable;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Accounts that sign and are named.
const PEOPLE: [&str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

/// Calls within calls go no deeper.
const NESTING_MAX: usize = 2;

/// The same numbers from the same seed.
struct Draws(u64);

impl Draws {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// Mostly small, sometimes anything, of a number with so many bits.
    fn number(&mut self, bits: u32) -> u128 {
        let most = if bits >= 64 {
            u64::MAX
        } else {
            (1 << bits) - 1
        };
        let drawn = match self.below(8) {
            0 => most,
            1 => self.next(),
            _ if bits > 16 => self.next() >> (12 + self.below(52)),
            2 => self.next() & 0xff,
            _ => self.next() & 3,
        };
        u128::from(drawn & most)
    }

    fn person(&mut self) -> AccountId {
        account(PEOPLE[self.below(PEOPLE.len())])
    }
}

/// Makes values of any type of the runtime.
struct Maker {
    registry: PortableRegistry,
    call: u32,
    draws: Draws,
    nesting: usize,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut registry = Registry::new();
        let call = registry.register_type(&MetaType::new::<RuntimeCall>()).id;
        Self {
            registry: registry.into(),
            call,
            draws: Draws(seed),
            nesting: 0,
        }
    }

    /// A call, if the bytes that the description allows are one: bounds of length are not described.
    fn call(&mut self) -> Option<RuntimeCall> {
        let mut bytes = Vec::new();
        self.value(self.call, &mut bytes);
        RuntimeCall::decode(&mut &bytes[..]).ok()
    }

    fn value(&mut self, id: u32, out: &mut Vec<u8>) {
        let kind = self.registry.resolve(id).expect("types are closed").clone();
        let path = kind.path.segments.join("::");
        if path.ends_with("AccountId32") {
            return self.draws.person().encode_to(out);
        }
        match kind.type_def {
            TypeDef::Composite(composite) => self.values(
                composite.fields.iter().map(|field| field.ty.id).collect(),
                out,
            ),
            TypeDef::Tuple(tuple) => {
                self.values(tuple.fields.iter().map(|field| field.id).collect(), out)
            }
            TypeDef::Array(array) => {
                self.values(vec![array.type_param.id; array.len as usize], out)
            }
            TypeDef::Sequence(sequence) => {
                let length = match self.draws.below(6) {
                    0 => 0,
                    1 => self.draws.below(40),
                    _ => self.draws.below(4),
                };
                Compact(length as u32).encode_to(out);
                self.values(vec![sequence.type_param.id; length], out);
            }
            TypeDef::Variant(variants) => self.variant(&path, &variants.variants, out),
            TypeDef::Primitive(primitive) => self.primitive(&primitive, out),
            TypeDef::Compact(compact) => {
                let bits = self.bits(compact.type_param.id);
                Compact(self.draws.number(bits)).encode_to(out);
            }
            TypeDef::BitSequence(_) => Compact(0u32).encode_to(out),
        }
    }

    fn values(&mut self, ids: Vec<u32>, out: &mut Vec<u8>) {
        for id in ids {
            self.value(id, out);
        }
    }

    fn variant(
        &mut self,
        path: &str,
        variants: &[scale_info::Variant<PortableForm>],
        out: &mut Vec<u8>,
    ) {
        let is_call = path.ends_with("RuntimeCall");
        let market = variants.iter().position(|it| it.name == "SubtensorModule");
        let place = match market {
            Some(market) if is_call => {
                let is_deep = self.nesting >= NESTING_MAX;
                let to_market = is_deep || !self.draws.one_in(3);
                if to_market {
                    market
                } else {
                    self.draws.below(variants.len())
                }
            }
            _ if path.ends_with("MultiAddress") => 0,
            // Storage by name, and code.
            _ if path.starts_with("frame_system") && path.ends_with("Call") => 0,
            _ => self.draws.below(variants.len()),
        };
        let drawn = variants.get(place);
        // What root declares the issuance to be is not what accounts hold; and what it declares an account to hold may
        // be more than there are numbers for.
        let decrees = ["force_adjust_total_issuance", "force_set_balance"];
        let is_decree = drawn.is_some_and(|it| decrees.contains(&it.name.as_str()));
        let chosen = if is_decree { variants.first() } else { drawn };
        let Some(variant) = chosen else {
            return;
        };
        out.push(variant.index);
        self.nesting += usize::from(is_call);
        self.values(
            variant.fields.iter().map(|field| field.ty.id).collect(),
            out,
        );
        self.nesting -= usize::from(is_call);
    }

    fn primitive(&mut self, primitive: &Primitive, out: &mut Vec<u8>) {
        let bytes = match primitive {
            Primitive::Bool => return out.push(self.draws.below(2) as u8),
            Primitive::Str => return Compact(0u32).encode_to(out),
            Primitive::Char => 4,
            Primitive::U8 | Primitive::I8 => 1,
            Primitive::U16 | Primitive::I16 => 2,
            Primitive::U32 | Primitive::I32 => 4,
            Primitive::U64 | Primitive::I64 => 8,
            Primitive::U128 | Primitive::I128 => 16,
            Primitive::U256 | Primitive::I256 => 32,
        };
        let number = self.draws.number(bytes * 8).to_le_bytes();
        let padded = number.into_iter().chain(core::iter::repeat(0));
        out.extend(padded.take(bytes as usize));
    }

    /// Bits of a number, or of the one field of a record.
    fn bits(&self, id: u32) -> u32 {
        match &self
            .registry
            .resolve(id)
            .expect("types are closed")
            .type_def
        {
            TypeDef::Primitive(Primitive::U8) => 8,
            TypeDef::Primitive(Primitive::U16) => 16,
            TypeDef::Primitive(Primitive::U32) => 30,
            TypeDef::Composite(composite) => composite
                .fields
                .first()
                .map_or(8, |field| self.bits(field.ty.id)),
            _ => 64,
        }
    }
}

impl Chain {
    /// Makes one block with a call in it, and tells whether the call succeeded.
    fn block_with(&mut self, origin: RuntimeOrigin, call: RuntimeCall) -> bool {
        self.begin_block(Vec::new());
        let succeeded = self.state.execute_with(|| call.dispatch(origin).is_ok());
        self.end_block();
        succeeded
    }
}

/// How often each call was made, and how often it succeeded.
type Tally = BTreeMap<String, (u32, u32)>;

/// Makes random calls until told to stop, checking everything after each.
fn fuzz(seed: u64, mut goes_on: impl FnMut(u32) -> bool) -> Tally {
    let mut maker = Maker::new(seed);
    let mut chain = super::market::open_market();
    let mut tally = Tally::new();
    let mut made = 0;
    while goes_on(made) {
        let Some(call) = maker.call() else {
            continue;
        };
        let name = call.get_call_metadata();
        let name = format!("{}.{}", name.pallet_name, name.function_name);
        let told = format!("{call:?}");
        let origin = if maker.draws.one_in(5) {
            RuntimeOrigin::root()
        } else {
            RuntimeOrigin::signed(maker.draws.person())
        };
        let signer = format!("{:?}", origin.caller);
        let succeeded = chain.block_with(origin, call);
        if let Err(broken) = chain.check() {
            panic!("seed {seed}, call {made}: {broken}, after {told} of {signer}");
        }
        let counts = tally.entry(name).or_default();
        counts.0 += 1;
        counts.1 += u32::from(succeeded);
        made += 1;
    }
    tally
}

fn succeeded(tally: &Tally) -> usize {
    tally.values().filter(|counts| counts.1 > 0).count()
}

#[test]
fn whatever_is_called_the_books_agree() {
    let tally = fuzz(7, |made| made < 250);
    println!(
        "{} kinds of calls, of which {} succeeded",
        tally.len(),
        succeeded(&tally)
    );
    assert!(tally.len() > 80 && succeeded(&tally) > 20, "{tally:?}");
}

/// Runs as long as `STOA_FUZZ_SECONDS` says, from the seed `STOA_FUZZ_SEED`; a fresh chain every so many calls.
#[test]
#[ignore = "runs as long as it is told; started by `cargo xtask fuzz calls`"]
fn whatever_is_called_for_long_the_books_agree() {
    let told = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (seconds, first) = (told("STOA_FUZZ_SECONDS", 60), told("STOA_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut sum = Tally::new();
    for seed in first.. {
        let tally = fuzz(seed, |made| made < 3_000 && Instant::now() < end);
        for (name, (made, succeeded)) in tally {
            let counts = sum.entry(name).or_default();
            counts.0 += made;
            counts.1 += succeeded;
        }
        if Instant::now() >= end {
            break;
        }
    }
    let made: u32 = sum.values().map(|counts| counts.0).sum();
    let passed: u32 = sum.values().map(|counts| counts.1).sum();
    println!(
        "{made} calls of {} kinds, {passed} of {} kinds succeeded, every invariant held",
        sum.len(),
        succeeded(&sum)
    );
}
