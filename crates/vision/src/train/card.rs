//! The card that goes with a trained model: what it is, what it was made of, how to make it again.

use std::fmt::Write;

use super::{Data, Options, Report};
use crate::scene::SIDES;

/// Renders `MODEL_CARD.md`.
pub(super) fn render(options: &Options, report: &Report) -> String {
    let Options {
        name,
        steps,
        batch,
        side,
        rate,
        decay,
        seed,
        ..
    } = options;
    let labels: Vec<&str> = report
        .confusion
        .labels()
        .iter()
        .map(String::as_str)
        .collect();
    let mut card = format!(
        "# {name}\n\n{about}\n\n\
| | |\n|---|---|\n\
| data | {data} |\n\
| labels | {count}: {labels} |\n\
| network | ConvNeXt, stages of width {widths} with {depths} blocks |\n\
| input | {side}×{side} pixels, red, green and blue; any picture is squeezed to that by area |\n\
| size | {parameters} weights, stored as float16, {bytes} bytes |\n\
| training | {steps} steps of {batch} pictures; AdamW, highest rate {rate}, decay {decay} |\n\
| held out | {held_out} pictures |\n\
| accuracy | {accuracy:.2} % |\n\
| MCC | {mcc:.4} |\n\
| Brier score | {brier:.4} |\n\
| seed | {seed} |\n\
| time | {minutes:.0} minutes on a shared machine |\n",
        about = about(options),
        data = data(options),
        count = labels.len(),
        labels = labels.join(", "),
        widths = list(&options.widths),
        depths = list(&options.depths),
        parameters = report.parameters,
        bytes = report.bytes,
        held_out = report.pictures_held_out,
        accuracy = 100.0 * report.accuracy,
        mcc = report.mcc,
        brier = report.brier,
        minutes = report.duration.as_secs_f64() / 60.0,
    );
    card.push_str(
        "\n## Labels\n\n| label | precision | recall | F1 | pictures |\n|---|---|---|---|---|\n",
    );
    for class in &report.classes {
        writeln!(
            card,
            "| {} | {:.3} | {:.3} | {:.3} | {} |",
            class.label, class.precision, class.recall, class.f1, class.count
        )
        .expect("a string takes any text");
    }
    write!(
        card,
        "\nWhat was taken for what: `confusion.svg`.\n\n## Made by\n\n```sh\n{}\n```\n",
        command(options)
    )
    .expect("a string takes any text");
    card
}

fn about(options: &Options) -> &'static str {
    match options.data {
        Data::Drawn => {
            "Names the one shape in a picture. Trained from nothing by `stoa train vision --drawn` on pictures that Stoa \
             itself\ndraws, no two alike; it has seen no photograph and knows none."
        }
        Data::Folder(_) => {
            "Names what a picture shows. Trained from nothing by `stoa train vision --data` on a folder of pictures."
        }
    }
}

fn data(options: &Options) -> String {
    match &options.data {
        Data::Drawn => format!(
            "about {} drawn pictures of {} to {} pixels a side, each seen two or three times",
            options.steps * options.batch * 2 / 5,
            SIDES.start(),
            SIDES.end()
        ),
        Data::Folder(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!(
                "the folder `{name}`, {} of a hundred pictures held out",
                options.held_out
            )
        }
    }
}

fn list(numbers: &[usize]) -> String {
    numbers
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// The command that makes the same model: only what differs from the defaults.
fn command(options: &Options) -> String {
    let usual = Options::new(options.data.clone(), options.out.clone());
    let data = match &options.data {
        Data::Drawn => "--drawn".to_owned(),
        Data::Folder(path) => {
            format!(
                "--data {}",
                path.file_name().unwrap_or_default().to_string_lossy()
            )
        }
    };
    let mut command = format!("stoa train vision {data} --out {}", options.name);
    let mut add = |flag: &str, value: String, default: String| {
        if value != default {
            command.push_str(&format!(" --{flag} {value}"));
        }
    };
    add("name", options.name.clone(), usual.name);
    add("steps", options.steps.to_string(), usual.steps.to_string());
    add("batch", options.batch.to_string(), usual.batch.to_string());
    add("side", options.side.to_string(), usual.side.to_string());
    add("widths", list(&options.widths), list(&usual.widths));
    add("depths", list(&options.depths), list(&usual.depths));
    add("rate", options.rate.to_string(), usual.rate.to_string());
    add("decay", options.decay.to_string(), usual.decay.to_string());
    add(
        "held-out",
        options.held_out.to_string(),
        usual.held_out.to_string(),
    );
    add("seed", options.seed.to_string(), usual.seed.to_string());
    command
}
