//! Talks to an engine: a program of any language that searches in place of [`search`](crate::search()), on a GPU perhaps.
//!
//! # The conversation
//!
//! The engine is started for one chain. It reads one line of JSON from its standard input:
//!
//! ```json
//! {"sequence": "GYDPETGTWG", "is_capped": false, "budget_s": 60.0, "seed": 7, "mmcif": "data_…"}
//! ```
//!
//! where `mmcif` is the extended chain with every atom. It writes lines of JSON to its standard output, at least one a
//! minute: `{"fraction": 0.4, "energy": -310.2}`, with `"mmcif"` wherever it has a shape to show, and exits when it is done.
//! The last shape is its answer. What it writes to its standard error is shown to the operator when it fails.
//!
//! The engine's energies are never believed: each shape is relaxed a little further and scored by our own force field, and
//! refused if the [check](crate::check()) would. An engine is killed when the caller breaks off, when it writes a line longer
//! than [`LINE_MAX`], and [`GRACE`] after its budget. A ready one for OpenMM is in `examples/openmm-engine`.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use amber::System;
use molecule::{Molecule, Point, mmcif};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::anatomy::Anatomy;
use crate::check::check_shape;
use crate::refusal::Refusal;
use crate::search::{Found, Progress, relaxed};

/// The longest line an engine may write, in bytes: several times the largest chain.
pub const LINE_MAX: usize = 1 << 20;
/// How long after its budget an engine may still write its answer.
pub const GRACE: Duration = Duration::from_secs(20);
/// How often the caller is asked whether to go on while the engine is silent.
const PULSE: Duration = Duration::from_millis(250);
/// How many lines may wait to be read.
const LINES_WAITING_MAX: usize = 4;
/// How much of the standard error is kept.
const COMPLAINT_MAX: u64 = 2_000;
/// How many evaluations each shape is relaxed with.
const RELAXING: u64 = 300;

/// A program that searches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Engine {
    /// The program: an interpreter, for instance.
    pub program: PathBuf,
    /// Its arguments: the script, for instance.
    pub arguments: Vec<String>,
}

/// Why an engine gave no answer.
#[derive(Debug, Error)]
pub enum EngineError {
    #[error("the engine {program} cannot be started: {reason}; check its path")]
    Start {
        program: PathBuf,
        reason: std::io::Error,
    },
    #[error("the engine wrote a line of more than {LINE_MAX} bytes")]
    LongLine,
    #[error("the engine wrote a line that is no progress: {reason}")]
    Line { reason: serde_json::Error },
    #[error("the engine wrote a structure that cannot be read: {0}")]
    Structure(#[from] molecule::FileError),
    #[error("the engine's structure has other atoms than the chain it was given")]
    OtherAtoms,
    #[error("the engine's structure is no sound chain: {0}")]
    Unsound(Refusal),
    #[error("the engine ended without a structure; it said: {complaint}")]
    NoAnswer { complaint: String },
}

#[derive(Serialize)]
struct Request<'a> {
    sequence: String,
    is_capped: bool,
    budget_s: f64,
    seed: u64,
    mmcif: &'a str,
}

#[derive(Deserialize)]
struct Line {
    fraction: f64,
    mmcif: Option<String>,
}

impl Engine {
    /// Lets the engine search for `budget`, from a chain made by [`build`](crate::build). `on_progress` is called several
    /// times a second, as of [`search`](crate::search()); a break kills the engine and returns what it has.
    ///
    /// # Errors
    ///
    /// If the engine cannot be started, breaks the rules of the conversation, or ends without a sound structure. A structure
    /// that came before such an end is returned rather than the error.
    pub fn search(
        &self,
        system: &System,
        start: &Molecule,
        budget: Duration,
        seed: u64,
        on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Found, EngineError> {
        let mut running = self.start(start, budget, seed)?;
        let mut session = Session {
            anatomy: Anatomy::new(&start.sequence()),
            system,
            start,
            began: Instant::now(),
            fraction: 0.0,
            start_energy: system.energy(&start.positions).total(),
            best: None,
            fault: None,
            on_progress,
        };
        let outcome = session.follow(&running.lines, budget + GRACE);
        let complaint = running.end();
        match (session.best, session.fault, outcome) {
            (Some(found), _, _) => Ok(found),
            (None, _, Err(error)) => Err(error),
            (None, Some(refusal), Ok(())) => Err(EngineError::Unsound(refusal)),
            (None, None, Ok(())) => Err(EngineError::NoAnswer { complaint }),
        }
    }

    fn start(&self, start: &Molecule, budget: Duration, seed: u64) -> Result<Running, EngineError> {
        let failed = |reason| EngineError::Start {
            program: self.program.clone(),
            reason,
        };
        let sequence = start.sequence();
        let request = Request {
            sequence: sequence.to_string(),
            is_capped: sequence.is_capped,
            budget_s: budget.as_secs_f64(),
            seed,
            mmcif: &mmcif::write(start, "start"),
        };
        let mut request = serde_json::to_vec(&request).map_err(|error| failed(error.into()))?;
        request.push(b'\n');
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0) // so that what it starts can be killed with it
            .spawn()
            .map_err(failed)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            unreachable!("all three were asked for");
        };
        // An engine that does not read would block us here, so another thread writes; it ends with the engine.
        std::thread::spawn(move || stdin.write_all(&request));
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            while let Some(line) = next_line(&mut reader) {
                let is_last = line.is_err();
                if sender.send(line).is_err() || is_last {
                    break;
                }
            }
        });
        let (complain, complaint) = sync_channel(1);
        std::thread::spawn(move || {
            let mut stderr = BufReader::new(stderr);
            let mut text = Vec::new();
            let kept = stderr.by_ref().take(COMPLAINT_MAX).read_to_end(&mut text);
            let drained = std::io::copy(&mut stderr, &mut std::io::sink());
            let said = complain.send(String::from_utf8_lossy(&text).trim().to_owned());
            drop((kept, drained, said)); // what could be read is said, and nobody may be there to hear it
        });
        Ok(Running {
            child,
            lines,
            complaint,
            is_over: false,
        })
    }
}

fn next_line(reader: &mut impl BufRead) -> Option<Result<Vec<u8>, EngineError>> {
    let mut line = Vec::new();
    let mut bounded = reader.take(LINE_MAX as u64 + 1);
    let read = bounded.read_until(b'\n', &mut line).ok()?;
    match read {
        0 => None,
        _ if read > LINE_MAX => Some(Err(EngineError::LongLine)),
        _ => Some(Ok(line)),
    }
}

/// An engine at work; killed when dropped.
struct Running {
    child: Child,
    lines: Receiver<Result<Vec<u8>, EngineError>>,
    complaint: Receiver<String>,
    /// Whether it has been waited for, and its number may be another's.
    is_over: bool,
}

impl Running {
    /// Ends the engine and returns what it said on its standard error.
    fn end(&mut self) -> String {
        self.kill();
        self.complaint.recv_timeout(PULSE).unwrap_or_default()
    }

    fn kill(&mut self) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        let group = Pid::from_child(&self.child);
        // Both fail only if nothing of the engine is left, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Session<'a, F> {
    anatomy: Anatomy,
    system: &'a System,
    start: &'a Molecule,
    began: Instant,
    fraction: f64,
    start_energy: f64,
    best: Option<Found>,
    /// What was wrong with the last shape that was no sound chain; the engine may still come to a sound one.
    fault: Option<Refusal>,
    on_progress: F,
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Session<'_, F> {
    /// Reads lines until the engine ends, the caller breaks off or the time is over.
    fn follow(
        &mut self,
        lines: &Receiver<Result<Vec<u8>, EngineError>>,
        limit: Duration,
    ) -> Result<(), EngineError> {
        while self.began.elapsed() < limit {
            match lines.recv_timeout(PULSE) {
                Ok(line) => self.take(&line?)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.report().is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), EngineError> {
        let line: Line =
            serde_json::from_slice(line).map_err(|reason| EngineError::Line { reason })?;
        self.fraction = line.fraction.clamp(0.0, 1.0);
        let Some(text) = line.mmcif else {
            return Ok(());
        };
        let positions = self.positions(&mmcif::read(&text)?)?;
        let (positions, energy, evaluations) = relaxed(self.system, &positions, RELAXING);
        if let Err(refusal) = check_shape(&self.anatomy, &positions) {
            self.fault = Some(refusal);
            return Ok(());
        }
        let point = (self.began.elapsed().as_secs_f64(), energy);
        match &mut self.best {
            Some(best) => {
                best.evaluations += evaluations;
                if energy < best.energy {
                    (best.positions, best.energy) = (positions, energy);
                    best.note(point);
                }
            }
            None => {
                self.best = Some(Found {
                    positions,
                    energy,
                    history: vec![point],
                    evaluations,
                });
            }
        }
        Ok(())
    }

    /// The positions in the order of the start.
    fn positions(&self, given: &Molecule) -> Result<Vec<Point>, EngineError> {
        if given.sequence() != self.start.sequence() || given.atoms.len() != self.start.atoms.len()
        {
            return Err(EngineError::OtherAtoms);
        }
        let find = |atom: &molecule::Atom| given.position(atom.residue, atom.name.as_str());
        let found: Option<Vec<Point>> = self.start.atoms.iter().map(find).collect();
        found.ok_or(EngineError::OtherAtoms)
    }

    fn report(&mut self) -> ControlFlow<()> {
        let best = self.best.as_ref();
        let progress = Progress {
            fraction: self.fraction,
            energy: best.map_or(self.start_energy, |best| best.energy),
            positions: best.map_or(&self.start.positions, |best| &best.positions),
            history: best.map_or(&[], |best| &best.history),
            evaluations: best.map_or(0, |best| best.evaluations),
        };
        (self.on_progress)(progress)
    }
}
