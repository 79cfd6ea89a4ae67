//! A search on the screen: how much of its time is over, the lowest energy so far, and how it fell.
//!
//! A terminal gets a bar that moves; a file or a pipe gets a line for each tenth. All of it goes to stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// Columns of the line that shows how the energy fell.
const COLUMNS: usize = 24;
/// The most energies kept for it; beyond, every second one goes.
const ENERGIES_MAX: usize = 4_096;

/// What is shown of a search.
pub struct Meter {
    bar: ProgressBar,
    is_terminal: bool,
    energies: Vec<f64>,
    tenths: u64,
}

impl Meter {
    /// A meter at zero; nothing is shown if the result is for a program.
    pub fn new() -> Self {
        let is_terminal = console::user_attended_stderr();
        let bar = if is_terminal {
            ProgressBar::new(1_000)
        } else {
            ProgressBar::hidden()
        };
        let template = "{bar:30} {percent:>3} %  {elapsed}  {msg}";
        let style = ProgressStyle::with_template(template).expect("the template is fixed");
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        Self {
            bar,
            is_terminal,
            energies: Vec::new(),
            tenths: 0,
        }
    }

    /// Shows how far it is.
    pub fn show(&mut self, fraction: f64, energy: Option<f64>, remark: &str) {
        if let Some(energy) = energy.filter(|energy| energy.is_finite()) {
            self.energies.push(energy);
            if ENERGIES_MAX < self.energies.len() {
                let mut at = 0;
                self.energies.retain(|_| {
                    at += 1;
                    at % 2 == 0
                });
            }
        }
        let figures = match self.energies.last() {
            Some(energy) => format!("{energy:.1} kcal/mol {}{remark}", sparkline(&self.energies)),
            None => remark.to_owned(),
        };
        let fraction = fraction.clamp(0.0, 1.0);
        self.bar.set_position((1_000.0 * fraction) as u64);
        self.bar.set_message(figures.clone());
        let tenths = (10.0 * fraction) as u64;
        if !self.is_terminal && self.tenths < tenths {
            self.tenths = tenths;
            eprintln!("{:>3} %  {figures}", 10 * tenths);
        }
    }

    /// Says something above the bar.
    pub fn say(&self, words: &str) {
        if self.is_terminal {
            self.bar.println(words);
        } else {
            eprintln!("{words}");
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// Energies as a row of blocks, the lowest as the lowest block. The first ones, of a chain just built, may be so high that
/// nothing else would show: what is above the median by more than the median is above the least is cut.
fn sparkline(energies: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = energies.len().min(COLUMNS);
    let sampled: Vec<f64> = (0..columns)
        .map(|column| energies[(column + 1) * energies.len() / columns - 1])
        .collect();
    let mut sorted = sampled.clone();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
        return String::new();
    };
    let median = sorted[sorted.len() / 2];
    let most = most.min(median + 2.0 * (median - least));
    let block = |energy: &f64| {
        let height = if least < &most {
            (energy.min(most) - least) / (most - least)
        } else {
            0.0
        };
        BLOCKS[(7.0 * height).round() as usize]
    };
    sampled.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_energy_is_a_falling_line() {
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[-3.0]), "▁");
        assert_eq!(
            sparkline(&[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]),
            "█▇▆▅▄▃▂▁"
        );
    }

    #[test]
    fn a_chain_just_built_does_not_flatten_the_rest() {
        let line = sparkline(&[1e6, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(line, "█▅▃▂▁");
    }

    #[test]
    fn a_long_history_keeps_its_end() {
        let falling: Vec<f64> = (0..1_000).rev().map(f64::from).collect();
        let line = sparkline(&falling);
        assert_eq!(line.chars().count(), COLUMNS);
        assert!(line.starts_with('█') || line.starts_with('▇'));
        assert!(line.ends_with('▁'));
    }
}
