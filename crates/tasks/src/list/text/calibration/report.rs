//! What was measured, as a page for people and as JSON.

use std::fmt::Write;

use inference::trial::{ODDS_CAUGHT, RARELY};
use serde::{Deserialize, Serialize};

use super::{Power, Trials};

/// How sure the bound on honest rejection is.
const CONFIDENCE: f64 = 0.95;

/// Everything measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Names the questions.
    pub seed: u64,
    /// By the seed, engine by engine.
    pub seeded: Vec<Power>,
    /// By reported log-probabilities.
    pub reported: Vec<Power>,
    /// By log-probabilities that cheats took from the true model.
    pub forged: Vec<Power>,
    /// Honest rejection, judged by the seed.
    pub honest: Rejection,
    /// Honest rejection, judged by reported log-probabilities.
    pub honest_reported: Rejection,
    /// Milliseconds to write a token, eight answers at a time, if measured.
    pub writing_ms: Option<f64>,
    /// Milliseconds to check a token.
    pub checking_ms: f64,
}

/// How often the honest were rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// Answers judged.
    pub checks: usize,
    /// Answers that alone were called a lie.
    pub convicted: usize,
    /// Answers after which their miner stood as caught.
    pub caught: usize,
    /// With 95 % confidence, the true rate of either is below this.
    pub below: f64,
}

impl Report {
    pub(super) fn new(
        trials: &Trials,
        seeded: Vec<Power>,
        reported: Vec<Power>,
        forged: Vec<Power>,
    ) -> Self {
        let per_token = |(took, tokens): (std::time::Duration, usize)| {
            took.as_secs_f64() * 1_000.0 / tokens.max(1) as f64
        };
        Self {
            seed: trials.seed,
            honest: Rejection::of(seeded.iter().filter(|power| power.is_honest)),
            honest_reported: Rejection::of(reported.iter().filter(|power| power.is_honest)),
            seeded,
            reported,
            forged,
            writing_ms: (trials.writing.1 > 0).then(|| per_token(trials.writing)),
            checking_ms: per_token(trials.reading),
        }
    }

    /// The page.
    pub fn markdown(&self, model: &str, command: &str) -> String {
        let mut page = String::new();
        let mut line = |text: &str| {
            page.push_str(text);
            page.push('\n');
        };
        line("# How well text is verified\n");
        line(&format!(
            "Measured on `{model}` by\n\n```sh\n{command}\n```\n"
        ));
        line(INTRODUCTION);
        line(&self.summary());
        line("## Tokens drawn by the request's seed\n");
        line(&table(&self.seeded));
        line(&lengths(&self.seeded));
        line("## Tokens drawn by other dice, log-probabilities reported\n");
        line(REPORTED);
        line(&table(&self.reported));
        line(&lengths(&self.reported));
        line("### The same, with the true model's log-probabilities forged\n");
        line(FORGED);
        line(&table(&self.forged));
        line("## Cost\n");
        line(&self.cost());
        line(&format!(
            "{READING}{ODDS_CAUGHT} to 1. It also suspects every cheat of cheating on one answer in {RARELY} only, so that good answers do not make up for bad ones."
        ));
        page
    }

    fn summary(&self) -> String {
        let rejected = |way: &str, found: &Rejection| {
            let Rejection {
                checks,
                convicted,
                caught,
                below,
            } = found;
            format!(
                "**Honest rejection, {way}**: of {checks} answers of honest engines (threads 1 and 2, F32, F16 and BF16 weights), {convicted} \
                 were called a lie and after {caught} their miner stood as caught; the true rate is below {:.2} % with 95 % confidence.\n",
                100.0 * below
            )
        };
        let find = |name: &str| self.seeded.iter().find(|power| power.name.contains(name));
        let mut text = rejected("by the seed", &self.honest);
        text.push('\n');
        text.push_str(&rejected(
            "by reported log-probabilities",
            &self.honest_reported,
        ));
        for (name, tokens) in [("4-bit", 1_000), ("trained 10", 100), ("untrained", 100)] {
            if let Some(power) = find(name) {
                let within = if tokens == 100 {
                    power.within.0
                } else {
                    power.within.1
                };
                let _ = write!(
                    text,
                    "\n**{}**: {:.1} % of miners caught within {tokens} generated tokens{}.\n",
                    power.name,
                    100.0 * within,
                    needed(power)
                );
            }
        }
        text
    }

    fn cost(&self) -> String {
        let checking = self.checking_ms;
        match self.writing_ms {
            None => format!("A check took {checking:.3} ms per token of the answer.\n"),
            Some(writing) => format!(
                "Writing took {writing:.3} ms per token, eight answers at a time; checking an answer in both ways, alone, {checking:.3} ms per \
                 token: {:.0} %. Both by the clock, on a machine that may have been busy.\n",
                100.0 * checking / writing
            ),
        }
    }
}

impl Rejection {
    fn of<'a>(engines: impl Iterator<Item = &'a Power>) -> Self {
        let (mut checks, mut convicted, mut caught) = (0, 0, 0);
        for engine in engines {
            checks += engine.checks;
            convicted += engine.convicted;
            caught += engine.caught;
        }
        Self {
            checks,
            convicted,
            caught,
            below: rate_below(checks, convicted.max(caught)),
        }
    }
}

/// The highest rate at which so few in so many would come up by chance with a probability of `1 - CONFIDENCE`.
fn rate_below(checks: usize, found: usize) -> f64 {
    let few = |rate: f64| {
        let (mut term, mut sum) = ((1.0 - rate).powi(checks as i32), 0.0);
        for count in 0..=found {
            sum += term;
            term *=
                (checks.saturating_sub(count)) as f64 / (count + 1) as f64 * rate / (1.0 - rate);
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if few(middle) > 1.0 - CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn needed(power: &Power) -> String {
    match power.until_caught {
        None => String::new(),
        Some((median, most)) => format!(" (median {median}, 99 of 100 within {most})"),
    }
}

fn table(engines: &[Power]) -> String {
    let mut text = String::from(
        "| engine | answers | tokens | alone a lie | standing as caught | largest error | caught within 100 tokens | 1,000 tokens | tokens until caught: median | 99 % |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for power in engines {
        let (median, most) = match power.until_caught {
            None => ("never".into(), "never".into()),
            Some((median, most)) => (median.to_string(), most.to_string()),
        };
        let error = if power.error_max.is_finite() {
            format!("{:.4}", power.error_max)
        } else {
            "∞".into()
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {error} | {:.1} % | {:.1} % | {median} | {most} |",
            power.name,
            power.checks,
            power.tokens,
            power.convicted,
            power.caught,
            100.0 * power.within.0,
            100.0 * power.within.1,
        );
    }
    text
}

fn lengths(engines: &[Power]) -> String {
    let mut text = String::from(
        "Power of one answer alone, by its length in tokens (answers as long in brackets):\n\n| engine |",
    );
    let Some(first) = engines.first() else {
        return String::new();
    };
    for (length, ..) in &first.by_length {
        let _ = write!(text, " {length} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"--:|".repeat(first.by_length.len()));
    text.push('\n');
    for power in engines {
        let _ = write!(text, "| {} |", power.name);
        for (_, answers, convicted) in &power.by_length {
            let share = 100.0 * *convicted as f64 / (*answers).max(1) as f64;
            let _ = write!(text, " {share:.1} % ({answers}) |");
        }
        text.push('\n');
    }
    text
}

const INTRODUCTION: &str = "\
Every engine answers questions such as validators ask, in a process of its own with its own number of threads; one pass of \
the model in 32-bit floats reads each answer. Rates are fitted to the first two fifths of the answers and everything here is measured \
on the others. 8-bit weights, a truncated context and another temperature were not fitted at all: the test does not know them. Honest engines answer the same questions, so their answers are not independent of each other and \
the bounds on honest rejection are somewhat too tight.

* *f16* rounds weights and everything between projections to 16 bits; the shipped weights are stored in F16, so rounding \
them alone would change nothing. *bf16 weights* rounds the weights to 8 bits of precision.
* *8-bit* and *4-bit weights* round the blocks' matrices in groups of 32 with a scale each, as GGUF's Q8_0 and Q4_0, and leave the \
embedding alone. 8-bit weights err hardly more than BF16 weights and are let through.
* *another checkpoint*: the model after 10 more updates on the questions' own texts, and one that was never trained.
* *truncated context* reads the second half of the question; *temperature × 0.8* draws colder than asked.
";

const REPORTED: &str = "\
Here the same tokens are taken for draws of dice that the validator does not know, as a vLLM or llama.cpp server's are. What speaks \
is how far the reported log-probabilities are from the model's, and whether the tokens are typical of the temperature asked.
";

const FORGED: &str = "\
A cheat that holds the model can report its true log-probabilities for tokens of its own, for the price of one pass. Only how \
typical the tokens are speaks against it. This is the price of servers that cannot draw by the seed, and it is higher.
";

const READING: &str = "\
## How to read this

*Alone a lie*: one answer sufficed. *Standing as caught*: answers after which the sum over the last 256 answers said so, the answers \
coming in their order. *Caught within*, *until caught*: a thousand imagined miners of each kind, whose answers are drawn from those measured. \
The test catches at odds of ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_bounded_as_the_binomial_says() {
        // Three over the count, nearly, when none were found; 4.74 over it for one.
        assert!((rate_below(2_000, 0) - 0.0015).abs() < 1e-5);
        assert!((rate_below(2_000, 1) - 0.00237).abs() < 1e-5);
        assert!((rate_below(10, 10) - 1.0).abs() < 1e-9);
    }
}
