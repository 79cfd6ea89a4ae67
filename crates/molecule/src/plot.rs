//! Pictures for people, as SVG: where a chain's residues lie on the Ramachandran plot, and how its energy fell.
//!
//! Small files without scripts, fonts or links. Colours come from a style that follows the reader's preference for light or
//! dark; nothing is told by colour alone. A point says what it is when the pointer rests on it.

mod energy;
mod ramachandran;
mod regions;

use std::fmt::{Display, Write};

pub use energy::energy_over_time;
pub use ramachandran::ramachandran;

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#333}\
.back{fill:#fff}.frame{fill:none;stroke:#888}.grid{stroke:#ccc;stroke-width:.5}\
.allowed{fill:#2a6fbb;opacity:.12}.favoured{fill:#2a6fbb;opacity:.25}\
.point{fill:#b3391f;stroke:#fff;stroke-width:.7}.line{fill:none;stroke:#b3391f;stroke-width:1.5}\
@media(prefers-color-scheme:dark){\
text{fill:#ddd}.back{fill:#161616}.frame{stroke:#888}.grid{stroke:#444}\
.allowed,.favoured{fill:#6aa9ee}.point{fill:#ff8a6b;stroke:#161616}.line{stroke:#ff8a6b}}";

/// Where text stands against its point.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture being drawn.
struct Canvas {
    svg: String,
}

impl Canvas {
    /// An empty picture. The title is what readers who cannot see it are told.
    fn new(width: u32, height: u32, title: &str) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"back\" width=\"{width}\" height=\"{height}\"/>\n"
        );
        Self { svg }
    }

    fn element(&mut self, element: impl Display) {
        writeln!(self.svg, "{element}").expect("a string takes any text");
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.element(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.element(format_args!(
            "<path class=\"grid\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>"
        ));
    }

    fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// The rectangle that data are drawn in, and the ranges they span.
#[derive(Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    /// Where a value lies in the picture; larger is farther up.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        (
            self.left + self.width * share(x, self.x),
            self.top + self.height * (1.0 - share(y, self.y)),
        )
    }

    /// The box itself, ticks along two sides, and what the sides are called.
    fn draw(&self, canvas: &mut Canvas, ticks: (&[f64], &[f64]), labels: (&str, &str)) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for &tick in ticks.0 {
            let (x, _) = self.place(tick, self.y.0);
            canvas.line((x, self.top), (x, bottom));
            canvas.text((x, bottom + 16.0), Anchor::Middle, tick);
        }
        for &tick in ticks.1 {
            let (_, y) = self.place(self.x.0, tick);
            canvas.line((self.left, y), (right, y));
            canvas.text((self.left - 6.0, y + 4.0), Anchor::End, tick);
        }
        canvas.element(format_args!(
            "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            self.left, self.top, self.width, self.height
        ));
        canvas.text((right, bottom + 32.0), Anchor::End, labels.0);
        canvas.text((self.left, self.top - 8.0), Anchor::Start, labels.1);
    }
}
