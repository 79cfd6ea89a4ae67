//! `stoa train`: makes a small model, or a worthless copy of one to test graders with.

use std::io::{IsTerminal, stderr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inference::train::{self, Options, Report, StoredAs};

use super::train_vision::Vision;

/// Train a small model
#[derive(Args)]
pub struct Train {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Text(Text),
    Vision(Vision),
    Perturb(Perturb),
}

/// Train a language model on a text file
///
/// Writes a directory in Hugging Face's layout, with a card. The same file, options and machine give the same model.
#[derive(Args)]
struct Text {
    /// Text file in UTF-8, paragraphs divided by blank lines
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,

    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The model's name, for its card
    #[arg(long, default_value = "stoa-shakespeare")]
    name: String,

    /// Updates of the weights
    #[arg(long, default_value_t = usual().steps)]
    steps: usize,

    /// Sequences per update
    #[arg(long, default_value_t = usual().batch)]
    batch: usize,

    /// Tokens per sequence, and the model's context
    #[arg(long, default_value_t = usual().context)]
    context: usize,

    /// Tokens in the vocabulary
    #[arg(long, default_value_t = usual().vocabulary)]
    vocabulary: usize,

    /// Width of the residual stream
    #[arg(long, default_value_t = usual().width)]
    width: usize,

    /// Blocks
    #[arg(long, default_value_t = usual().layers)]
    layers: usize,

    /// Heads that ask
    #[arg(long, default_value_t = usual().heads)]
    heads: usize,

    /// Heads that are asked
    #[arg(long, default_value_t = usual().key_value_heads)]
    key_value_heads: usize,

    /// Width inside a feed-forward block
    #[arg(long, default_value_t = usual().inner)]
    inner: usize,

    /// Highest learning rate
    #[arg(long, default_value_t = usual().rate)]
    rate: f64,

    /// How strongly matrices shrink
    #[arg(long, default_value_t = usual().decay)]
    decay: f64,

    /// Number format of the weights written
    #[arg(long, value_enum, default_value_t = Store::F16)]
    store: Store,

    /// Names all randomness
    #[arg(long, default_value_t = usual().seed)]
    seed: u64,
}

/// Copy a model with untrained weights in place of its own
///
/// Name, shape and vocabulary stay, so that a grader who looks only at these is fooled.
#[derive(Args)]
struct Perturb {
    /// Directory of the model, or the name of the one inside the program
    #[arg(long, default_value = inference::model::SHIPPED)]
    model: String,

    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Names the weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Number formats of stored weights
#[derive(Clone, Copy, ValueEnum)]
enum Store {
    /// 32 bits
    #[value(name = "float32")]
    F32,
    /// 16 bits, more precision
    #[value(name = "float16")]
    F16,
    /// 16 bits, more range
    #[value(name = "bfloat16")]
    Bf16,
}

fn usual() -> Options {
    Options::new(PathBuf::new(), PathBuf::new())
}

impl Train {
    /// Trains, or copies.
    ///
    /// # Errors
    ///
    /// When the corpus, folder or model cannot be read, sizes describe no network, or the directory cannot be written.
    pub fn run(self) -> Result<()> {
        match self.what {
            What::Text(text) => text.run(),
            What::Vision(vision) => vision.run(),
            What::Perturb(perturb) => perturb.run(),
        }
    }
}

impl Text {
    fn run(self) -> Result<()> {
        if self.steps == 0 || self.batch == 0 || self.context < 8 {
            bail!("--steps and --batch must be at least 1, --context at least 8");
        }
        let options = self.options();
        let bar = progress_bar(options.steps as u64);
        let mut smoothed = None;
        let report = train::text(&options, &mut |progress| {
            let before = smoothed.unwrap_or(progress.loss);
            let loss = before + 0.05 * (progress.loss - before);
            smoothed = Some(loss);
            bar.set_position(progress.step as u64);
            bar.set_message(format!("{loss:.3}"));
        })
        .context("train a model of text")?;
        bar.finish_and_clear();
        print(&options, &report);
        Ok(())
    }

    fn options(self) -> Options {
        Options {
            corpus: self.corpus,
            out: self.out,
            name: self.name,
            steps: self.steps,
            batch: self.batch,
            context: self.context,
            vocabulary: self.vocabulary,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            key_value_heads: self.key_value_heads,
            inner: self.inner,
            rate: self.rate,
            decay: self.decay,
            stored_as: match self.store {
                Store::F32 => StoredAs::F32,
                Store::F16 => StoredAs::F16,
                Store::Bf16 => StoredAs::Bf16,
            },
            seed: self.seed,
        }
    }
}

impl Perturb {
    fn run(self) -> Result<()> {
        train::perturb(&self.model.as_str().into(), &self.out, self.seed)
            .context("copy a model with untrained weights")?;
        println!("{}", self.out.display());
        Ok(())
    }
}

fn progress_bar(steps: u64) -> ProgressBar {
    let target = if stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps  loss {msg}  {eta} left")
        .expect("the template is well formed");
    ProgressBar::with_draw_target(Some(steps), target).with_style(style)
}

fn print(options: &Options, report: &Report) {
    println!("model          {}", options.out.display());
    println!("weights        {}", report.parameters);
    println!("tokens seen    {}", report.trained_tokens);
    println!("loss, text     {:.3} nats per token", report.loss_plain);
    println!("               {:.3} bits per byte", report.bits_per_byte);
    println!("loss, chat     {:.3} nats per token", report.loss_chat);
    println!("time           {:.0} s", report.duration.as_secs_f64());
}
