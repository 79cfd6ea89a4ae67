//! Proteins in, structures out: `/v1/folds`, a front door to the jobs of one task in the shape people expect.
//!
//! A fold is a job of the task `protein-folding` whose request is a sequence and the time to spend on it. Its files are made here
//! from the miner's answer, the best so far while it works: the structure as mmCIF and PDB, a Ramachandran plot, and the energy
//! over time.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State as With};
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use molecule::{Molecule, mmcif, pdb, plot};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use crate::error::ApiError;
use crate::jobs::Job;
use crate::jobs::api::{Face, Wanted, delivered, found, netuid, object, text};
use crate::limits::Customer;
use crate::openapi;
use crate::service::{Gateway, ascii};

/// The task that folds.
pub(crate) const TASK: &str = "protein-folding";

/// How far an energy may be from that of the coordinates, in kcal/mol: as far as the task's check lets it.
pub(crate) const ENERGY_SLACK: f64 = 0.01;

/// `/v1/folds`.
static FOLDS: Face = Face {
    object: "fold",
    task: Some(TASK),
    tell,
};

/// The files of a fold, by the end of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Cif,
    Pdb,
    Ramachandran,
    Energy,
}

impl File {
    const ALL: [Self; 4] = [Self::Cif, Self::Pdb, Self::Ramachandran, Self::Energy];

    const fn name(self) -> &'static str {
        match self {
            Self::Cif => "structure.cif",
            Self::Pdb => "structure.pdb",
            Self::Ramachandran => "ramachandran.svg",
            Self::Energy => "energy.svg",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Cif => "chemical/x-mmcif",
            Self::Pdb => "chemical/x-pdb",
            Self::Ramachandran | Self::Energy => "image/svg+xml",
        }
    }

    /// Makes the file from an answer.
    fn write(self, answer: &Answer) -> Result<String, molecule::FileError> {
        let molecule = || -> Result<Molecule, molecule::FileError> { mmcif::read(&answer.mmcif) };
        Ok(match self {
            Self::Cif => answer.mmcif.clone(),
            Self::Pdb => pdb::write(&molecule()?),
            Self::Ramachandran => plot::ramachandran(&molecule()?),
            Self::Energy => plot::energy_over_time(&answer.told()),
        })
    }
}

impl Answer {
    /// How the energy fell, by the miner's account, as far as the structure bears it out: nothing was ever lower than what was found.
    fn told(&self) -> Vec<(f64, f64)> {
        let is_possible =
            |(at, energy): &(f64, f64)| 0.0 <= *at && self.energy - ENERGY_SLACK <= *energy;
        self.history.iter().copied().filter(is_possible).collect()
    }
}

/// The energy of an answer, in kcal/mol: that of its coordinates, if it has been checked.
pub(crate) fn energy(answer: &str) -> Option<f64> {
    #[derive(Deserialize)]
    struct Energy {
        energy: f64,
    }
    let read = serde_json::from_str::<Energy>(answer).ok();
    read.map(|read| read.energy)
}

/// What is read of the task's answer.
#[derive(Deserialize)]
struct Answer {
    energy: f64,
    mmcif: String,
    #[serde(default)]
    history: Vec<(f64, f64)>,
}

/// What is told of a fold beyond what is told of every job.
fn tell(job: &Job, told: &mut Map<String, Value>) {
    let (energy, is_checked) = job.shown();
    told.insert("energy".into(), json!(energy));
    told.insert("energy_is_checked".into(), json!(is_checked));
    let request: Value = serde_json::from_str(&job.request).unwrap_or_default();
    for name in ["sequence", "is_capped", "budget_s"] {
        told.insert(name.into(), request[name].clone());
    }
    let id = told["id"].as_str().unwrap_or_default().to_owned();
    let place = |file: &File| (file.name(), format!("/v1/folds/{id}/{}", file.name()));
    let files: Map<String, Value> = match job.answer {
        Some(_) => File::ALL
            .iter()
            .map(|file| {
                let (name, at) = place(file);
                (name.to_owned(), json!(at))
            })
            .collect(),
        None => Map::new(),
    };
    told.insert("files".into(), Value::Object(files));
}

/// Begins to fold a protein.
///
/// The `id` that comes back is the fold's name, 128 random bits. Whoever knows it may read the fold and its files; keep it. Where the
/// gateway asks for no keys it is also all that is needed to cancel or delete the fold, and cannot be found again in a list.
#[utoipa::path(post, path = "/v1/folds", tag = "folds", request_body = openapi::FoldRequest,
    responses(
        (status = 202, description = "The fold, which goes on by itself", body = openapi::Fold),
        (status = "4XX", description = "The request is at fault, or there are too many of yours", body = crate::error::ErrorEnvelope),
        (status = 503, description = "There is no room for more", body = crate::error::ErrorEnvelope),
    ))]
pub async fn create(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let _place = gateway.gates.admit()?;
    let mut fields = object(&body)?;
    let wanted = Wanted {
        task: TASK,
        netuid: netuid(&mut fields)?,
        title: text(&mut fields, "title")?,
        request: Value::Object(fields),
    };
    let job = wanted.order(&gateway, customer.owner).await?;
    Ok(FOLDS.accepted(&gateway, &job))
}

/// Lists your folds, newest first: those created with your key.
///
/// A gateway that asks for no keys cannot tell customers apart and shows a list only to whoever asks from its own machine.
#[utoipa::path(get, path = "/v1/folds", tag = "folds",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, from 1 to 100; 20 unless given"),
        ("after" = Option<String>, Query, description = "Only those after this one in the list"),
    ),
    responses(
        (status = 200, description = "The folds", body = openapi::FoldList),
        (status = 403, description = "The gateway asks for no keys, and lists nothing", body = crate::error::ErrorEnvelope),
    ))]
pub async fn list(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    FOLDS.list(&gateway, customer, &uri)
}

/// Tells how a fold is getting on.
#[utoipa::path(get, path = "/v1/folds/{id}", tag = "folds",
    params(("id" = String, Path, description = "The fold's name")),
    responses(
        (status = 200, description = "The fold", body = openapi::Fold),
        (status = 404, description = "No such fold", body = crate::error::ErrorEnvelope),
    ))]
pub async fn one(
    With(gateway): With<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    FOLDS.one(&gateway, &id)
}

/// Ends a fold; what it has found stays. Only the key that created it may; without keys, whoever knows its name.
#[utoipa::path(post, path = "/v1/folds/{id}/cancel", tag = "folds",
    params(("id" = String, Path, description = "The fold's name")),
    responses(
        (status = 200, description = "The fold as it is now", body = openapi::Fold),
        (status = 403, description = "It was created with another key", body = crate::error::ErrorEnvelope),
        (status = 404, description = "No such fold", body = crate::error::ErrorEnvelope),
    ))]
pub async fn cancel(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    FOLDS.cancel(&gateway, customer, &id).await
}

/// Ends a fold and forgets it. Only the key that created it may; without keys, whoever knows its name.
#[utoipa::path(delete, path = "/v1/folds/{id}", tag = "folds",
    params(("id" = String, Path, description = "The fold's name")),
    responses(
        (status = 200, description = "It is gone", body = openapi::Deleted),
        (status = 403, description = "It was created with another key", body = crate::error::ErrorEnvelope),
        (status = 404, description = "No such fold", body = crate::error::ErrorEnvelope),
    ))]
pub async fn delete(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    FOLDS.delete(&gateway, customer, &id).await
}

/// Tells of a fold's progress as it comes, until it ends.
#[utoipa::path(get, path = "/v1/folds/{id}/events", tag = "folds",
    params(
        ("id" = String, Path, description = "The fold's name"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Only what is newer than this; the end is told in any case"),
    ),
    responses(
        (status = 200, description = "Server-sent events `progress`, then one of `done`, `failed`, `cancelled`; each with the fold",
            body = String, content_type = "text/event-stream"),
        (status = 404, description = "No such fold", body = crate::error::ErrorEnvelope),
    ))]
pub async fn events(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    FOLDS.events(&gateway, customer, &id, &headers)
}

/// Gives one of a fold's files, of the best structure so far: the header `x-stoa-job` says whether it is final.
#[utoipa::path(get, path = "/v1/folds/{id}/{file}", tag = "folds",
    params(
        ("id" = String, Path, description = "The fold's name"),
        ("file" = String, Path, description = "`structure.cif`, `structure.pdb`, `ramachandran.svg` or `energy.svg`"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (String = "chemical/x-mmcif"), (String = "chemical/x-pdb"), (String = "image/svg+xml"))),
        (status = 404, description = "No such fold, or no such file", body = crate::error::ErrorEnvelope),
        (status = 409, description = "Nothing has been found", body = crate::error::ErrorEnvelope),
    ))]
pub async fn file(
    With(gateway): With<Gateway>,
    Path((id, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let place = gateway.gates.admit()?;
    let file = File::ALL.into_iter().find(|file| file.name() == name);
    let file = file.ok_or_else(|| ApiError::unknown_url("GET", uri.path()))?;
    let job = FOLDS.find(&gateway, &id)?;
    let given = found(&job)?.clone();
    let desk = gateway.gates.desk().await;
    let body = given.body.clone();
    let writing = spawn_blocking(move || {
        let _desk = desk;
        let answer: Answer = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        file.write(&answer).map_err(|error| error.to_string())
    });
    let written = writing.await.unwrap_or_else(|error| Err(error.to_string()));
    let content = written.map_err(|error| {
        tracing::warn!(error, miner = %given.miner, fold = %id, "a structure cannot be read");
        ApiError::unreadable_result()
    })?;
    let disposition = ascii(format!("inline; filename=\"{}\"", file.name()));
    let mut response = delivered(&job, &given, content.into(), place);
    response.headers_mut().extend([
        (CONTENT_TYPE, HeaderValue::from_static(file.media_type())),
        (CONTENT_DISPOSITION, disposition),
        // The structure is a stranger's text: no browser may take it for a page.
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
        ),
    ]);
    Ok(response)
}
