//! `stoa train vision`: makes a small network that says what a picture shows.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use vision::train::{self, Data, Options, Report};

/// Train an image classifier on a folder of pictures, or on pictures that Stoa draws
///
/// Writes a directory with the model, a report, a picture of what was taken for what, and a card. The same pictures, options and
/// machine give the same model.
#[derive(Args)]
pub struct Vision {
    /// Folder with a directory of PNG, JPEG or WebP pictures for each label
    #[arg(long, value_name = "DIR", required_unless_present = "drawn")]
    data: Option<PathBuf>,

    /// Trains on pictures drawn as it goes; so the model inside the program was made
    #[arg(long, conflicts_with = "data")]
    drawn: bool,

    /// Directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The model's name, for its card; the output directory's if not given
    #[arg(long)]
    name: Option<String>,

    /// Updates of the weights [default: 3600 on drawn pictures, 1500 on a folder]
    #[arg(long)]
    steps: Option<usize>,

    /// Pictures per update
    #[arg(long, default_value_t = usual().batch)]
    batch: usize,

    /// Side of the square that pictures are squeezed into
    #[arg(long, default_value_t = usual().side)]
    side: usize,

    /// Channels in each stage; each further stage halves the sides
    #[arg(long, value_delimiter = ',', default_values_t = usual().widths)]
    widths: Vec<usize>,

    /// Blocks in each stage
    #[arg(long, value_delimiter = ',', default_values_t = usual().depths)]
    depths: Vec<usize>,

    /// Highest learning rate
    #[arg(long, default_value_t = usual().rate)]
    rate: f64,

    /// How strongly matrices shrink
    #[arg(long, default_value_t = usual().decay)]
    decay: f64,

    /// Pictures held out: so many drawn ones, or so many of a hundred in a folder [default: 4000 drawn, 20 of a hundred]
    #[arg(long)]
    held_out: Option<usize>,

    /// Names all randomness
    #[arg(long, default_value_t = usual().seed)]
    seed: u64,
}

fn usual() -> Options {
    Options::new(Data::Drawn, PathBuf::new())
}

impl Vision {
    /// Trains, and prints how good it became.
    ///
    /// # Errors
    ///
    /// When the folder cannot be learned from, sizes describe no network, or the directory cannot be written.
    pub fn run(self) -> Result<()> {
        let options = self.options();
        let bar = progress_bar(options.steps as u64);
        let mut smoothed = None;
        let report = train::vision(&options, &mut |progress| {
            let before = smoothed.unwrap_or(progress.loss);
            let loss = before + 0.05 * (progress.loss - before);
            smoothed = Some(loss);
            bar.set_position(progress.step as u64);
            bar.set_message(format!("{loss:.3}"));
        })
        .context("train a classifier of pictures")?;
        bar.finish_and_clear();
        print(&options, &report);
        Ok(())
    }

    fn options(self) -> Options {
        let data = match self.data {
            Some(folder) => Data::Folder(folder),
            None => Data::Drawn,
        };
        let usual = Options::new(data.clone(), self.out.clone());
        let directory = self
            .out
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Options {
            data,
            out: self.out,
            name: self.name.or(directory).unwrap_or(usual.name),
            steps: self.steps.unwrap_or(usual.steps),
            batch: self.batch,
            side: self.side,
            widths: self.widths,
            depths: self.depths,
            rate: self.rate,
            decay: self.decay,
            held_out: self.held_out.unwrap_or(usual.held_out),
            seed: self.seed,
        }
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
    println!(
        "weights        {}, {} bytes",
        report.parameters, report.bytes
    );
    println!("trained on     {} pictures", report.pictures_trained);
    println!("held out       {} pictures", report.pictures_held_out);
    println!("accuracy       {:.2} %", 100.0 * report.accuracy);
    println!("MCC            {:.4}", report.mcc);
    println!("Brier score    {:.4}", report.brier);
    println!("time           {:.0} s", report.duration.as_secs_f64());
    println!(
        "confusions     {}",
        options.out.join("confusion.svg").display()
    );
    let width = report
        .classes
        .iter()
        .map(|class| class.label.chars().count())
        .max()
        .unwrap_or(0);
    let width = width.max("label".len());
    println!("\n{:width$}  precision  recall     F1  pictures", "label");
    for class in &report.classes {
        println!(
            "{:width$}  {:9.3}  {:6.3}  {:5.3}  {:8}",
            class.label, class.precision, class.recall, class.f1, class.count
        );
    }
}
