//! A miner's half of text: a model in this process, a server elsewhere, or a villain.

use std::sync::Arc;
use std::time::Duration;

use inference::local::Limits;
use inference::model::{Model, SHIPPED, Source};
use inference::precision::Precision;
use inference::upstream::Settings;
use inference::{Engine, LocalEngine, Upstream};

use super::canned::{self, Canned};
use crate::{Setup, SetupError};

/// Villains that a development miner can play: a network of the right shape that knows nothing; one text for every
/// question; the right network in a quarter of the bits.
pub(super) const CHEATS: &[&str] = &["untrained", "canned", "rounded-4bit"];

/// Names the weights of the untrained villain.
const UNTRAINED_SEED: u64 = 1;
/// The longest prompt and answer together that are sent to another server, where no model here says better.
const UPSTREAM_CONTEXT_TOKENS: usize = 4096;
/// The longest wait for anything from another server.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(60);
/// Requests under way at once at another server.
const UPSTREAM_ANSWERS: usize = 64;

/// The model that a setup names.
pub(super) fn source(setup: &Setup) -> Source {
    match &setup.model {
        None => Source::Shipped,
        Some(folder) if folder.as_os_str() == SHIPPED => Source::Shipped,
        Some(folder) => Source::Folder(folder.clone()),
    }
}

/// The name by which the model of a setup is asked for: its own, its folder's, or that of the shipped one.
pub(super) fn model_name(setup: &Setup) -> String {
    if let Some(name) = &setup.model_name {
        return name.clone();
    }
    let folder = setup.model.as_ref().and_then(|path| path.file_name());
    folder.map_or(SHIPPED.into(), |name| name.to_string_lossy().into_owned())
}

/// Opens the engine that a setup describes.
pub(super) fn engine(setup: &Setup) -> Result<Arc<dyn Engine>, SetupError> {
    if let Some(upstream) = &setup.upstream {
        return elsewhere(setup, upstream);
    }
    let source = source(setup);
    let opened = match setup.cheat.as_deref() {
        None => Model::open(&source),
        Some("untrained") => Model::untrained(&source, UNTRAINED_SEED),
        Some("rounded-4bit") => Model::open_in(&source, Precision::Int4),
        Some(_) => return canned(setup, &source),
    };
    let model = Arc::new(opened.map_err(unusable)?);
    let mut limits = Limits::default();
    limits.answers = setup.answers_max.unwrap_or(limits.answers);
    let engine = LocalEngine::start(model_name(setup), model, limits).map_err(unusable)?;
    Ok(Arc::new(engine))
}

fn canned(setup: &Setup, source: &Source) -> Result<Arc<dyn Engine>, SetupError> {
    let model = Model::open(source).map_err(unusable)?;
    let tokens = model.vocabulary().encode(canned::TEXT).map_err(unusable)?;
    let context_tokens = model.context_tokens();
    Ok(Arc::new(Canned::new(
        model_name(setup),
        canned::TEXT.into(),
        tokens,
        context_tokens,
    )))
}

fn elsewhere(setup: &Setup, upstream: &crate::Upstream) -> Result<Arc<dyn Engine>, SetupError> {
    let offered_as = model_name(setup);
    let settings = Settings {
        url: upstream.url.clone(),
        model: upstream.model.clone().unwrap_or_else(|| offered_as.clone()),
        api_key: upstream.api_key.clone(),
        offered_as,
        context_tokens: UPSTREAM_CONTEXT_TOKENS,
        answers: setup.answers_max.unwrap_or(UPSTREAM_ANSWERS),
        patience: UPSTREAM_PATIENCE,
    };
    Ok(Arc::new(Upstream::new(settings).map_err(unusable)?))
}

pub(super) fn unusable(error: inference::Error) -> SetupError {
    SetupError::Unusable(error.to_string())
}
