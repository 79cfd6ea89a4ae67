//! Protein folding: the shape in which a chain of amino acids has little energy.
//!
//! | | |
//! |---|---|
//! | request | a sequence of 5 to 60 residues and the time to spend on it ([`FoldRequest`]) |
//! | answer | where every atom is, as mmCIF, and the energy of that ([`FoldAnswer`]) |
//! | energy | Amber ff19SB with OBC2 implicit solvent, in kcal/mol: `amber` |
//! | challenge | a chain drawn afresh, or one of a private folder of known structures ([`challenges`]) |
//! | judged by | [`folding::check()`], then the other answers of the round ([`round`]) |
//! | delivery | a job: minutes of work with progress and partial answers |
//! | engine | this program's own search, or another program's: `--upstream 'python3 examples/openmm-engine/engine.py'` |
//! | cheats | `broken` (a chain that cannot be, with an energy too good to be true), `copied` (somebody else's structure) |
//!
//! # What always holds
//!
//! * A probe and a customer's request look alike: probes have every length, every residue and every time that orders may have, in
//!   proportions that orders plausibly have ([`challenges`]), and the title that a customer gives is never passed on
//!   ([`FoldRequest::title`] is read, and not written).
//! * What a probe costs its validator is bounded, however long its chain and its time ([`baseline`]).
//! * Every validator comes to the same energy of the same answer, to the last bit.
//! * Nobody is paid for speed: the time is given, and who uses it better earns more.
//! * A miner gives the same structure to everybody who asks it for the same chain ([`shelf`]), or that structure searched on, so that
//!   resold work shows.

mod challenges;
mod cheats;
mod round;
mod shelf;

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, Instant};

use amber::{Solvent, System};
use folding::Budget;
use folding::engine::Engine;
use molecule::{Molecule, Sequence, mmcif};
use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use schemars::JsonSchema;
use scoring::{Fault, Judgement, Observation};
use serde::{Deserialize, Serialize};

use crate::once::unused;
use crate::{
    Compared, Complaint, Delivery, Limits, Progress, Setup, SetupError, Task, Upstream, WorkError,
};
use challenges::Challenges;
use cheats::Copier;
use shelf::{Claim, Shelf, Standing, Wish};

/// So many residues a chain may have, caps not counted.
pub(crate) const RESIDUES: RangeInclusive<usize> = 5..=60;
/// So many seconds a request may give.
const BUDGET_S: RangeInclusive<f64> = 1.0..=600.0;
/// What a request gives that does not say.
const BUDGET_DEFAULT_S: f64 = 60.0;
/// What an answer may take beyond the time given: waiting for a free place, building, writing. Half of the time given, and this.
const GRACE: Duration = Duration::from_secs(6);
/// What the judge's own search spends for each second that it gives on a chain of [`SHORT`] residues, up to what
/// [`folding::baseline()`] spends: a small part of what one slow core does in a second, so that a short probe on a busy machine can be
/// beaten too.
const EVALUATIONS_PER_S: f64 = 20.0;
/// An evaluation takes as long as the square of the chain's length. Up to so many residues it takes next to nothing …
const SHORT: f64 = 16.0;
/// … and beyond so many the judge evaluates as much less often, so that its own search takes a second or two at most.
const LONG: f64 = 30.0;
/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// The most points of an answer's history.
const HISTORY_MAX: usize = 200;

/// A chain to fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldRequest {
    /// One upper-case letter for each residue, from the amino end: 5 to 60 of ACDEFGHIKLMNPQRSTVWY.
    #[schemars(length(min = 5, max = 60))]
    pub sequence: String,
    /// Whether the ends are capped (ACE, NME) instead of charged.
    #[serde(default)]
    pub is_capped: bool,
    /// The seconds to search for, from 1 to 600.
    #[serde(default = "budget_default")]
    #[schemars(range(min = 1.0, max = 600.0))]
    pub budget_s: f64,
    /// A name for people. Not passed on to miners.
    #[serde(default, skip_serializing)]
    #[schemars(length(max = 200))]
    pub title: Option<String>,
}

/// A shape of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldAnswer {
    /// Its energy by Amber ff19SB with OBC2, in kcal/mol.
    pub energy: f64,
    /// Every atom, hydrogens too, as an mmCIF file.
    pub mmcif: String,
    /// How many energies were computed to find it.
    pub evaluations: u64,
    /// The lowest energy by time: seconds, kcal/mol. At most 200 points.
    #[schemars(length(max = 200))]
    pub history: Vec<[f64; 2]>,
}

fn budget_default() -> f64 {
    BUDGET_DEFAULT_S
}

/// What a validator knows of its question.
pub struct Secret {
    /// The energy that a short search of its own came to.
    baseline: f64,
    /// The chain's structure, where it is known.
    native: Option<Molecule>,
}

impl Secret {
    fn round(&self, request: &FoldRequest) -> round::Round<'_> {
        round::Round {
            baseline: self.baseline,
            native: self.native.as_ref(),
            budget_s: request.budget_s,
        }
    }
}

/// The task: where challenges come from, how hard to search, and what was found lately.
pub struct ProteinFolding {
    challenges: Challenges,
    /// How much of the time given is spent on searching.
    effort: f64,
    shelf: Shelf,
    /// Another program that searches, instead of this one.
    engine: Option<Engine>,
    copier: Option<Copier>,
}

impl Task for ProteinFolding {
    type Request = FoldRequest;
    type Answer = FoldAnswer;
    type Secret = Secret;

    const NAME: &'static str = "protein-folding";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "The shape of a protein chain that has the least energy.";
    const DELIVERY: Delivery = Delivery::Job;
    const HAS_UPSTREAM: bool = true;
    const LIMITS: Limits = Limits {
        request_bytes: 4 * 1024,
        // A chain of 60 tryptophans has some 1,500 atoms, of about 120 bytes each.
        answer_bytes: 1024 * 1024,
        patience: Duration::from_secs(600 + 300 + GRACE.as_secs()),
    };
    const CHEATS: &'static [&'static str] = &["broken", "copied"];

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        let options = [
            ("--model", setup.model.is_some()),
            ("--model-name", setup.model_name.is_some()),
        ];
        unused(&Self::id(), &options)?;
        let (engine, copier) = match (setup.cheat.as_deref(), &setup.upstream) {
            (Some("copied"), None) => {
                return Err(SetupError::Unusable(
                    "the cheat copied buys at a gateway; name one with --upstream".into(),
                ));
            }
            (Some("copied"), Some(gateway)) => (None, Some(Copier::new(gateway.clone()))),
            (_, upstream) => (upstream.as_ref().and_then(engine), None),
        };
        let effort = setup.effort.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&effort) {
            return Err(SetupError::Unusable(format!(
                "--effort {effort} is not from 0 to 1"
            )));
        }
        Ok(Self {
            challenges: Challenges::open(setup.challenges.as_deref(), setup.probe_budget)?,
            effort,
            shelf: Shelf::new(shelf::HEAD_START),
            engine,
            copier,
        })
    }

    fn check(request: &FoldRequest) -> Result<(), Complaint> {
        let sequence: Sequence = request
            .sequence
            .parse()
            .map_err(|error| Complaint::of("sequence", format!("is refused: {error}")))?;
        let residues = sequence.len();
        if !RESIDUES.contains(&residues) {
            let message = format!("has {residues} residues; give from 5 to 60");
            return Err(Complaint::of("sequence", message));
        }
        if !BUDGET_S.contains(&request.budget_s) {
            let message = format!("is {} seconds; give from 1 to 600", request.budget_s);
            return Err(Complaint::of("budget_s", message));
        }
        let title = request.title.as_deref().unwrap_or_default();
        if TITLE_CHARS_MAX < title.chars().count() {
            let message = format!("is longer than {TITLE_CHARS_MAX} characters");
            return Err(Complaint::of("title", message));
        }
        Ok(())
    }

    fn check_answer_to(request: &FoldRequest, answer: &FoldAnswer) -> Result<(), Complaint> {
        match checked(request, answer, Duration::ZERO) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Complaint::new(fault.to_string())),
        }
    }

    fn patience(request: &FoldRequest) -> Duration {
        Duration::from_secs_f64(1.5 * request.budget_s.clamp(*BUDGET_S.start(), *BUDGET_S.end()))
            + GRACE
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (FoldRequest, Secret) {
        let (sequence, native) = self.challenges.draw(rng);
        let request = FoldRequest {
            sequence: sequence.to_string(),
            is_capped: sequence.is_capped,
            budget_s: self.challenges.budget_s(rng) as f64,
            title: None,
        };
        let baseline = baseline(&sequence, request.budget_s, rng.random());
        (request, Secret { baseline, native })
    }

    fn judge(&self, request: &FoldRequest, answer: &FoldAnswer, secret: &Secret) -> Judgement {
        match checked(request, answer, Duration::ZERO) {
            Err(fault) => Judgement::fault(fault),
            // Alone it is the best there is; whoever was asked beside it is compared later.
            Ok(entry) => {
                let worths = secret.round(request).compared(&[entry]);
                judged(&worths[0], 0)
            }
        }
    }

    fn compare(
        &self,
        request: &FoldRequest,
        secret: &Secret,
        answers: &mut [Compared<FoldAnswer>],
    ) {
        let entries: Result<Vec<_>, Fault> = answers
            .iter()
            .map(|compared| checked(request, &compared.answer, compared.took))
            .collect();
        // Every one of them was checked before, so that a fault here is none of the miners'.
        let Ok(entries) = entries else { return };
        let worths = secret.round(request).compared(&entries);
        let others = answers.len().saturating_sub(1);
        for (compared, worth) in answers.iter_mut().zip(worths) {
            let speed = compared.judgement.speed;
            compared.judgement = Judgement {
                speed,
                ..judged(&worth, others)
            };
        }
    }

    fn solve(&self, request: &FoldRequest) -> Result<FoldAnswer, WorkError> {
        self.labour(request, &mut |_| ControlFlow::Continue(()))
    }

    fn labour(
        &self,
        request: &FoldRequest,
        report: &mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>,
    ) -> Result<FoldAnswer, WorkError> {
        let sequence = chain(request)?;
        let mut pass_on = |standing: Standing| {
            report(Progress {
                fraction: standing.fraction,
                figure: standing.energy,
                answer: None,
            })
        };
        let wish = Wish {
            sequence: &sequence,
            budget_s: request.budget_s,
            patience: Self::patience(request),
        };
        match self.shelf.claim(wish, &mut pass_on) {
            Claim::Known(answer) => Ok(FoldAnswer::clone(&answer)),
            Claim::Left => Err(nobody_waits()),
            Claim::Engaged => Err(WorkError::Failed(
                "this chain is being folded for longer than you would wait; ask another miner, or give more time".into(),
            )),
            Claim::Own(search) => self.search(&sequence, request.budget_s, search, report),
        }
    }

    fn cheat(&self, cheat: &str, request: &FoldRequest) -> Result<FoldAnswer, WorkError> {
        self.swindle(cheat, request, &mut |_| ControlFlow::Continue(()))
    }

    fn swindle(
        &self,
        cheat: &str,
        request: &FoldRequest,
        report: &mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>,
    ) -> Result<FoldAnswer, WorkError> {
        let sequence = chain(request)?;
        match (cheat, &self.copier) {
            ("copied", Some(copier)) => copier.answer(request, report),
            _ => Ok(cheats::broken(&sequence)),
        }
    }

    fn quality(window: &[Observation]) -> f64 {
        round::quality(window)
    }
}

impl ProteinFolding {
    /// Searches for as long as the request and the operator allow, and keeps what it finds.
    fn search(
        &self,
        sequence: &Sequence,
        budget_s: f64,
        search: shelf::Search<'_>,
        report: &mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>,
    ) -> Result<FoldAnswer, WorkError> {
        let failed = |error: &dyn std::fmt::Display| WorkError::Failed(error.to_string());
        let mut molecule = folding::build(sequence);
        let system = System::new(&molecule, Solvent::Obc2).map_err(|error| failed(&error))?;
        let (known, spent_s) = search.from.clone().unzip();
        if let Some(known) = &known {
            place(&mut molecule, known).map_err(|error| failed(&error))?;
        }
        let mut watch = Watch::new(&search, &molecule, report);
        let duration = Duration::from_secs_f64(budget_s - spent_s.unwrap_or_default());
        let seed = rand::rng().random();
        let on_progress = |progress: folding::Progress<'_>| watch.see(&progress);
        let found = match &self.engine {
            Some(engine) => engine
                .search(
                    &system,
                    &molecule,
                    duration.mul_f64(self.effort),
                    seed,
                    on_progress,
                )
                .map_err(|error| failed(&error))?,
            None => {
                let began = Instant::now();
                let budget = Budget::Time {
                    duration,
                    effort: self.effort,
                    clock: &|| began.elapsed(),
                };
                folding::search(&system, &molecule, budget, seed, on_progress)
            }
        };
        let has_left = watch.has_left;
        molecule.positions = found.positions;
        let answer = answer(&molecule, found.energy, found.evaluations, &found.history);
        let answer = match known {
            None => answer,
            Some(known) => gone_on(&known, answer, spent_s.unwrap_or_default()),
        };
        if !has_left {
            search.keep(Arc::new(answer.clone()));
        }
        Ok(answer)
    }
}

/// Puts a built chain where an answer says.
fn place(molecule: &mut Molecule, answer: &FoldAnswer) -> Result<(), molecule::FileError> {
    let known = mmcif::read(&answer.mmcif)?;
    for (atom, position) in molecule.atoms.iter().zip(&mut molecule.positions) {
        // This program wrote it, of the same chain.
        if let Some(at) = known.position(atom.residue, atom.name.as_str()) {
            *position = at;
        }
    }
    Ok(())
}

/// What came of going on from an answer after so many seconds: never a worse one.
fn gone_on(known: &FoldAnswer, found: FoldAnswer, spent_s: f64) -> FoldAnswer {
    let evaluations = known.evaluations + found.evaluations;
    // On a busy machine the last point comes after the time given.
    let spent_s = known
        .history
        .last()
        .map_or(spent_s, |[at, _]| at.max(spent_s));
    let on = found
        .history
        .iter()
        .map(|[at, energy]| [spent_s + at, *energy]);
    // The last point before and the answer may differ in the last bit.
    let before = known.history.iter().map(|[_, energy]| *energy);
    let lowest = before.fold(known.energy, f64::min);
    let lower = on.filter(|[_, energy]| *energy < lowest);
    let history = thinned(known.history.iter().copied().chain(lower).collect());
    let better = match found.energy < known.energy {
        true => found,
        false => known.clone(),
    };
    FoldAnswer {
        evaluations,
        history,
        ..better
    }
}

/// A search under way: those who wait for it are told of every step, and shown every better structure.
struct Watch<'a> {
    search: &'a shelf::Search<'a>,
    report: &'a mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>,
    molecule: Molecule,
    lowest: f64,
    has_left: bool,
}

impl<'a> Watch<'a> {
    fn new(
        search: &'a shelf::Search<'a>,
        molecule: &Molecule,
        report: &'a mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>,
    ) -> Self {
        Self {
            search,
            report,
            molecule: molecule.clone(),
            lowest: f64::INFINITY,
            has_left: false,
        }
    }

    fn see(&mut self, progress: &folding::Progress<'_>) -> ControlFlow<()> {
        self.search.tell(Standing {
            fraction: progress.fraction,
            energy: Some(progress.energy),
        });
        let better = (progress.energy < self.lowest).then(|| {
            self.lowest = progress.energy;
            self.molecule.positions.copy_from_slice(progress.positions);
            answer(
                &self.molecule,
                progress.energy,
                progress.evaluations,
                progress.history,
            )
        });
        let next = (self.report)(Progress {
            fraction: progress.fraction,
            figure: Some(progress.energy),
            answer: better,
        });
        self.has_left |= next.is_break();
        next
    }
}

/// The program that an operator names, with its arguments, words apart by blanks.
fn engine(upstream: &Upstream) -> Option<Engine> {
    let mut words = upstream.url.split_whitespace();
    let program = words.next()?.into();
    let arguments = words.map(str::to_owned).collect();
    Some(Engine { program, arguments })
}

/// A structure as an answer.
fn answer(
    molecule: &Molecule,
    energy: f64,
    evaluations: u64,
    history: &[(f64, f64)],
) -> FoldAnswer {
    let points = history.iter().map(|(at, energy)| [*at, *energy]);
    FoldAnswer {
        energy,
        mmcif: mmcif::write(molecule, ""),
        evaluations,
        history: thinned(points.collect()),
    }
}

/// At most [`HISTORY_MAX`] of these points, the last of them always.
fn thinned(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let step = points.len().div_ceil(HISTORY_MAX).max(1);
    let mut thinned: Vec<[f64; 2]> = points.into_iter().rev().step_by(step).collect();
    thinned.reverse();
    thinned
}

fn nobody_waits() -> WorkError {
    WorkError::Failed("nobody waits any more".into())
}

/// The chain of a request that was checked.
fn chain(request: &FoldRequest) -> Result<Sequence, WorkError> {
    let residues: Sequence = request
        .sequence
        .parse()
        .map_err(|error| Complaint::of("sequence", format!("is refused: {error}")))?;
    let is_capped = request.is_capped;
    Ok(Sequence {
        is_capped,
        ..residues
    })
}

/// The structure of an answer in order, with the energy that it has.
fn checked(
    request: &FoldRequest,
    answer: &FoldAnswer,
    took: Duration,
) -> Result<round::Entry, Fault> {
    let unreadable = |what: String| Fault::Unreadable(what);
    let sequence = chain(request).map_err(|error| unreadable(error.to_string()))?;
    if HISTORY_MAX < answer.history.len() {
        return Err(unreadable(format!(
            "the history has more than {HISTORY_MAX} points"
        )));
    }
    let molecule = mmcif::read(&answer.mmcif).map_err(|error| unreadable(error.to_string()))?;
    let energy = folding::check(&sequence, &molecule, answer.energy)
        .map_err(|refusal| Fault::FalseAnswer(refusal.to_string()))?;
    Ok(round::Entry {
        energy: energy.total(),
        molecule,
        took_s: took.as_secs_f64(),
    })
}

fn judged(worth: &round::Worth, others: usize) -> Judgement {
    Judgement {
        figures: vec![others as f32, worth.newness as f32],
        ..Judgement::of(worth.quality, worth.reason.clone())
    }
}

/// The energy that the judge comes to by itself: the same on every machine, as it spends a count of evaluations.
fn baseline(sequence: &Sequence, budget_s: f64, seed: u64) -> f64 {
    let chain = folding::build(sequence);
    let system = System::new(&chain, Solvent::Obc2)
        .expect("every residue that is drawn or was read has its parameters");
    let budget = Budget::Evaluations(evaluations(sequence.len(), budget_s));
    let go_on = |_: folding::Progress<'_>| ControlFlow::Continue(());
    folding::search(&system, &chain, budget, seed, go_on).energy
}

/// How many evaluations the judge's own search of a chain takes.
fn evaluations(residues: usize, budget_s: f64) -> u64 {
    let times_in = |length: f64| (length / residues as f64).min(1.0).powi(2);
    let wanted = EVALUATIONS_PER_S * budget_s * times_in(SHORT);
    let most = folding::baseline::BASELINE_EVALUATIONS as f64 * times_in(LONG);
    wanted.min(most) as u64
}

#[cfg(test)]
mod tests;
