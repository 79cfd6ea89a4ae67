//! The board: all jobs of a gateway by name, within their bounds, each on the shelf before anybody is told of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::NetUid;
use tasks::Kind;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::jobs::listeners::{Listeners, Seat};
use crate::jobs::room::{self, Held};
use crate::jobs::{
    Bounds, Job, JobId, Owner, Place, Rhythm, Setting, Shelf, ShelfError, State, carrier,
};
use crate::metrics::Metrics;
use crate::subnets::Subnets;

/// All jobs of a gateway.
#[derive(Clone)]
pub struct Jobs(Arc<Board>);

struct Board {
    shelf: Arc<Shelf>,
    setting: Setting,
    entries: Mutex<HashMap<JobId, Arc<Entry>>>,
    listeners: Arc<Listeners>,
    /// Where answers are checked: as many at once as there are processors, however many come.
    desks: Arc<Semaphore>,
}

/// One job on the board.
pub(super) struct Entry {
    /// What is known of it; listeners wait for the next version.
    pub(super) job: watch::Sender<Job>,
    /// Whether it has been deleted. Held while its file is written, so that the last writer knows.
    is_gone: tokio::sync::Mutex<bool>,
    /// To whom it was offered last, who may have taken it without having said so yet.
    offered: Mutex<Option<Place>>,
    /// Something is worth saving.
    pub(super) dirty: Notify,
    /// Done once nobody carries it any more.
    pub(super) at_rest: CancellationToken,
    /// What it may grow to, in bytes.
    bytes_max: usize,
}

/// What a customer wants.
pub struct Order {
    /// What kind of work.
    pub kind: &'static dyn Kind,
    /// Its request in the canonical form.
    pub request: Arc<str>,
    /// A name for people.
    pub title: Option<String>,
    /// The only subnet that may do it, if the customer chose.
    pub only: Option<NetUid>,
    /// Who wants it.
    pub owner: Owner,
}

/// A place among a job's listeners.
pub(crate) struct Listening {
    pub(crate) job: watch::Receiver<Job>,
    _seat: Seat,
}

/// Some of a customer's jobs, as they are shown, and whether there are more after them.
pub(crate) struct Page<T> {
    pub(crate) jobs: Vec<T>,
    pub(crate) has_more: bool,
}

impl Jobs {
    /// Opens the board: reads the jobs that are kept, and goes on with those that are unfinished. Belongs inside a runtime.
    ///
    /// # Errors
    ///
    /// [`ShelfError`] if the folder cannot be used.
    pub fn open(setting: Setting) -> Result<Self, ShelfError> {
        let (shelf, kept) = Shelf::open(setting.folder.as_deref())?;
        let jobs = Self(Arc::new(Board {
            shelf: Arc::new(shelf),
            entries: Mutex::default(),
            listeners: Arc::default(),
            desks: Arc::new(Semaphore::new(processors())),
            setting,
        }));
        let count = kept.len();
        for mut job in kept {
            if !job.state.is_finished() {
                // More may have been told than was saved; what is told from now on is newer.
                job.touch(daemon::unix_ms());
            }
            job.measure();
            let kind = tasks::find(&job.task).ok();
            let bytes_max = kind.map_or(job.bytes(), |kind| worst(&job, kind));
            jobs.hang(Arc::new(Entry::new(job, bytes_max)));
        }
        if 0 < count {
            tracing::info!(count, "jobs from before are here again");
        }
        tokio::spawn(sweep(jobs.clone()));
        Ok(jobs)
    }

    /// A board without a folder, on which jobs end with the process.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn in_memory(subnets: Subnets, metrics: Arc<Metrics>) -> Self {
        let setting = Setting {
            folder: None,
            bounds: Bounds::default(),
            rhythm: Rhythm::default(),
            subnets,
            metrics,
            shutdown: CancellationToken::new(),
        };
        Self::open(setting).expect("nothing is read without a folder")
    }

    /// Takes a job on. Once this returns, the job survives a restart.
    ///
    /// # Errors
    ///
    /// 429 if the customer has too many, 503 if the board is full or the shelf takes no more.
    pub async fn create(&self, order: Order) -> Result<Job, ApiError> {
        let Order {
            kind,
            request,
            title,
            only,
            owner,
        } = order;
        self.forget_expired();
        let job = Job::new(kind.id(), only, owner, request, title, daemon::unix_ms());
        let bytes_max = worst(&job, kind);
        let entry = Arc::new(Entry::new(job.clone(), bytes_max));
        let gone: Vec<Arc<Entry>> = {
            let mut entries = self.entries();
            let held: Vec<Held> = entries.values().map(|entry| entry.held()).collect();
            let going = room::make(&held, &self.0.setting.bounds, owner, bytes_max)?;
            entries.insert(job.id, entry.clone());
            going.iter().filter_map(|id| entries.remove(id)).collect()
        };
        self.forget_all(gone);
        // A task of its own: a customer who hangs up here leaves a job that is carried.
        let begun = tokio::spawn(self.clone().begin(entry));
        match begun.await {
            Ok(true) => Ok(job),
            Ok(false) | Err(_) => Err(ApiError::jobs_full(
                "it cannot write a new one down, which its operator should hear",
            )),
        }
    }

    /// Keeps a new job and has it carried; false if it cannot be kept.
    async fn begin(self, entry: Arc<Entry>) -> bool {
        let (id, task) = (entry.read().id, entry.read().task);
        if let Err(error) = self.save(&entry).await {
            tracing::error!(%error, job = %id, "a new job cannot be kept; refused");
            self.entries().remove(&id);
            return false;
        }
        self.0.setting.metrics.job_began(&task.to_string());
        tokio::spawn(carrier::carry(self, entry));
        true
    }

    /// The job of this name.
    pub fn get(&self, id: JobId) -> Option<Job> {
        let entry = self.entries().get(&id).cloned()?;
        let job = entry.read();
        let expires = job.expires_ms(self.bounds());
        if expires.is_some_and(|at| at <= daemon::unix_ms()) {
            self.forget_expired();
            return None;
        }
        Some(job)
    }

    /// At most `limit` of this customer's jobs for which `wanted` holds, newest first and after the one named, as `view` shows them;
    /// `None` if the one named is not among them.
    pub(crate) fn page<T>(
        &self,
        owner: Owner,
        wanted: impl Fn(&Job) -> bool,
        after: Option<JobId>,
        limit: usize,
        view: impl Fn(&Job) -> T,
    ) -> Option<Page<T>> {
        self.forget_expired();
        let mut own: Vec<(u64, JobId, Arc<Entry>)> = {
            let entries = self.entries();
            let own = entries.values().filter_map(|entry| {
                let job = entry.job.borrow();
                let is_wanted = job.owner == owner && wanted(&job);
                is_wanted.then(|| (job.created_ms, job.id, entry.clone()))
            });
            own.collect()
        };
        own.sort_unstable_by_key(|(created_ms, id, _)| std::cmp::Reverse((*created_ms, *id)));
        let first = match after {
            None => 0,
            Some(after) => own.iter().position(|(_, id, _)| *id == after)? + 1,
        };
        let shown = own.iter().skip(first).take(limit);
        Some(Page {
            jobs: shown.map(|(.., entry)| view(&entry.job.borrow())).collect(),
            has_more: first + limit < own.len(),
        })
    }

    /// Ends a job, and returns it as it is then; one that is finished stays as it is. Waits a moment for what it has found.
    pub async fn cancel(&self, id: JobId) -> Option<Job> {
        let entry = self.entries().get(&id).cloned()?;
        if entry.cancel() {
            self.ended(&entry);
            self.save_or_warn(&entry).await;
            let parting = entry.at_rest.cancelled();
            if timeout(carrier::FAREWELL, parting).await.is_err() {
                tracing::debug!(job = %id, "what a cancelled job has found comes late");
            }
        }
        Some(entry.read())
    }

    /// Ends a job and forgets it; false if there is none.
    pub async fn delete(&self, id: JobId) -> bool {
        let Some(entry) = self.entries().remove(&id) else {
            return false;
        };
        if entry.cancel() {
            self.ended(&entry);
        }
        self.forget(entry).await;
        true
    }

    /// Listens to a job, for this customer.
    ///
    /// # Errors
    ///
    /// 429 if too many listen to it, or for this customer; 503 if too many listen to all jobs together.
    pub(crate) fn listen(&self, id: JobId, owner: Owner) -> Result<Option<Listening>, ApiError> {
        let Some(entry) = self.entries().get(&id).cloned() else {
            return Ok(None);
        };
        let seat = self.0.listeners.take(id, owner, self.bounds())?;
        Ok(Some(Listening {
            job: entry.job.subscribe(),
            _seat: seat,
        }))
    }

    /// Waits for a desk at which an answer is checked; it is free again when the permit is dropped.
    pub(super) async fn desk(&self) -> OwnedSemaphorePermit {
        let desk = self.0.desks.clone().acquire_owned().await;
        desk.expect("the desks are never closed")
    }

    /// Ends when the gateway does.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.0.setting.shutdown.clone()
    }

    /// How many jobs there may be, and for how long.
    pub fn bounds(&self) -> &Bounds {
        &self.0.setting.bounds
    }

    pub(super) fn setting(&self) -> &Setting {
        &self.0.setting
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Entry>>> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job on the board, and has it carried if it is unfinished.
    fn hang(&self, entry: Arc<Entry>) {
        let (id, task, is_finished) = {
            let job = entry.job.borrow();
            (job.id, job.task.to_string(), job.state.is_finished())
        };
        self.entries().insert(id, entry.clone());
        if !is_finished {
            self.0.setting.metrics.job_began(&task);
            tokio::spawn(carrier::carry(self.clone(), entry));
        }
    }

    /// Writes a job as it is now. Writers of one job follow each other, and each writes the newest.
    async fn save(&self, entry: &Arc<Entry>) -> std::io::Result<()> {
        self.save_after(entry, |_| ()).await
    }

    /// Writes a job as it will be after a change.
    async fn save_after(
        &self,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Job) + Send + 'static,
    ) -> std::io::Result<()> {
        let (shelf, entry) = (self.0.shelf.clone(), entry.clone());
        let writing = async move {
            let is_gone = entry.is_gone.lock().await;
            if *is_gone {
                return Ok(());
            }
            let mut job = entry.read();
            change(&mut job);
            let written = spawn_blocking(move || shelf.put(&job)).await;
            drop(is_gone);
            written?
        };
        // Spawned, so that a caller that goes away does not let the next writer begin before this one has ended.
        tokio::spawn(writing).await?
    }

    /// Ends a job by itself: first on the shelf, then for all to see, so that nobody is told of an end that a restart undoes.
    pub(super) async fn settle(
        &self,
        entry: &Arc<Entry>,
        end: impl Fn(&mut Job) + Clone + Send + 'static,
    ) {
        let ending = end.clone();
        let unless_over = move |job: &mut Job| {
            if !job.state.is_finished() {
                ending(job);
            }
        };
        if let Err(error) = self.save_after(entry, unless_over).await {
            let id = entry.job.borrow().id;
            tracing::error!(%error, job = %id, "how a job ended cannot be kept; a restart begins it again");
        }
        match entry.change(end) {
            true => self.ended(entry),
            // Its customer was quicker, and the shelf may have it otherwise.
            false => self.save_or_warn(entry).await,
        }
    }

    pub(super) async fn save_or_warn(&self, entry: &Arc<Entry>) {
        if let Err(error) = self.save(entry).await {
            let id = entry.job.borrow().id;
            tracing::error!(%error, job = %id, "a job cannot be kept; it would not survive a restart as it is");
        }
    }

    async fn forget(&self, entry: Arc<Entry>) {
        let shelf = self.0.shelf.clone();
        let mut is_gone = entry.is_gone.lock().await;
        *is_gone = true;
        let id = entry.job.borrow().id;
        let removed = spawn_blocking(move || shelf.remove(id)).await;
        if let Err(error) = removed.map_err(std::io::Error::from).flatten() {
            tracing::warn!(%error, job = %id, "a deleted job's file cannot be removed");
        }
    }

    /// Takes the jobs off the board whose time is over.
    fn forget_expired(&self) {
        let (now, bounds) = (daemon::unix_ms(), self.bounds());
        let is_over = |entry: &Arc<Entry>| {
            let expires = entry.job.borrow().expires_ms(bounds);
            expires.is_some_and(|expires| expires <= now)
        };
        let expired: Vec<Arc<Entry>> = {
            let mut entries = self.entries();
            entries
                .extract_if(|_, entry| is_over(entry))
                .map(|(_, entry)| entry)
                .collect()
        };
        self.forget_all(expired);
    }

    /// Removes what was taken off the board from the shelf, one after the other.
    fn forget_all(&self, entries: Vec<Arc<Entry>>) {
        if entries.is_empty() {
            return;
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            for entry in entries {
                jobs.forget(entry).await;
            }
        });
    }

    /// Counts an end.
    fn ended(&self, entry: &Entry) {
        let job = entry.job.borrow();
        let took_ms = job.updated_ms.saturating_sub(job.created_ms);
        let took = Duration::from_millis(took_ms);
        let metrics = &self.0.setting.metrics;
        metrics.job_ended(&job.task.to_string(), job.state.as_str(), took);
        tracing::info!(
            job = %job.id, task = %job.task, state = job.state.as_str(), moves = job.moves, took_ms, "a job ended"
        );
    }
}

impl Entry {
    fn new(job: Job, bytes_max: usize) -> Self {
        Self {
            job: watch::Sender::new(job),
            is_gone: tokio::sync::Mutex::new(false),
            offered: Mutex::default(),
            dirty: Notify::new(),
            at_rest: CancellationToken::new(),
            bytes_max,
        }
    }

    pub(super) fn read(&self) -> Job {
        self.job.borrow().clone()
    }

    pub(super) fn offered(&self) -> MutexGuard<'_, Option<Place>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As far as room goes: an unfinished one takes what it may grow to.
    fn held(&self) -> Held {
        let job = self.job.borrow();
        Held {
            id: job.id,
            owner: job.owner,
            bytes: match job.state.is_finished() {
                true => job.bytes(),
                false => self.bytes_max,
            },
            finished_ms: job.finished_ms,
            has_answer: job.answer.is_some(),
        }
    }

    /// Changes a job that is unfinished; false if it is finished, and stays as it is.
    pub(super) fn change(&self, change: impl FnOnce(&mut Job)) -> bool {
        self.job.send_if_modified(|job| {
            if job.state.is_finished() {
                return false;
            }
            change(job);
            job.touch(daemon::unix_ms());
            true
        })
    }

    /// Ends a job that is unfinished; false if it is finished already.
    fn cancel(&self) -> bool {
        self.change(|job| job.finish(State::Cancelled, daemon::unix_ms()))
    }

    /// Waits until it is finished.
    pub(super) async fn finished(&self) {
        let mut job = self.job.subscribe();
        // The sender is this entry's own, so waiting cannot fail.
        drop(job.wait_for(|job| job.state.is_finished()).await);
    }
}

/// How much this machine does at once.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// What a job may grow to.
fn worst(job: &Job, kind: &dyn Kind) -> usize {
    job.bytes()
        .max(Job::REST_BYTES + job.request.len() + kind.limits().answer_bytes)
}

/// Forgets what has expired, even while nobody comes.
async fn sweep(jobs: Jobs) {
    const PACE: Duration = Duration::from_secs(60);
    let shutdown = jobs.0.setting.shutdown.clone();
    let board = Arc::downgrade(&jobs.0);
    drop(jobs);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
        let Some(board) = board.upgrade() else {
            return;
        };
        Jobs(board).forget_expired();
    }
}
