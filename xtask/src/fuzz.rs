//! Fuzzing on stable Rust: builds the targets in `fuzz/` with LLVM's coverage counters, and runs them one after the other.
//!
//! What `cargo fuzz` needs a nightly compiler for is the address sanitizer, which safe code can do without. The rest is
//! compiler passes that every release of Rust has.
//!
//! | what | bound |
//! |---|---|
//! | memory of the whole process, at any moment | [`MEMORY_MIB_MAX`] |
//! | time for one input | [`INPUT_S_MAX`] |
//! | length of an input | each target's own |
//!
//! One target needs no compiler passes, because it knows what to make up: `calls`, random calls of every pallet against
//! the runtime, with everything that is always true checked after each. It is a test of the runtime that is told how long
//! to run, built for release; [`CALLS`].
//!
//! A target starts from `fuzz/seeds/TARGET` and from what earlier runs found, which stays beside the build. An input that
//! breaks a bound or an assertion is written there too, and its path is what the failure names; give it to the target's
//! program as its only argument to see it again.

use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

/// The most memory that an input may lead to, in mebibytes, the fuzzer's own included.
const MEMORY_MIB_MAX: u32 = 512;

/// The longest that one input may take, in seconds, on a machine that has other things to do.
const INPUT_S_MAX: u32 = 10;

/// So many lines of a run that failed are shown.
const LINES_SHOWN: usize = 40;

/// Every target: its name, what it reads, and the longest input it is given.
const TARGETS: [(&str, &str, u32); 4] = [
    ("image", "pictures", 32 * 1024),
    ("envelope", "envelopes, receipts, streams", 16 * 1024),
    ("body", "JSON bodies of every route and task", 16 * 1024),
    ("structure", "PDB and mmCIF files", 16 * 1024),
];

/// The target that makes up calls.
const CALLS: &str = "calls";

/// The test behind it.
const CALLS_TEST: &str = "tests::fuzz::whatever_is_called_for_long_the_books_agree";

/// What makes the compiler count which branches an input takes, and show the fuzzer what it is compared with.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

#[derive(Args)]
pub struct Fuzz {
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// Which targets; all of them unless named.
    pub targets: Vec<String>,
}

impl Fuzz {
    /// Every target that reads what strangers send. Made-up calls are left out: the runtime's tests make some up too.
    pub fn of_inputs(seconds: u32) -> Self {
        let targets = TARGETS.map(|(name, _, _)| name.to_owned()).to_vec();
        Self { seconds, targets }
    }

    /// Builds and runs the targets, and fails at the first input that breaks a bound.
    pub fn run(&self, root: &Path) -> Result<()> {
        let (calls, others): (Vec<String>, Vec<String>) =
            self.targets.iter().cloned().partition(|name| name == CALLS);
        let all = self.targets.is_empty();
        if all || !calls.is_empty() {
            self.run_calls(root)?;
        }
        if !all && others.is_empty() {
            return Ok(());
        }
        let targets = chosen(&others)?;
        let place = Place::of(root)?;
        place.build(root)?;
        for (name, reads, length_max) in targets {
            let report = place.run(root, name, length_max, self.seconds)?;
            println!("fuzz {name} ({reads}): {report}");
        }
        Ok(())
    }
}

impl Fuzz {
    /// Makes random calls for as long as any other target runs, from a seed that no run had before.
    fn run_calls(&self, root: &Path) -> Result<()> {
        let seed = UNIX_EPOCH.elapsed().context("the clock is after 1970")?;
        let (seconds, seed) = (self.seconds.to_string(), seed.as_secs().to_string());
        println!("fuzz {CALLS}: from seed {seed}");
        let arguments = [
            "test",
            "--release",
            "--locked",
            "-p",
            "runtime",
            "--lib",
            "--",
            "--ignored",
            "--exact",
            "--nocapture",
            CALLS_TEST,
        ];
        let told = [
            ("STOA_FUZZ_SECONDS", seconds.as_str()),
            ("STOA_FUZZ_SEED", seed.as_str()),
        ];
        crate::call_with(root, "cargo", &arguments, &told)
    }
}

/// Builds the targets and runs none.
pub fn build(root: &Path) -> Result<()> {
    Place::of(root)?.build(root)
}

fn chosen(names: &[String]) -> Result<Vec<(&'static str, &'static str, u32)>> {
    if names.is_empty() {
        return Ok(TARGETS.to_vec());
    }
    let find = |name: &String| {
        let known = TARGETS.map(|target| target.0).join(", ") + ", " + CALLS;
        let found = TARGETS.into_iter().find(|target| target.0 == name);
        found.with_context(|| format!("there is no fuzz target {name}; there are {known}"))
    };
    names.iter().map(find).collect()
}

/// Where fuzzing keeps what it makes, apart from every other build.
struct Place {
    folder: PathBuf,
    /// This machine, as the compiler calls it.
    host: String,
}

impl Place {
    fn of(root: &Path) -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let output = Command::new("rustc").arg("-vV").output();
        let version = String::from_utf8(output.context("ask rustc for its version")?.stdout)?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Self {
            folder: root.join(target).join("fuzz"),
            host: host.context("rustc names its host")?.to_owned(),
        })
    }

    /// Compiles all targets. Named for the host, so that build scripts are compiled without counters.
    fn build(&self, root: &Path) -> Result<()> {
        let (folder, flags) = (self.folder.display().to_string(), COVERAGE.join(" "));
        let arguments = [
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target",
            &self.host,
            "--target-dir",
            &folder,
        ];
        crate::call_with(root, "cargo", &arguments, &[("RUSTFLAGS", &flags)])
    }

    fn run(&self, root: &Path, name: &str, length_max: u32, seconds: u32) -> Result<String> {
        let found = self.folder.join("corpus").join(name);
        let broken = self.folder.join("broken");
        for folder in [&found, &broken] {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let program = self.folder.join(&self.host).join("release").join(name);
        let mut fuzzer = Command::new(&program)
            .args([&found, &root.join("fuzz/seeds").join(name)])
            .arg(format!("-artifact_prefix={}/{name}-", broken.display()))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={length_max}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-timeout={INPUT_S_MAX}"))
            .arg("-print_final_stats=1")
            .current_dir(&self.folder)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let stderr = fuzzer.stderr.take().context("the fuzzer's stderr")?;
        let mut story = Story::default();
        for line in BufReader::new(stderr).split(b'\n') {
            story.take(&String::from_utf8_lossy(&line?));
        }
        let status = fuzzer.wait()?;
        if !status.success() {
            let written = story.written.as_deref().unwrap_or("no input was written");
            bail!(
                "{}\nfuzz target {name} failed ({status}): {written}",
                story.last.join("\n")
            );
        }
        Ok(story.report())
    }
}

/// What a run tells on its way.
#[derive(Default)]
struct Story {
    /// The final figures, by the names the fuzzer gives them.
    figures: BTreeMap<String, u64>,
    /// Branches taken at least once.
    branches: Option<u64>,
    /// Where the input that broke something is.
    written: Option<String>,
    last: Vec<String>,
}

impl Story {
    fn take(&mut self, line: &str) {
        if let Some((name, value)) = line
            .strip_prefix("stat::")
            .and_then(|stat| stat.split_once(':'))
        {
            self.figures
                .extend(value.trim().parse().map(|value| (name.to_owned(), value)));
        }
        if let Some((_, rest)) = line.split_once(" cov: ") {
            let count = rest.split_whitespace().next();
            self.branches = count.and_then(|count| count.parse().ok()).or(self.branches);
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.written = Some(path.to_owned());
        }
        if self.last.len() == LINES_SHOWN {
            self.last.remove(0);
        }
        self.last.push(line.to_owned());
    }

    fn report(&self) -> String {
        let figure = |name: &str| self.figures.get(name).copied().unwrap_or_default();
        format!(
            "{} runs, {} a second, at most {} MiB, {} branches taken, {} inputs kept",
            figure("number_of_executed_units"),
            figure("average_exec_per_sec"),
            figure("peak_rss_mb"),
            self.branches.unwrap_or_default(),
            figure("new_units_added"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_in_one_line() {
        let mut story = Story::default();
        for line in [
            "INFO: Seed: 1",
            "#8\tINITED cov: 12 ft: 20 corp: 3/1Kb exec/s: 0 rss: 40Mb",
            "#90\tDONE   cov: 34 ft: 60 corp: 5/1Kb lim: 100 exec/s: 45 rss: 61Mb",
            "stat::number_of_executed_units: 90",
            "stat::average_exec_per_sec:     45",
            "stat::new_units_added:          2",
            "stat::peak_rss_mb:              61",
        ] {
            story.take(line);
        }
        assert_eq!(
            story.report(),
            "90 runs, 45 a second, at most 61 MiB, 34 branches taken, 2 inputs kept"
        );
        story.take("artifact_prefix='x/'; Test unit written to x/crash-1");
        assert_eq!(story.written.as_deref(), Some("x/crash-1"));
    }

    #[test]
    fn an_unknown_target_is_told_what_there_is() {
        let error = chosen(&["picture".into()]).expect_err("there is none");
        assert!(
            error
                .to_string()
                .contains("image, envelope, body, structure"),
            "{error}"
        );
        assert_eq!(chosen(&[]).expect("all").len(), TARGETS.len());
    }

    /// A target that is built but not listed here would never run.
    #[test]
    fn every_target_in_the_tree_is_run() {
        let manifest =
            fs::read_to_string(crate::root().join("fuzz/Cargo.toml")).expect("the manifest");
        let built: Vec<&str> = manifest
            .lines()
            .filter_map(|line| {
                line.strip_prefix("path = \"targets/")?
                    .strip_suffix(".rs\"")
            })
            .collect();
        assert_eq!(built, TARGETS.map(|target| target.0));
    }
}
