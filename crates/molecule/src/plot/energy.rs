//! How the energy fell: the lowest found so far against the time it took.

use super::{Anchor, Canvas, Frame};

/// So many points are drawn at most; of more, each stretch's lowest.
const POINTS_MAX: usize = 500;

/// A first energy, with atoms still in each other's way, may be a million times the last. The picture shows this many times
/// the fall of the later nine tenths of the points; what is higher leaves it at the top.
const HEADROOM: f64 = 2.0;

/// The energy in kcal/mol over time in seconds as SVG. What is no number is left out.
pub fn energy_over_time(history: &[(f64, f64)]) -> String {
    let mut canvas = Canvas::new(520, 320, "Energy over time");
    let is_number = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
    let points: Vec<(f64, f64)> = history.iter().filter(is_number).copied().collect();
    let points = thinned(&points);
    if points.is_empty() {
        canvas.text((260.0, 160.0), Anchor::Middle, "no energies yet");
        return canvas.finish();
    }
    let (x, y) = ranges(&points);
    let frame = Frame {
        left: 76.0,
        top: 28.0,
        width: 428.0,
        height: 244.0,
        x,
        y,
    };
    let ticks = (ticks(x), ticks(y));
    frame.draw(
        &mut canvas,
        (&ticks.0, &ticks.1),
        ("time (s)", "energy (kcal/mol)"),
    );
    let mut course = String::new();
    for (index, &(time, energy)) in points.iter().enumerate() {
        let (x, y) = frame.place(time, energy.min(frame.y.1));
        let letter = if index == 0 { 'M' } else { 'L' };
        course.push_str(&format!("{letter}{x:.1} {y:.1}"));
    }
    canvas.element(format_args!("<path class=\"line\" d=\"{course}\"/>"));
    let (time, energy) = lowest(&points);
    let (x, y) = frame.place(time, energy);
    canvas.element(format_args!(
        "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.8\"><title>{energy:.2} kcal/mol after {time:.1} \
         s</title></circle>"
    ));
    let label = format!("lowest {energy:.2} kcal/mol");
    canvas.text((504.0, 20.0), Anchor::End, label);
    canvas.finish()
}

/// No more points than are drawn.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS_MAX).max(1);
    points.chunks(stretch).map(lowest).collect()
}

/// The point of lowest energy, the earliest of several; there is one.
fn lowest(points: &[(f64, f64)]) -> (f64, f64) {
    let lower = |a: (f64, f64), b: &(f64, f64)| if b.1 < a.1 { *b } else { a };
    points.iter().fold(points[0], lower)
}

/// What the picture spans: all the time, and the energies that matter.
fn ranges(points: &[(f64, f64)]) -> ((f64, f64), (f64, f64)) {
    let times = points.iter().map(|point| point.0);
    let start = times.clone().fold(f64::INFINITY, f64::min).min(0.0);
    let end = times.fold(f64::NEG_INFINITY, f64::max);
    let mut energies: Vec<f64> = points.iter().map(|point| point.1).collect();
    energies.sort_by(f64::total_cmp);
    let (low, high) = (energies[0], energies[energies.len() - 1]);
    let usual = energies[(energies.len() * 9 / 10).min(energies.len() - 1)];
    let top = high.min(low + HEADROOM * (usual - low).max(1.0));
    ((start, wider(start, end)), (low, wider(low, top)))
}

/// The end of a range, a little off where it would be empty.
fn wider(start: f64, end: f64) -> f64 {
    if end > start {
        end
    } else {
        start + start.abs().max(1.0) * 0.01
    }
}

/// Round numbers within a range, some three to eight of them.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 7.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let decimals = power.log10().round().min(0.0).abs();
    let scale = 10_f64.powf(decimals);
    let round = |tick: f64| (tick * scale).round() / scale + 0.0;
    let values = (0..10).map(|index| round((first.saturating_add(index)) as f64 * step));
    values
        .filter(|value| (low..=high).contains(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks((0.0, 30.0)), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
        assert_eq!(ticks((-594.8, -210.0)), [-500.0, -400.0, -300.0]);
        assert_eq!(ticks((0.0, 0.01)), [0.0, 0.002, 0.004, 0.006, 0.008, 0.01]);
        for (low, high) in [(-1e300, 1e300), (5.0, 5.0 + 1e-9), (0.0, 1e-300)] {
            assert!(ticks((low, high)).len() <= 10);
        }
    }

    #[test]
    fn a_first_energy_out_of_all_proportion_does_not_flatten_the_rest() {
        let mut points = vec![(0.0, 1e9)];
        points.extend((1..40).map(|second| (f64::from(second), -f64::from(second))));
        let (time, energy) = ranges(&points);
        assert_eq!(time, (0.0, 39.0));
        assert_eq!(energy.0, -39.0);
        assert!(energy.1 < 100.0);
    }

    #[test]
    fn a_long_history_is_thinned_and_keeps_its_lowest() {
        let points: Vec<_> = (0..10_001).map(|n| (f64::from(n), -f64::from(n))).collect();
        let thin = thinned(&points);
        assert!(thin.len() <= POINTS_MAX);
        assert_eq!(thin.last(), points.last());
    }
}
