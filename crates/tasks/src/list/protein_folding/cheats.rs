//! The villains of a development network: who makes a structure up, and who passes off somebody else's.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use amber::{Solvent, System};
use molecule::{Molecule, Sequence, mmcif};
use rand::RngExt;
use serde_json::{Value, json};

use super::{BUDGET_S, FoldAnswer, FoldRequest};
use crate::{Upstream, WorkError};

/// What `broken` leaves of every distance.
const COLLAPSE: f64 = 0.8;
/// What it claims for each residue, in kcal/mol: more than any honest chain comes to.
const CLAIM: f64 = -500.0;
/// What `copied` buys of the time that it was given, so that it can still deliver.
const SHARE: f64 = 0.5;
/// How far it shifts what it bought, in ångström.
const SHIFT_A: f64 = 20.0;
/// What a purchase may take beyond the time that was bought.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Buys the same chain at a gateway, as any customer could, and hands it in shifted and turned.
pub(super) struct Copier {
    gateway: Upstream,
    /// What is being bought: the gateway may ask the copier itself.
    buying: Mutex<HashSet<String>>,
}

impl Copier {
    pub fn new(gateway: Upstream) -> Self {
        let buying = Mutex::default();
        Self { gateway, buying }
    }

    /// Somebody else's answer to the same question.
    pub fn answer(&self, request: &FoldRequest) -> Result<FoldAnswer, WorkError> {
        let name = request.sequence.clone();
        if !self.lock().insert(name.clone()) {
            return Err(WorkError::Failed(
                "is asked for what it is just buying".into(),
            ));
        }
        let bought = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| WorkError::Failed(error.to_string()))
            .and_then(|runtime| runtime.block_on(buy(&self.gateway, request)));
        self.lock().remove(&name);
        let bought = bought?;
        let mut molecule = mmcif::read(&bought.mmcif)
            .map_err(|error| WorkError::Failed(format!("bought what is no structure: {error}")))?;
        turn(&mut molecule);
        let system = System::new(&molecule, Solvent::Obc2)
            .map_err(|error| WorkError::Failed(error.to_string()))?;
        let energy = system.energy(&molecule.positions).total();
        let mmcif = mmcif::write(&molecule, "");
        Ok(FoldAnswer {
            energy,
            mmcif,
            ..bought
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.buying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Buys a chain, waits until it is folded, and fetches it.
async fn buy(gateway: &Upstream, request: &FoldRequest) -> Result<FoldAnswer, WorkError> {
    let budget_s = (SHARE * request.budget_s).max(*BUDGET_S.start());
    let order = json!({
        "sequence": request.sequence,
        "is_capped": request.is_capped,
        "budget_s": budget_s,
    });
    let base = gateway.url.trim_end_matches('/').trim_end_matches("/v1");
    // The process-wide provider may have been chosen already; either way there is one afterwards.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let purchase = async {
        let folds = format!("{base}/v1/folds");
        let http = reqwest::Client::builder().no_proxy().build()?;
        let sent = http.post(&folds).json(&order).send().await?;
        let job: Value = sent.error_for_status()?.json().await?;
        let url = format!("{folds}/{}", job["id"].as_str().unwrap_or_default());
        let mut events = http.get(format!("{url}/events")).send().await?;
        // They end when the job does; what they tell is of no interest.
        while events.chunk().await?.is_some() {}
        let job: Value = http.get(&url).send().await?.json().await?;
        let file = http.get(format!("{url}/structure.cif")).send().await?;
        let mmcif = file.error_for_status()?.text().await?;
        // Best effort: the gateway forgets it by itself in time.
        http.delete(&url).send().await.ok();
        let energy = job["energy"].as_f64().unwrap_or_default();
        Ok::<_, reqwest::Error>(FoldAnswer {
            energy,
            mmcif,
            evaluations: 1,
            history: vec![[budget_s, energy]],
        })
    };
    let failed = |error: String| WorkError::Failed(format!("buys in vain: {error}"));
    let patience = Duration::from_secs_f64(request.budget_s) + PATIENCE;
    let bought = tokio::time::timeout(patience, purchase).await;
    let bought = bought.map_err(|error| failed(error.to_string()))?;
    bought.map_err(|error| failed(error.to_string()))
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
