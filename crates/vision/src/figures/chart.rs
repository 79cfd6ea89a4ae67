//! The table of confusions as a picture that any browser shows.

use std::fmt::Write;

use super::Confusion;

/// The side of a cell.
const CELL: usize = 40;
/// Room for labels at the left and the top.
const MARGIN: usize = 110;

/// Renders the table as SVG.
pub(super) fn render(confusion: &Confusion) -> String {
    let labels = confusion.labels();
    let side = MARGIN + CELL * labels.len() + 16;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" viewBox=\"0 0 {side} {side}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Rows: what it is. Columns: what it was taken for.</title>\n\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#ffffff\"/>\n"
    );
    for (index, label) in labels.iter().enumerate() {
        let middle = MARGIN + CELL * index + CELL / 2;
        let (before, name) = (MARGIN - 8, escaped(label));
        let lines = [
            format!(
                "<text x=\"{before}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
                middle + 4
            ),
            format!(
                "<text transform=\"translate({},{before}) rotate(-60)\">{name}</text>",
                middle + 4
            ),
        ];
        svg.push_str(&lines.join("\n"));
        svg.push('\n');
    }
    for truth in 0..labels.len() {
        for guess in 0..labels.len() {
            cell(&mut svg, confusion, truth, guess);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn cell(svg: &mut String, confusion: &Confusion, truth: usize, guess: usize) {
    let count = confusion.count(truth, guess);
    let share = count as f64 / confusion.labelled(truth).max(1) as f64;
    // The root lifts rare confusions into sight.
    let depth = share.sqrt();
    let mix = |end: f64| (255.0 + (end - 255.0) * depth).round() as u8;
    let colour = if truth == guess {
        [mix(20.0), mix(90.0), mix(160.0)]
    } else {
        [mix(200.0), mix(60.0), mix(20.0)]
    };
    let (x, y) = (MARGIN + CELL * guess, MARGIN + CELL * truth);
    let [red, green, blue] = colour;
    let mut line = format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"#{red:02x}{green:02x}{blue:02x}\" \
         stroke=\"#dddddd\"/>"
    );
    if 0 < count {
        let ink = if depth < 0.6 { "#222222" } else { "#ffffff" };
        let (x, y) = (x + CELL / 2, y + CELL / 2 + 4);
        write!(
            line,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{ink}\">{count}</text>"
        )
        .expect("a string takes any text");
    }
    svg.push_str(&line);
    svg.push('\n');
}

fn escaped(label: &str) -> String {
    label
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
