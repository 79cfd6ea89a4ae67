//! The lines a localnet prints while it comes up: what is being done, and how long the last step took.
//!
//! A terminal gets a spinner; a file or a pipe gets one line per finished step. All of it goes to stderr.

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// The step under way and the time since the start.
pub struct Steps {
    bar: ProgressBar,
    is_terminal: bool,
    current: Option<String>,
    began: Instant,
}

impl Steps {
    /// Begins counting.
    pub fn new() -> Self {
        let is_terminal = console::user_attended_stderr();
        let bar = if is_terminal {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let shape = ProgressStyle::with_template("{spinner} {msg}").expect("the template is fixed");
        bar.set_style(shape);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            is_terminal,
            current: None,
            began: Instant::now(),
        }
    }

    /// Ends the step under way and begins another.
    pub fn begin(&mut self, what: &str) {
        self.finish_current();
        self.bar.set_message(what.to_owned());
        self.current = Some(what.to_owned());
    }

    /// Ends the last step, with a line for each thing that came of it.
    pub fn end(&mut self, results: &[String]) {
        self.finish_current();
        for what in results {
            self.current = Some(what.clone());
            self.finish_current();
        }
        self.bar.finish_and_clear();
    }

    fn finish_current(&mut self) {
        let Some(what) = self.current.take() else {
            return;
        };
        let seconds = self.began.elapsed().as_secs_f64();
        let line = format!("{:>6.1} s  {what}", seconds);
        if self.is_terminal {
            self.bar.println(format!("{} {line}", style("✓").green()));
        } else {
            eprintln!("{line}");
        }
    }
}
