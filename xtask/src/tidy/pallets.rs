//! Whether the tests of the pallets meet every call, every refusal and every wrong origin.
//!
//! A crate has a pallet for every `#[pallet::call]` in it. Its tests, `src/tests.rs` and what lies under `src/tests/`,
//!
//! 1. make every call, `Call::name`, outside of `origins.rs`: there somebody wanted it to do its work;
//! 2. name every variant of the pallets' errors, `Error::Variant`, but for those of [`UNREACHABLE`]; a variant that no
//!    code outside of the tests names is one too many;
//! 3. have a file `tests/origins.rs` that makes calls from origins which may not, and for each pallet compares the calls
//!    it makes with `get_call_names`, FRAME's own list, so that a new call fails the test until it is met there too;
//! 4. begin chains (`TestExternalities`) in one file, which checks the invariants (`do_try_state`), so that no test does
//!    without them.
//!
//! This is a proxy. It reads the words of the code, without comments and strings, and does not know whether a test that
//! makes a call expects it to succeed, nor whether a refusal that it names is asserted or merely mentioned.

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Refusals that no call gives: the crate, the variant, and why it is there.
const UNREACHABLE: [(&str, &str, &str); 3] = [
    (
        "pallet-crowdloan",
        "ContributionPeriodNotEnded",
        "a crowdloan may be refunded before its end; wallets know the name, and errors are counted by place",
    ),
    (
        "pallet-crowdloan",
        "Underflow",
        "the invariants keep a contribution within what was raised; checked arithmetic must still say something",
    ),
    (
        "runtime",
        "TooManyFieldsInCommitmentInfo",
        "a commitment of more fields does not decode; wallets know the name, and errors are counted by place",
    ),
];

/// What one crate has of pallets, and of tests.
#[derive(Default)]
struct Pallets {
    count: usize,
    calls: BTreeSet<String>,
    refusals: BTreeSet<String>,
    /// What the code outside of tests names of errors.
    given: BTreeSet<String>,
    /// The words of each test file, by its path.
    tests: BTreeMap<String, Vec<String>>,
}

/// Checks every crate that has a pallet.
pub fn check(root: &Path, paths: &[String], findings: &mut Vec<String>) -> Result<()> {
    let mut crates = BTreeMap::<&str, Pallets>::new();
    for path in paths {
        let Some((name, file)) = path
            .strip_prefix("crates/")
            .and_then(|rest| rest.split_once("/src/"))
        else {
            continue;
        };
        let is_test = file == "tests.rs" || file.starts_with("tests/");
        if !file.ends_with(".rs") || !root.join(path).exists() {
            continue;
        }
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"))?;
        if !is_test && !text.contains("#[pallet::") && !text.contains("Error") {
            continue;
        }
        let tokens = text
            .parse::<TokenStream>()
            .map_err(|error| anyhow::anyhow!("{path} is not Rust: {error}"))?;
        let pallets = crates.entry(name).or_default();
        if is_test {
            pallets.tests.insert(path.clone(), words(tokens));
        } else {
            pallets.read(tokens);
        }
    }
    for (name, pallets) in crates {
        if pallets.count > 0 {
            pallets.check(name, findings);
        }
    }
    Ok(())
}

impl Pallets {
    /// Notes the calls and the refusals that a file declares, and the refusals that it gives.
    fn read(&mut self, tokens: TokenStream) {
        let words = words(tokens.clone());
        self.given.extend(named_of(&words, &error_types(&words)));
        self.declarations(tokens);
    }

    fn declarations(&mut self, tokens: TokenStream) {
        let mut declares = String::new();
        for token in tokens {
            let TokenTree::Group(group) = token else {
                continue;
            };
            match group.delimiter() {
                Delimiter::Bracket => {
                    let attribute = group.stream().to_string().replace(' ', "");
                    if matches!(attribute.as_str(), "pallet::call" | "pallet::error") {
                        declares = attribute;
                    }
                }
                Delimiter::Brace => match declares.as_str() {
                    "pallet::call" => {
                        self.count += 1;
                        self.calls.extend(functions(&group));
                        declares.clear();
                    }
                    "pallet::error" => {
                        self.refusals.extend(variants(&group));
                        declares.clear();
                    }
                    _ => self.declarations(group.stream()),
                },
                _ => {}
            }
        }
    }

    fn check(&self, name: &str, findings: &mut Vec<String>) {
        let is_origins = |path: &str| path.ends_with("/tests/origins.rs");
        let (mut made, mut met) = (BTreeSet::new(), BTreeSet::new());
        for (path, words) in &self.tests {
            if !is_origins(path) {
                made.extend(named_of(words, &BTreeSet::from(["Call"])));
            }
            met.extend(named_of(words, &error_types(words)));
        }
        for call in self.calls.difference(&made) {
            findings.push(format!("{name}: no test makes the call `{call}`"));
        }
        let unreachable: BTreeSet<String> = UNREACHABLE
            .iter()
            .filter(|(owner, ..)| *owner == name)
            .map(|(_, variant, _)| (*variant).to_owned())
            .collect();
        for refusal in self.refusals.difference(&met) {
            if !unreachable.contains(refusal) {
                findings.push(format!("{name}: no test meets `Error::{refusal}`"));
            }
        }
        for refusal in self.refusals.difference(&self.given) {
            if !unreachable.contains(refusal) {
                findings.push(format!("{name}: nothing gives `Error::{refusal}`"));
            }
        }
        for refusal in &unreachable {
            if met.contains(refusal) || !self.refusals.contains(refusal) {
                findings.push(format!(
                    "{name}: `Error::{refusal}` needs no exception in xtask/src/tidy/pallets.rs"
                ));
            }
        }
        let compared = self
            .tests
            .iter()
            .filter(|(path, _)| is_origins(path))
            .map(|(_, words)| count(words, "get_call_names"))
            .sum::<usize>();
        if compared < self.count {
            findings.push(format!(
                "{name}: tests/origins.rs compares the calls of {compared} pallets with `get_call_names`, and there are {}",
                self.count
            ));
        }
        self.check_chains(name, findings);
    }

    fn check_chains(&self, name: &str, findings: &mut Vec<String>) {
        let begins: Vec<_> = self
            .tests
            .iter()
            .filter(|(_, words)| count(words, "TestExternalities") > 0)
            .collect();
        let [(path, words)] = begins[..] else {
            let paths: Vec<_> = begins.iter().map(|(path, _)| path.as_str()).collect();
            findings.push(format!(
                "{name}: one file of its tests should begin their chains, and these do: {}",
                paths.join(", ")
            ));
            return;
        };
        if count(words, "do_try_state") == 0 {
            findings.push(format!("{path}: does not check the invariants"));
        }
    }
}

/// The names of the functions right inside braces.
fn functions(body: &Group) -> Vec<String> {
    let tokens: Vec<_> = body.stream().into_iter().collect();
    tokens
        .windows(2)
        .filter(|pair| pair[0].to_string() == "fn")
        .map(|pair| pair[1].to_string())
        .collect()
}

/// The names of an enum's variants.
fn variants(body: &Group) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_start = true;
    for token in body.stream() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => is_start = true,
            TokenTree::Ident(name) if is_start => {
                names.push(name.to_string());
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

/// A file's identifiers and signs in order, whatever brackets are around them. Literals are left out, and with them the
/// documentation.
fn words(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(words(group.stream())),
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Punct(punct) => found.push(punct.to_string()),
            TokenTree::Literal(_) => {}
        }
    }
    found
}

fn count(words: &[String], wanted: &str) -> usize {
    words.iter().filter(|word| *word == wanted).count()
}

/// `Error`, and what a file calls it: `type Refusal = pallet::Error<Test>;`.
fn error_types(words: &[String]) -> BTreeSet<&str> {
    let aliases = words.windows(2).enumerate().filter_map(|(at, pair)| {
        let declared = words[at..].iter().take_while(|word| *word != ";");
        let is_error = pair[0] == "type" && declared.skip(2).any(|word| word == "Error");
        is_error.then_some(pair[1].as_str())
    });
    aliases.chain(["Error"]).collect()
}

/// What is named of a type: `name` in `Type::name` and in `Type::<Test>::name`.
fn named_of(words: &[String], types: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !types.contains(word.as_str()) {
            continue;
        }
        let mut rest = words[at + 1..].iter().map(String::as_str).peekable();
        let mut depth = 0_usize;
        while let Some(next) = rest.next_if(|next| depth > 0 || matches!(*next, ":" | "<")) {
            match next {
                "<" => depth += 1,
                ">" => depth -= 1,
                _ => {}
            }
        }
        names.extend(rest.next().map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALLET: &str = "
        mod pallet {
            #[pallet::error]
            pub enum Error<T> {
                /// Closed, says `fn nothing`.
                Closed,
                TooLate,
            }
            #[pallet::call]
            impl<T: Config> Pallet<T> {
                #[pallet::call_index(0)]
                pub fn open(origin: OriginFor<T>) -> DispatchResult { fn inner() {} Error::<T>::Closed }
                pub fn close(origin: OriginFor<T>) -> DispatchResult { Error::<T>::TooLate }
            }
        }";

    fn findings(tests: &[(&str, &str)]) -> Vec<String> {
        let mut pallets = Pallets::default();
        pallets.read(PALLET.parse().unwrap());
        for (path, text) in tests {
            let read = words(text.parse().unwrap());
            pallets.tests.insert((*path).to_owned(), read);
        }
        let mut findings = Vec::new();
        pallets.check("shop", &mut findings);
        findings
    }

    #[test]
    fn what_tests_do_not_meet_is_listed() {
        let begins = "fn chain() { TestExternalities::new(); do_try_state(); }";
        // Neither comments nor other types' names count.
        let says = "fn t() { /* Error::Closed */ saw(Event::TooLate); refuse(\"Call::close\"); }";
        let opens = "fn t() { assert_eq!(call(Call::<Test>::open {}), Ok(())); }";
        assert_eq!(
            findings(&[("tests.rs", begins), ("a", says), ("b", opens)]),
            [
                "shop: no test makes the call `close`",
                "shop: no test meets `Error::Closed`",
                "shop: no test meets `Error::TooLate`",
                "shop: tests/origins.rs compares the calls of 0 pallets with `get_call_names`, and there are 1",
            ]
        );
    }

    #[test]
    fn a_call_that_is_only_made_from_wrong_origins_is_not_made() {
        let all = "fn chain() { TestExternalities::new(); do_try_state(); }
            type Refusal = super::Error<Test>;
            fn t() { call(Call::open {}); Refusal::Closed; Error::<super::Test<u8>>::TooLate; }";
        let origins = "fn t() { Call::open {}; Call::close {}; Call::<Test>::get_call_names(); }";
        let files = [
            ("src/tests/market.rs", all),
            ("src/tests/origins.rs", origins),
        ];
        assert_eq!(findings(&files), ["shop: no test makes the call `close`"]);
    }

    #[test]
    fn a_refusal_that_nothing_gives_is_told() {
        let mut pallets = Pallets::default();
        let text = PALLET.replace("Error::<T>::TooLate", "Ok(())");
        pallets.read(text.parse().unwrap());
        let mut findings = Vec::new();
        pallets.check("shop", &mut findings);
        assert!(findings.contains(&"shop: nothing gives `Error::TooLate`".to_owned()));
    }

    #[test]
    fn chains_without_invariants_are_told() {
        let met = "fn t() { Call::open; Call::close; Error::Closed; Error::TooLate; }";
        let origins = "fn t() { get_call_names(); TestExternalities::new(); }";
        let mut files = vec![("src/tests.rs", met), ("src/tests/origins.rs", origins)];
        let told = "src/tests/origins.rs: does not check the invariants";
        assert_eq!(findings(&files), [told]);
        files.push(("src/tests/other.rs", "fn t() { TestExternalities::new(); }"));
        let told = "shop: one file of its tests should begin their chains, and these do: \
            src/tests/origins.rs, src/tests/other.rs";
        assert_eq!(findings(&files), [told]);
    }
}
