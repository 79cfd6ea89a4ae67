//! `stoa ask`: a customer of a gateway, on the command line: for text, for pictures, for folds, for any other task.
//!
//! The answer goes to standard output and nothing else does, so that it can be piped; what it cost, and who gave it, goes to
//! standard error. Neither has an order to the terminal in it, whatever a stranger wrote ([`words`]).

mod fold;
mod gateway;
mod image;
mod interrupt;
mod job;
mod task;
mod text;
mod words;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};

use gateway::Gateway;

/// The most that is read of a file or of standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a gateway may be silent before, or in the middle of, an answer that is not a job's: it may be trying one miner after another.
const SILENCE: Duration = Duration::from_secs(180);

/// Ask a gateway for text, for what a picture shows, for the fold of a protein, or for any other work
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    subcommand_negates_reqs = true
)]
pub struct Ask {
    #[command(subcommand)]
    what: Option<What>,

    /// What to ask a model of text: `stoa ask "…"` is short for `stoa ask text "…"`
    #[arg(required = true)]
    prompt: Option<String>,

    #[command(flatten)]
    wishes: text::Wishes,

    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Subcommand)]
enum What {
    Text(text::Text),
    Image(image::Image),
    Fold(fold::Fold),
    Task(task::Task),
}

impl Ask {
    /// Asks, and prints the answer.
    ///
    /// # Errors
    ///
    /// What the gateway says, when it does not answer.
    pub async fn run(self) -> Result<()> {
        let asked = self.ask().await;
        // An error may quote what a stranger wrote.
        asked.map_err(|error| anyhow!("{}", words::text(&format!("{error:#}"))))
    }

    async fn ask(self) -> Result<()> {
        match (self.what, self.prompt) {
            (Some(What::Text(text)), _) => text.run().await,
            (Some(What::Image(image)), _) => image.run().await,
            (Some(What::Fold(fold)), _) => fold.run().await,
            (Some(What::Task(task)), _) => task.run().await,
            (None, Some(prompt)) => {
                text::Text::new(prompt, self.wishes, self.gateway)
                    .run()
                    .await
            }
            (None, None) => bail!("nothing is asked; try `stoa ask \"To be\"`"),
        }
    }
}

/// A file's bytes, or those of standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("read {}", path.display()))?;
    if INPUT_BYTES_MAX < bytes.len() as u64 {
        bail!("{} is longer than {INPUT_BYTES_MAX} bytes", path.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        ask: Ask,
    }

    fn parse(words: &[&str]) -> Result<Ask, clap::Error> {
        let words = ["ask"].iter().chain(words);
        Cli::try_parse_from(words).map(|cli| cli.ask)
    }

    #[test]
    fn a_prompt_alone_is_a_question_about_text() {
        let ask = parse(&["To be", "--seed", "7"]).expect("a question");
        assert!(ask.what.is_none());
        assert_eq!(ask.prompt.as_deref(), Some("To be"));
    }

    #[test]
    fn every_kind_of_question_has_a_command() {
        let is = |words: &[&str]| parse(words).expect("a question").what;
        assert!(matches!(is(&["text", "To be"]), Some(What::Text(_))));
        assert!(matches!(is(&["image", "a.png", "-"]), Some(What::Image(_))));
        assert!(matches!(is(&["task", "tour", "{}"]), Some(What::Task(_))));
        assert!(matches!(is(&["fold", "GYDPETGTWG"]), Some(What::Fold(_))));
        assert!(parse(&["text"]).is_err(), "nothing is asked");
        assert!(parse(&["image"]).is_err(), "no picture");
    }
}
