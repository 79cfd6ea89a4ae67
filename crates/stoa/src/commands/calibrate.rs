//! `stoa calibrate`: measures how well a task's answers are told from each other.
//!
//! Each engine answers in a process of its own (this program again, with `RAYON_NUM_THREADS` set), a JSON line per answer, because
//! the number of threads is fixed when a process first computes.

use std::io::{BufRead, BufReader, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inference::model::{SHIPPED, Source};
use tasks::text::calibration::{Contestant, ENGINES, Given, Report, Trials, answer};

/// Answers written to see what writing costs.
const TIMED_ANSWERS: usize = 16;

/// Measure how well cheats are told from honest miners
#[derive(Args)]
pub struct Calibrate {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Text(Text),
    #[command(hide = true)]
    Answers(Answers),
}

/// Measure the check of a language model's answers
///
/// Writes a report (Markdown, and JSON beside it) and, into the model's directory, the rates that validators judge by.
#[derive(Args)]
struct Text {
    /// Directory of the model, or the name of the one inside the program
    #[arg(long, default_value = SHIPPED)]
    model: String,

    /// Answers of honest engines to judge
    #[arg(long, default_value_t = 2_500)]
    checks: usize,

    /// Where the report goes; standard output if left away
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Names the questions
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Answer questions as one engine
#[derive(Args)]
struct Answers {
    #[arg(long)]
    model: String,
    #[arg(long)]
    engine: String,
    #[arg(long)]
    count: usize,
    #[arg(long)]
    seed: u64,
}

impl Calibrate {
    /// Measures.
    ///
    /// # Errors
    ///
    /// When the model cannot be read, a process ends badly, or a file cannot be written.
    pub fn run(self) -> Result<()> {
        match self.what {
            What::Text(text) => text.run(),
            What::Answers(answers) => answers.run(),
        }
    }
}

impl Answers {
    fn run(self) -> Result<()> {
        let contestant = named(&self.engine)?;
        let source = Source::from(self.model.as_str());
        let mut broken = None;
        let mut print = |given: Given| {
            let line = serde_json::to_string(&given).expect("text and numbers are JSON");
            if let Err(error) = writeln!(stdout().lock(), "{line}") {
                broken = Some(error);
            }
        };
        answer(contestant, &source, self.seed, self.count, &mut print)?;
        broken.map_or(Ok(()), |error| Err(error).context("print answers"))
    }
}

impl Text {
    fn run(self) -> Result<()> {
        if self.checks < 50 {
            bail!("--checks must be at least 50");
        }
        let source = Source::from(self.model.as_str());
        let mut trials = Trials::new(&source, self.seed, self.checks)
            .with_context(|| format!("open {}", self.model))?;
        let total: usize = ENGINES.iter().map(|engine| trials.wanted(engine)).sum();
        let bar = progress_bar(total as u64);
        self.time_writing(&mut trials, &source)?;
        for contestant in ENGINES {
            bar.set_message(contestant.name);
            let count = trials.wanted(contestant);
            let mut process = self.process(contestant, count)?;
            let output = process.stdout.take().context("the process has no output")?;
            let lines = BufReader::new(output).lines().map(|line| {
                bar.inc(1);
                Ok::<_, anyhow::Error>(serde_json::from_str(&line?)?)
            });
            trials.measure(contestant, lines)?;
            let status = process.wait().context("wait for an engine")?;
            if !status.success() {
                bail!("the engine {:?} ended with {status}", contestant.name);
            }
        }
        bar.finish_and_clear();
        self.write(&trials, &trials.report())
    }

    /// What it costs to write answers one after the other, as the checks are made.
    fn time_writing(&self, trials: &mut Trials, source: &Source) -> Result<()> {
        let begun = Instant::now();
        let mut tokens = 0;
        let mut count = |given: Given| tokens += given.tokens.len();
        answer(&ENGINES[0], source, self.seed, TIMED_ANSWERS, &mut count)?;
        trials.note_writing(begun.elapsed(), tokens);
        Ok(())
    }

    fn process(&self, contestant: &Contestant, count: usize) -> Result<std::process::Child> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(program);
        command
            .args(["calibrate", "answers", "--model", &self.model])
            .args(["--engine", contestant.name])
            .args(["--count", &count.to_string()])
            .args(["--seed", &self.seed.to_string()])
            .env("RAYON_NUM_THREADS", contestant.threads.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.spawn().context("start an engine")
    }

    fn write(&self, trials: &Trials, report: &Report) -> Result<()> {
        let page = report.markdown(&self.model, &self.command());
        match &self.out {
            None => print!("{page}"),
            Some(out) => {
                write(out, &page)?;
                let json = serde_json::to_string_pretty(report)?;
                write(&out.with_extension("json"), &(json + "\n"))?;
                println!("{}", out.display());
            }
        }
        if let Source::Folder(folder) = Source::from(self.model.as_str()) {
            let rates = serde_json::to_string_pretty(&trials.calibration())?;
            write(&folder.join("calibration.json"), &(rates + "\n"))?;
        }
        Ok(())
    }

    fn command(&self) -> String {
        let Self {
            model,
            checks,
            seed,
            out,
        } = self;
        let out = out
            .as_ref()
            .map_or(String::new(), |out| format!(" --out {}", out.display()));
        format!("stoa calibrate text --model {model} --checks {checks} --seed {seed}{out}")
    }
}

fn named(name: &str) -> Result<&'static Contestant> {
    Contestant::named(name).with_context(|| format!("there is no engine {name:?}"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn progress_bar(answers: u64) -> ProgressBar {
    let target = if stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} answers  {msg}  {eta} left")
        .expect("the template is well formed");
    ProgressBar::with_draw_target(Some(answers), target).with_style(style)
}
