//! Epoch cases in JSON: reads what an epoch starts from, writes what it decides.
//!
//! A case is `{name, params, steps}`. `params` holds the hyperparameters and `n`, the number of
//! uids. Each step carries its own inputs as they are on entry to the epoch, and may override
//! parameters by name:
//!
//! | field of a step | meaning |
//! |---|---|
//! | `block` | the block the epoch runs in |
//! | `stake`, `last_update`, `registered_at`, `validator_permit` | one entry per uid |
//! | `weights`, `bonds_in` | stored rows: `{"uid": [[uid, value], …]}` |
//! | `weights_groups` | the same row for many: `[{uids, dests, value_each}]`, `dests` may be `"self"` |
//! | `commit_blocks` | per uid, the earliest commit that has not expired, or null |
//! | `params_override` | parameters that differ in this step |
//!
//! Long vectors may be written `{"run_length": [[value, count], …]}`. Other fields, such as
//! expected results, are left alone.

use std::collections::BTreeMap;

use economics::epoch::{Input, LiquidAlpha, Params, Settlement, Yuma};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The most uids a subnet can have: they are 16 bits wide.
const UIDS_MAX: usize = 1 << 16;

/// Why a case cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not of the shape above.
    #[error("not an epoch case")]
    Shape(#[source] serde_json::Error),
    /// The parameters, with a step's overrides, are not understood.
    #[error("step {step}: parameters")]
    Params {
        /// The step, from 0.
        step: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A step contradicts itself or its parameters.
    #[error("step {step}: {problem}")]
    Step {
        /// The step, from 0.
        step: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

/// One epoch to settle.
#[derive(Clone, Debug)]
pub struct Step {
    /// The subnet's hyperparameters.
    pub params: Params,
    /// What the epoch starts from.
    pub input: Input,
}

#[derive(Deserialize)]
struct CaseFile {
    params: Map<String, Value>,
    steps: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamsFile {
    n: usize,
    kappa_u16: u16,
    bonds_penalty_u16: u16,
    bonds_moving_average_ppm: u64,
    yuma_version: u8,
    liquid_alpha: Option<LiquidFile>,
    tempo: u16,
    activity_cutoff_blocks: u64,
    max_allowed_validators: u16,
    stake_threshold: u64,
    owner_uid: Option<u16>,
    last_step_block: u64,
    epoch_emission_rao: u64,
    /// Resets happen between epochs, so a step's `bonds_in` already show them.
    #[serde(rename = "bonds_reset", default)]
    _bonds_reset: bool,
}

#[derive(Deserialize)]
struct LiquidFile {
    alpha_low_u16: u16,
    alpha_high_u16: u16,
    sigmoid_steepness: i16,
}

#[derive(Deserialize)]
struct StepFile {
    block: u64,
    stake: Series<u64>,
    last_update: Series<u64>,
    registered_at: Series<u64>,
    validator_permit: Series<bool>,
    #[serde(default)]
    weights: Rows,
    #[serde(default)]
    weights_groups: Vec<Group>,
    #[serde(default)]
    bonds_in: Rows,
    #[serde(default)]
    commit_blocks: Option<Series<Option<u64>>>,
    #[serde(default)]
    params_override: Map<String, Value>,
}

type Rows = BTreeMap<u16, Vec<(u16, u16)>>;

#[derive(Deserialize)]
struct Group {
    uids: Vec<u16>,
    dests: Destinations,
    value_each: u16,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Destinations {
    Uids(Vec<u16>),
    Word(Word),
}

#[derive(Deserialize)]
enum Word {
    /// Each on itself.
    #[serde(rename = "self")]
    Itself,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Series<T> {
    List(Vec<T>),
    Runs { run_length: Vec<(T, usize)> },
}

impl<T: Clone> Series<T> {
    /// The entries, of which there must be one per uid.
    fn expand(self, name: &str, uids: usize) -> Result<Vec<T>, String> {
        let entries = match self {
            Self::List(entries) => entries,
            Self::Runs { run_length } => {
                let length = run_length
                    .iter()
                    .fold(0usize, |sum, run| sum.saturating_add(run.1));
                if length > UIDS_MAX {
                    return Err(format!(
                        "`{name}` runs to {length} entries, more than {UIDS_MAX}"
                    ));
                }
                let run = |(entry, count)| std::iter::repeat_n(entry, count);
                run_length.into_iter().flat_map(run).collect()
            }
        };
        if entries.len() != uids {
            return Err(format!(
                "`{name}` has {} entries, expected n = {uids}",
                entries.len()
            ));
        }
        Ok(entries)
    }
}

/// Reads all steps of a case.
///
/// # Errors
///
/// - [`Error::Shape`]: not JSON, or a field is missing or of the wrong type.
/// - [`Error::Params`]: a parameter is missing, unknown or out of range.
/// - [`Error::Step`]: a vector is not as long as there are uids, a uid does not exist, or a version
///   is unknown.
pub fn read(text: &str) -> Result<Vec<Step>, Error> {
    let case: CaseFile = serde_json::from_str(text).map_err(Error::Shape)?;
    let read_step = |(step, file): (usize, StepFile)| {
        let mut params = case.params.clone();
        params.extend(file.params_override.clone());
        let params: ParamsFile = serde_json::from_value(Value::Object(params))
            .map_err(|source| Error::Params { step, source })?;
        file.into_step(params)
            .map_err(|problem| Error::Step { step, problem })
    };
    case.steps.into_iter().enumerate().map(read_step).collect()
}

impl StepFile {
    fn into_step(mut self, params: ParamsFile) -> Result<Step, String> {
        let uids = params.n;
        if uids > UIDS_MAX {
            return Err(format!("n = {uids}, more than {UIDS_MAX}"));
        }
        for group in &self.weights_groups {
            for &uid in &group.uids {
                let row = self.weights.entry(uid).or_default();
                match &group.dests {
                    Destinations::Uids(uids) => {
                        row.extend(uids.iter().map(|&dest| (dest, group.value_each)));
                    }
                    Destinations::Word(Word::Itself) => row.push((uid, group.value_each)),
                }
            }
        }
        let commit_block = match self.commit_blocks {
            Some(commits) => commits.expand("commit_blocks", uids)?,
            None => Vec::new(),
        };
        let input = Input {
            block: self.block,
            last_step_block: params.last_step_block,
            emission: params.epoch_emission_rao,
            stake: self.stake.expand("stake", uids)?,
            last_update: self.last_update.expand("last_update", uids)?,
            registered_at: self.registered_at.expand("registered_at", uids)?,
            validator_permit: self.validator_permit.expand("validator_permit", uids)?,
            commit_block,
            weights: spread("weights", self.weights, uids)?,
            bonds: spread("bonds_in", self.bonds_in, uids)?,
            past_consensus: None,
        };
        Ok(Step {
            params: params.hyperparameters()?,
            input,
        })
    }
}

impl ParamsFile {
    fn hyperparameters(&self) -> Result<Params, String> {
        let liquid = self.liquid_alpha.as_ref().map(|liquid| LiquidAlpha {
            low: liquid.alpha_low_u16,
            high: liquid.alpha_high_u16,
            steepness: liquid.sigmoid_steepness,
        });
        let yuma = match self.yuma_version {
            2 => Yuma::Two,
            3 => Yuma::Three { liquid },
            other => return Err(format!("`yuma_version` is {other}, expected 2 or 3")),
        };
        Ok(Params {
            kappa: self.kappa_u16,
            bonds_penalty: self.bonds_penalty_u16,
            bonds_moving_average_ppm: self.bonds_moving_average_ppm,
            yuma,
            tempo: self.tempo,
            activity_cutoff: self.activity_cutoff_blocks,
            validators_max: self.max_allowed_validators,
            stake_threshold: self.stake_threshold,
            owner: self.owner_uid,
        })
    }
}

fn spread(name: &str, rows: Rows, uids: usize) -> Result<Vec<Vec<(u16, u16)>>, String> {
    let mut spread = vec![Vec::new(); uids];
    for (uid, row) in rows {
        let place = spread
            .get_mut(usize::from(uid))
            .ok_or_else(|| format!("`{name}` has a row of uid {uid}, but n = {uids}"))?;
        *place = row;
    }
    Ok(spread)
}

/// Writes what an epoch decided, under the names cases use; empty bond rows are left out.
pub fn write(settlement: &Settlement) -> Value {
    let rows = settlement
        .bonds
        .iter()
        .enumerate()
        .filter(|(_, row)| !row.is_empty());
    let bonds: Map<String, Value> = rows
        .map(|(uid, row)| (uid.to_string(), json!(row)))
        .collect();
    json!({
        "active": settlement.active,
        "stake_weight": settlement.stake_weight,
        "validator_permit_next": settlement.validator_permit_next,
        "consensus": settlement.consensus,
        "validator_trust": settlement.validator_trust,
        "incentive": settlement.incentive,
        "dividends": settlement.dividends,
        "server_emission": settlement.server_emission,
        "validator_emission": settlement.validator_emission,
        "emission": settlement.emission,
        "bonds": bonds,
    })
}
