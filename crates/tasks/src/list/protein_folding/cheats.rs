//! The villains of a development network: who makes a structure up, and who passes off somebody else's.
//!
//! The second is as good as one can be who knows the judge's rule: it buys a little more time than it was given, where that can be had,
//! so that what it sells is no worse than what the others find; changes it slightly, in several ways, so that it is new; and hands in
//! what the rule would pay most for.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use amber::{Solvent, System};
use folding::anatomy::Anatomy;
use folding::newness;
use folding::search::{minimised, shaken};
use molecule::{Molecule, Sequence, mmcif};
use rand::RngExt;
use serde_json::{Value, json};

use super::round::share;
use super::{BUDGET_S, FoldAnswer, FoldRequest, nobody_waits};
use crate::{Progress, Upstream, WorkError};

/// What `broken` leaves of every distance.
const COLLAPSE: f64 = 0.8;
/// What it claims for each residue, in kcal/mol: more than any honest chain comes to.
const CLAIM: f64 = -500.0;
/// What `copied` buys of the time that it was given: as much as still comes in time, and more than whom it buys from was given, so that it
/// may get another structure.
const SHARE: f64 = 1.1;
/// How far it shifts what it bought, in ångström.
const SHIFT_A: f64 = 20.0;
/// How long it looks for a disguise.
const DISGUISING: Duration = Duration::from_secs(1);
/// What it tries, by turns: degrees by which every joint is turned, and side chains that are turned at all.
const DISGUISES: [(f64, usize); 4] = [(2.0, 0), (0.5, 1), (1.0, 1), (1.0, 3)];
/// The evaluations that each disguise is relaxed with.
const RELAXING: u64 = 60;
/// How often it asks whether anybody still waits.
const PULSE: Duration = Duration::from_millis(250);
/// What a purchase may take beyond the time that was bought.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whoever waits for a cheat's answer.
type Report<'a> = &'a mut dyn FnMut(Progress<FoldAnswer>) -> ControlFlow<()>;

/// A chain whose atoms all moved closer together, with an energy that would be a record.
pub(super) fn broken(sequence: &Sequence) -> FoldAnswer {
    let mut molecule = folding::build(sequence);
    for position in &mut molecule.positions {
        *position = position.map(|length| COLLAPSE * length);
    }
    let energy = CLAIM * sequence.len() as f64;
    FoldAnswer {
        energy,
        mmcif: mmcif::write(&molecule, ""),
        evaluations: 1,
        history: vec![[0.0, energy]],
    }
}

/// Buys the same chain at a gateway, as any customer could, and hands it in disguised, shifted and turned.
pub(super) struct Copier {
    gateway: Upstream,
    /// What is being bought: the gateway may ask the copier itself.
    buying: Mutex<HashSet<String>>,
}

/// A chain that is being bought, until it is dropped.
struct Purchase<'a> {
    copier: &'a Copier,
    sequence: String,
}

impl Drop for Purchase<'_> {
    fn drop(&mut self) {
        self.copier.lock().remove(&self.sequence);
    }
}

impl Copier {
    pub fn new(gateway: Upstream) -> Self {
        let buying = Mutex::default();
        Self { gateway, buying }
    }

    /// Somebody else's answer to the same question.
    pub fn answer(
        &self,
        request: &FoldRequest,
        report: Report<'_>,
    ) -> Result<FoldAnswer, WorkError> {
        let failed = |error: String| WorkError::Failed(error);
        let sequence = request.sequence.clone();
        if !self.lock().insert(sequence.clone()) {
            let message = "is asked for what it is just buying";
            return Err(failed(message.into()));
        }
        let purchase = Purchase {
            copier: self,
            sequence,
        };
        let bought = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))
            .and_then(|runtime| runtime.block_on(watched(&self.gateway, request, report)));
        drop(purchase);
        let bought = bought?;
        let molecule = mmcif::read(&bought.mmcif)
            .map_err(|error| failed(format!("bought what is no structure: {error}")))?;
        let mut molecule =
            disguised(molecule, report).map_err(|error| failed(error.to_string()))?;
        turn(&mut molecule);
        let system = System::new(&molecule, Solvent::Obc2);
        let system = system.map_err(|error| failed(error.to_string()))?;
        Ok(FoldAnswer {
            energy: system.energy(&molecule.positions).total(),
            mmcif: mmcif::write(&molecule, ""),
            ..bought
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.buying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An order that was placed.
struct Order {
    http: reqwest::Client,
    url: String,
}

impl Order {
    /// Ends it, so that nobody works at it in vain. Best effort: the gateway forgets it by itself in time.
    async fn withdraw(&self) {
        let withdrawal = self.http.delete(&self.url).timeout(PULSE * 4);
        withdrawal.send().await.ok();
    }
}

/// Buys for as long as somebody waits for it.
async fn watched(
    gateway: &Upstream,
    request: &FoldRequest,
    report: Report<'_>,
) -> Result<FoldAnswer, WorkError> {
    let failed = |error: String| WorkError::Failed(format!("buys in vain: {error}"));
    let began = Instant::now();
    let patience = Duration::from_secs_f64(SHARE * request.budget_s) + PATIENCE;
    let placed = OnceCell::new();
    let buying = tokio::time::timeout(patience, buy(gateway, request, &placed));
    let mut bought = std::pin::pin!(buying);
    loop {
        tokio::select! {
            bought = &mut bought => {
                let bought = bought.map_err(|error| failed(error.to_string()))?;
                return bought.map_err(|error| failed(error.to_string()));
            }
            () = tokio::time::sleep(PULSE) => {
                let fraction = began.elapsed().as_secs_f64() / patience.as_secs_f64();
                let progress = Progress { fraction: fraction.min(1.0), figure: None, answer: None };
                if report(progress).is_break() {
                    if let Some(order) = placed.get() {
                        order.withdraw().await;
                    }
                    return Err(nobody_waits());
                }
            }
        }
    }
}

/// Buys a chain, waits until it is folded, and fetches it.
async fn buy(
    gateway: &Upstream,
    request: &FoldRequest,
    placed: &OnceCell<Order>,
) -> Result<FoldAnswer, reqwest::Error> {
    let budget_s = (SHARE * request.budget_s).min(*BUDGET_S.end());
    let wanted = json!({
        "sequence": request.sequence,
        "is_capped": request.is_capped,
        "budget_s": budget_s,
    });
    let base = gateway.url.trim_end_matches('/').trim_end_matches("/v1");
    // The process-wide provider may have been chosen already; either way there is one afterwards.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let folds = format!("{base}/v1/folds");
    let http = reqwest::Client::builder().no_proxy().build()?;
    let sent = http.post(&folds).json(&wanted).send().await?;
    let job: Value = sent.error_for_status()?.json().await?;
    let url = format!("{folds}/{}", job["id"].as_str().unwrap_or_default());
    let order = placed.get_or_init(|| Order {
        http: http.clone(),
        url: url.clone(),
    });
    let mut events = http.get(format!("{url}/events")).send().await?;
    // They end when the job does; what they tell is of no interest.
    while events.chunk().await?.is_some() {}
    let job: Value = http.get(&url).send().await?.json().await?;
    let file = http.get(format!("{url}/structure.cif")).send().await?;
    let mmcif = file.error_for_status()?.text().await?;
    order.withdraw().await;
    let energy = job["energy"].as_f64().unwrap_or_default();
    Ok(FoldAnswer {
        energy,
        mmcif,
        evaluations: 1,
        history: vec![[budget_s, energy]],
    })
}

/// A structure changed so that the rule would pay most for it beside the one that it was: each change is relaxed for a moment, and
/// what counts is how new it is and how little of the gain is lost. Looks for [`DISGUISING`], or until nobody waits.
pub(super) fn disguised(
    molecule: Molecule,
    report: Report<'_>,
) -> Result<Molecule, amber::AmberError> {
    let anatomy = Anatomy::new(&molecule.sequence());
    let system = System::new(&anatomy.molecule, Solvent::Obc2)?;
    let place = |atom: &molecule::Atom| molecule.position(atom.residue, atom.name.as_str());
    let Some(source) = anatomy.molecule.atoms.iter().map(place).collect() else {
        return Ok(molecule);
    };
    let source: Vec<molecule::Point> = source;
    let with = |positions: Vec<molecule::Point>| Molecule {
        positions,
        ..anatomy.molecule.clone()
    };
    let original = with(source.clone());
    // What a judge's short search may come to.
    let (_, poor) = minimised(&system, &anatomy.molecule.positions, RELAXING);
    let gain = poor - system.energy(&source).total();
    let (mut rng, began) = (rand::rng(), Instant::now());
    let mut best = (0.0, source.clone());
    for (degrees, side_chains) in DISGUISES.into_iter().cycle() {
        let progress = Progress {
            fraction: 1.0,
            figure: None,
            answer: None,
        };
        if DISGUISING <= began.elapsed() || report(progress).is_break() {
            break;
        }
        let tried = shaken(&anatomy, &source, degrees, side_chains, &mut rng);
        let (tried, energy) = minimised(&system, &tried, RELAXING);
        let tried = with(tried);
        let worth = newness(&original, &tried) * share(poor - energy, gain);
        if best.0 < worth && folding::check(&anatomy.molecule.sequence(), &tried, energy).is_ok() {
            best = (worth, tried.positions);
        }
    }
    Ok(with(best.1))
}

/// Turns a molecule by a random angle about one axis after another, and shifts it.
pub(super) fn turn(molecule: &mut Molecule) {
    let mut rng = rand::rng();
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        let (sin, cos) = rng.random_range(0.0..std::f64::consts::TAU).sin_cos();
        for position in &mut molecule.positions {
            let (from, to) = (position[a], position[b]);
            position[a] = cos * from - sin * to;
            position[b] = sin * from + cos * to;
        }
    }
    let shift = [0; 3].map(|_| rng.random_range(-SHIFT_A..SHIFT_A));
    for position in &mut molecule.positions {
        for (length, shift) in position.iter_mut().zip(shift) {
            *length += shift;
        }
    }
}
