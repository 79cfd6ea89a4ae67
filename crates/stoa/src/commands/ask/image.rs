//! `stoa ask image`: what pictures show, a bar for each label.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;
use vision::Picture;

use super::gateway::{Gateway, provenance};
use super::{SILENCE, read, words};
use crate::commands;

/// How wide a picture is shown on a terminal, in columns.
const COLUMNS: u32 = 40;
/// The bar of a certain label, in columns.
const BAR: usize = 40;

/// Ask what pictures show
#[derive(Args)]
pub struct Image {
    /// PNG, JPEG or WebP files; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "drawn")]
    files: Vec<PathBuf>,

    /// Draws a picture that nobody has seen before, shows it, and asks about it
    #[arg(long, conflicts_with = "files")]
    drawn: bool,

    /// So many of the likeliest labels
    #[arg(long, default_value = "5", value_name = "COUNT")]
    top_k: usize,

    /// Prints the API's JSON, all that it said
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    gateway: Gateway,
}

/// A label, and how likely it is.
#[derive(Deserialize)]
struct Label {
    label: String,
    score: f64,
}

impl Image {
    pub async fn run(self) -> Result<()> {
        let http = Gateway::client(SILENCE)?;
        if self.drawn {
            let drawing = vision::scene::draw(&mut rand::rng());
            if !self.json {
                let picture = Picture::decode(&drawing.file).context("show the picture")?;
                let name = drawing.shape.name();
                // The picture is ours, and made of orders to the terminal.
                commands::print(&format!("{}drawn: {name}\n", shown(&picture)))?;
            }
            return self.ask(&http, drawing.file).await;
        }
        for file in &self.files {
            let picture = read(file)?;
            if 1 < self.files.len() && !self.json {
                words::print(&format!("{}\n", file.display()))?;
            }
            self.ask(&http, picture).await?;
        }
        Ok(())
    }

    async fn ask(&self, http: &reqwest::Client, picture: Vec<u8>) -> Result<()> {
        let asked = Instant::now();
        let url = self.gateway.url("images/classifications");
        let url = format!("{url}?top_k={}", self.top_k);
        let request = http
            .post(url)
            .header("content-type", "application/octet-stream")
            .body(picture);
        let response = self.gateway.send(request).await?;
        let who = provenance(response.headers());
        let answer = self.gateway.read_json(response).await?;
        let took = asked.elapsed().as_millis();
        if self.json {
            words::print_json(&answer, false)?;
        } else {
            let labels = Vec::<Label>::deserialize(&answer).context("read the labels")?;
            words::print(&bars(&labels))?;
        }
        words::say(&format!("{took} ms · {who}"));
        Ok(())
    }
}

/// A line for each label: its name, how likely, and the same as a bar.
fn bars(labels: &[Label]) -> String {
    let width = labels
        .iter()
        .map(|label| label.label.chars().count())
        .max()
        .unwrap_or(0);
    let line = |Label { label, score }: &Label| {
        let label = words::line(label);
        let percent = 100.0 * score;
        let bar = bar(*score);
        let line = format!("{label:<width$}  {percent:5.1} %  {bar}");
        format!("{}\n", line.trim_end())
    };
    labels.iter().map(line).collect()
}

/// A bar to an eighth of a column.
fn bar(score: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (score.clamp(0.0, 1.0) * (8 * BAR) as f64).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// A picture in the colours of the terminal, two pixels to a character; nothing where there is none.
fn shown(picture: &Picture) -> String {
    if !console::colors_enabled() {
        return String::new();
    }
    let small = picture.scaled(COLUMNS);
    let pixel = |x: u32, y: u32| {
        let at = 3 * (y * small.width() + x) as usize;
        let [red, green, blue] = [0, 1, 2].map(|channel| small.rgb()[at + channel]);
        format!("{red};{green};{blue}")
    };
    let mut text = String::new();
    for y in (0..COLUMNS - 1).step_by(2) {
        for x in 0..COLUMNS {
            let (upper, lower) = (pixel(x, y), pixel(x, y + 1));
            text.push_str(&format!("\x1b[38;2;{upper}m\x1b[48;2;{lower}m▀"));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_shown_as_bars() {
        let label = |label: &str, score| Label {
            label: label.into(),
            score,
        };
        let labels = [
            label("star", 0.75),
            label("ring", 0.2625),
            label("fish", 0.0),
        ];
        let expected = format!(
            "star   75.0 %  {}\nring   26.2 %  {}▌\nfish    0.0 %\n",
            "█".repeat(30),
            "█".repeat(10)
        );
        assert_eq!(bars(&labels), expected);
    }
}
