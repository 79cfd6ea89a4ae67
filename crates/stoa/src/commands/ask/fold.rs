//! `stoa ask fold`: a chain folded by the market, watched while it is folded, with its files at the end.
//!
//! The job is the gateway's: this command only watches it. A broken connection, or a gateway that starts anew, is waited for;
//! Ctrl-C cancels the job and fetches what was found so far, and a second one leaves at once.
//!
//! Only a fold that is done is a success, and only its files have the names that were promised. What a failed or cancelled one had found
//! by then is kept too, in files that are called partial, and the command fails.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::gateway::Gateway;
use super::job::{Job, moved};
use super::{interrupt, words};
use crate::commands::fold::{self, Meter, Output};

/// Have a protein chain folded, and watch it; Ctrl-C cancels the job and keeps what was found
#[derive(Args)]
pub struct Fold {
    /// One letter for each residue, 5 to 60 of them, such as GYDPETGTWG
    sequence: String,

    /// Seconds to search for, from 1 to 600
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    budget: f64,

    /// Caps the ends (ACE, NME) instead of leaving them charged
    #[arg(long)]
    capped: bool,

    /// A name for the job
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// The directory for fold.cif, fold.pdb, ramachandran.svg and energy.svg
    #[arg(long, default_value = "fold", value_name = "DIR")]
    out: PathBuf,

    /// Prints the API's JSON, all that it says of the job, however it ended
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    gateway: Gateway,
}

impl Fold {
    pub async fn run(self) -> Result<()> {
        let stopping = interrupt::token()?;
        let mut order = json!({
            "sequence": self.sequence,
            "is_capped": self.capped,
            "budget_s": self.budget,
        });
        if let Some(title) = &self.title {
            order["title"] = json!(title);
        }
        let job = Job::order(&self.gateway, "folds", &order).await?;
        let mut meter = Meter::new();
        meter.say(&format!("{} at {}", job.id, self.gateway.url));
        let watched = job.watch(&mut meter, &stopping).await;
        meter.end();
        self.finish(&job, watched?).await
    }

    /// Fetches the files and says what came of it.
    async fn finish(&self, job: &Job<'_>, mut last: Value) -> Result<()> {
        let ending = Ending::of(&last);
        let paths = match ending.has_files {
            true => self.save(job, &ending).await?,
            false => Vec::new(),
        };
        if self.json {
            last["files"] = json!(paths);
            words::print_json(&last, true)?;
        } else if ending.has_files {
            self.show(&last, &ending, &paths)?;
        }
        match ending.trouble {
            None => Ok(()),
            Some(trouble) if ending.has_files => bail!(
                "{} {trouble}\nhint: what had been found by then is in the partial files in {}",
                job.id,
                self.out.display()
            ),
            Some(trouble) => bail!("{} {trouble}, and nothing had been found", job.id),
        }
    }

    async fn save(&self, job: &Job<'_>, ending: &Ending) -> Result<Vec<String>> {
        let output = Output::new(self.out.clone())?;
        let mut paths = Vec::new();
        for (at_gateway, here) in fold::FILES {
            let content = job.file(at_gateway).await?;
            let path = output.write(&ending.name(here), &content)?;
            paths.push(path.display().to_string());
        }
        Ok(paths)
    }

    fn show(&self, last: &Value, ending: &Ending, paths: &[String]) -> Result<()> {
        let energy = last["energy"].as_f64().unwrap_or(f64::NAN);
        let remark = match ending.trouble {
            None => "",
            Some(_) => ", the lowest so far of a fold that was not finished",
        };
        let structure = self.out.join(ending.name(fold::CIF));
        // A structure that cannot be read is no reason to keep the rest to ourselves.
        let shape = fold::read(&structure).map_or_else(
            |error| format!("  {error:#}\n"),
            |molecule| fold::shape(&molecule),
        );
        let paths = paths.join("\n");
        words::print(&format!("{energy:.4} kcal/mol{remark}\n{shape}{paths}\n"))?;
        let text = |name: &str| words::line(last[name].as_str().unwrap_or("unknown"));
        let uid = last["uid"].as_u64();
        words::say(&format!(
            "{} · miner {} · uid {}{}",
            text("status"),
            text("miner"),
            uid.map_or("unknown".into(), |uid| uid.to_string()),
            moved(last)
        ));
        Ok(())
    }
}

/// How a fold ended.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    /// Whether there is a structure, if only the best so far.
    has_files: bool,
    /// Why it is not done, if it is not.
    trouble: Option<String>,
}

impl Ending {
    fn of(last: &Value) -> Self {
        let reason = last["error"]["message"].as_str();
        let trouble = match last["status"].as_str() {
            Some("done") => None,
            Some("cancelled") => Some("was cancelled".to_owned()),
            _ => Some(format!(
                "failed: {}",
                words::line(reason.unwrap_or("nobody says why"))
            )),
        };
        Self {
            has_files: last["has_result"].as_bool() == Some(true),
            trouble,
        }
    }

    /// What a file is called.
    fn name(&self, whole: &str) -> String {
        match (&self.trouble, whole.rsplit_once('.')) {
            (Some(_), Some((stem, kind))) => format!("{stem}.partial.{kind}"),
            _ => whole.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fold_that_is_done_is_a_success() {
        let done = Ending::of(&json!({"status": "done", "has_result": true}));
        assert_eq!(
            (done.has_files, &done.trouble, done.name(fold::CIF)),
            (true, &None, "fold.cif".to_owned())
        );
        let failed = Ending::of(&json!({
            "status": "failed", "has_result": true, "error": {"message": "all have let it down"},
        }));
        assert_eq!(
            failed.trouble.as_deref(),
            Some("failed: all have let it down")
        );
        let names = fold::FILES.map(|(_, here)| failed.name(here));
        assert_eq!(
            names,
            [
                "fold.partial.cif",
                "fold.partial.pdb",
                "ramachandran.partial.svg",
                "energy.partial.svg"
            ]
        );
        let cancelled = Ending::of(&json!({"status": "cancelled", "has_result": false}));
        assert_eq!(
            (cancelled.has_files, cancelled.trouble.as_deref()),
            (false, Some("was cancelled"))
        );
    }

    /// A miner's word for an energy is no structure.
    #[test]
    fn an_energy_without_a_result_has_no_files() {
        let told =
            json!({"status": "failed", "energy": -100.0, "has_result": false, "error": null});
        let ending = Ending::of(&told);
        assert!(!ending.has_files);
        assert_eq!(ending.trouble.as_deref(), Some("failed: nobody says why"));
    }
}
