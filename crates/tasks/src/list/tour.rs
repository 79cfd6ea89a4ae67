//! `tour/1`: a short round trip through given points, the example of `docs/new-subnet.md`.
//!
//! A good order of dozens of places is dear to find and cheap to check: whoever judges adds up distances. That makes it a
//! good first task: no model, no files, nothing to download, and yet better work is told from worse.
//!
//! # The rule
//!
//! 1. The distance of two points is counted in hundredths, rounded down; a tour is as long as its legs together, the one
//!    back to the start included. Only integers, so that every validator comes to the same number.
//! 2. An order that leaves a point out, repeats one or invents one is no answer, and giving it is a lie.
//! 3. The judge looks for a short tour itself, from [`STARTS`] starts; one such search is what [`Tour::solve`] makes. An
//!    answer as short as the judge's is worth [`PAR`], one of `x` times its length `PAR ÷ x⁴`, and none more than 1. A
//!    better solver than ours therefore earns more, and a lazy one much less.
//! 4. Time to think is given: answers within [`Tour::SOON_ENOUGH`] are all as fast.
//!
//! Equal answers of two miners show nothing here: good solvers find the same tour.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use schemars::JsonSchema;
use scoring::{Fault, Judgement};
use serde::{Deserialize, Serialize};

use crate::{Complaint, Setup, SetupError, Task, WorkError};

/// So many points a tour may have.
const POINTS: std::ops::RangeInclusive<usize> = 3..=64;
/// So many a challenge has: fewer would be no challenge.
const POINTS_DRAWN: std::ops::RangeInclusive<usize> = 24..=64;
/// The largest coordinate.
const COORDINATE_MAX: u16 = 10_000;
/// The judge searches from so many starts.
const STARTS: usize = 8;
/// The worth of an answer as short as the judge's, in thousandths; what is above is for shorter ones.
const PAR: u128 = 800;
/// A search ends after so many rounds, though it ends of itself long before.
const ROUNDS_MAX: usize = 100;

/// A place: how far east, how far north.
type Point = [u16; 2];

/// The places to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TourRequest {
    /// From 3 to 64 points, each with two coordinates from 0 to 10000.
    #[schemars(length(min = 3, max = 64))]
    pub points: Vec<Point>,
}

/// The order to see them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TourAnswer {
    /// Each point's number once, counted from 0 as the request lists them. After the last one it goes back to the first.
    #[schemars(length(min = 3, max = 64))]
    pub order: Vec<usize>,
}

/// The task. It needs nothing to work.
pub struct Tour;

impl Task for Tour {
    type Request = TourRequest;
    type Answer = TourAnswer;
    /// The length of the tour that the judge found.
    type Secret = u64;

    const NAME: &'static str = "tour";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "A short round trip through given points.";
    const SOON_ENOUGH: Duration = Duration::from_millis(50);
    const CHEATS: &'static [&'static str] = &["unsorted"];

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        setup.expect_nothing(&Self::id())?;
        Ok(Self)
    }

    fn check(request: &TourRequest) -> Result<(), Complaint> {
        let count = request.points.len();
        if !POINTS.contains(&count) {
            let message = format!("has {count} points; give from 3 to 64");
            return Err(Complaint::of("points", message));
        }
        match request.points.iter().flatten().max() {
            Some(&largest) if COORDINATE_MAX < largest => {
                let message = format!("has a coordinate of {largest}; give from 0 to 10000");
                Err(Complaint::of("points", message))
            }
            _ => Ok(()),
        }
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (TourRequest, u64) {
        let count = rng.random_range(POINTS_DRAWN);
        let mut coordinate = || rng.random_range(0..=COORDINATE_MAX);
        let points: Vec<Point> = (0..count).map(|_| [coordinate(), coordinate()]).collect();
        let starts = (0..STARTS).map(|start| start * count / STARTS);
        let tours = starts.map(|start| length(&points, &search(&points, start)));
        let best = tours.min().expect("there are starts");
        (TourRequest { points }, best)
    }

    fn judge(&self, request: &TourRequest, answer: &TourAnswer, best: &u64) -> Judgement {
        if let Err(reason) = visits_each_once(request.points.len(), &answer.order) {
            return Judgement::fault(Fault::FalseAnswer(reason));
        }
        let length = length(&request.points, &answer.order);
        let (ours, theirs) = (u128::from(*best).max(1), u128::from(length).max(1));
        let thousandths = (PAR * ours.pow(4) / theirs.pow(4)).min(1_000) as f64;
        let percent = 100 * theirs / ours;
        let reason = format!("{percent} % of the length of the judge's own tour");
        Judgement::of(thousandths / 1_000.0, reason)
    }

    fn solve(&self, request: &TourRequest) -> Result<TourAnswer, WorkError> {
        let order = search(&request.points, 0);
        Ok(TourAnswer { order })
    }

    fn cheat(&self, _unsorted: &str, request: &TourRequest) -> Result<TourAnswer, WorkError> {
        let order = (0..request.points.len()).collect();
        Ok(TourAnswer { order })
    }
}

/// The distance of two points, in hundredths, rounded down.
fn distance(a: Point, b: Point) -> u64 {
    let square = |axis: usize| u64::from(a[axis].abs_diff(b[axis])).pow(2);
    (10_000 * (square(0) + square(1))).isqrt()
}

/// The length of a tour, back to its start.
fn length(points: &[Point], order: &[usize]) -> u64 {
    let next = order.iter().cycle().skip(1);
    let legs = order.iter().zip(next);
    legs.map(|(&from, &to)| distance(points[from], points[to]))
        .sum()
}

/// Whether an order has each of so many points once, or what is wrong with it.
fn visits_each_once(count: usize, order: &[usize]) -> Result<(), String> {
    let mut seen = vec![false; count];
    for &number in order {
        match seen.get_mut(number) {
            None => {
                return Err(format!(
                    "there is no point {number}, only 0 to {}",
                    count - 1
                ));
            }
            Some(true) => return Err(format!("point {number} is visited twice")),
            Some(unseen) => *unseen = true,
        }
    }
    match seen.iter().position(|is_seen| !is_seen) {
        Some(number) => Err(format!("point {number} is not visited")),
        None => Ok(()),
    }
}

/// A short tour: always on to the nearest point, then turned round in pieces until none makes it shorter.
fn search(points: &[Point], start: usize) -> Vec<usize> {
    let mut rest: Vec<usize> = (0..points.len()).filter(|&point| point != start).collect();
    let mut order = vec![start];
    while let Some(&last) = order.last()
        && let Some(at) = (0..rest.len()).min_by_key(|&at| distance(points[last], points[rest[at]]))
    {
        order.push(rest.swap_remove(at));
    }
    for _ in 0..ROUNDS_MAX {
        let before = length(points, &order);
        uncross(points, &mut order);
        if length(points, &order) == before {
            break;
        }
    }
    order
}

/// Turns a piece of the tour round wherever that makes it shorter, which undoes crossings.
fn uncross(points: &[Point], order: &mut [usize]) {
    let count = order.len();
    for from in 0..count {
        for to in from + 2..count {
            let [a, b, c, d] = [from, from + 1, to, (to + 1) % count].map(|at| points[order[at]]);
            if distance(a, c) + distance(b, d) < distance(a, b) + distance(c, d) {
                order[from + 1..=to].reverse();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// A square of 100 by 100; the shortest tour goes round it in 400.00.
    const SQUARE: [Point; 4] = [[0, 0], [100, 100], [100, 0], [0, 100]];

    fn judged(points: &[Point], order: &[usize], best: u64) -> Judgement {
        let (points, order) = (points.to_vec(), order.to_vec());
        Tour.judge(&TourRequest { points }, &TourAnswer { order }, &best)
    }

    /// The mean quality of a way to answer, over challenges from one seed.
    fn mean(answer: impl Fn(&TourRequest) -> TourAnswer) -> f64 {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let qualities = (0..10).map(|_| {
            let (request, best) = Tour.challenge(&mut rng);
            Tour.judge(&request, &answer(&request), &best).quality
        });
        qualities.sum::<f64>() / 10.0
    }

    #[test]
    fn a_tour_is_as_long_as_its_legs_and_the_way_back() {
        assert_eq!(length(&SQUARE, &[0, 2, 1, 3]), 40_000);
        assert_eq!(length(&SQUARE, &[0, 1, 2, 3]), 2 * 14_142 + 20_000);
        assert_eq!(length(&SQUARE, &search(&SQUARE, 1)), 40_000);
    }

    #[test]
    fn a_tour_as_short_as_the_judges_is_at_par_and_a_shorter_one_above() {
        let quality = |best| judged(&SQUARE, &[0, 2, 1, 3], best).quality;
        assert_eq!(
            [quality(40_000), quality(41_000), quality(50_000)],
            [0.8, 0.883, 1.0]
        );
        assert_eq!(quality(20_000), 0.05);
    }

    #[test]
    fn an_order_that_is_no_round_trip_says_what_is_wrong_with_it() {
        let fault = |order: &[usize]| {
            judged(&SQUARE, order, 1)
                .fault
                .expect("a fault")
                .to_string()
        };
        assert!(fault(&[0, 1, 2]).contains("point 3 is not visited"));
        assert!(fault(&[0, 1, 1, 2]).contains("point 1 is visited twice"));
        assert!(fault(&[0, 1, 2, 4]).contains("there is no point 4, only 0 to 3"));
    }

    #[test]
    fn points_in_one_place_make_a_tour_of_no_length() {
        let points = [[7, 7]; 3];
        assert_eq!(length(&points, &search(&points, 2)), 0);
        assert_eq!(judged(&points, &[0, 1, 2], 0).quality, 0.8);
    }

    #[test]
    fn too_many_points_and_points_off_the_map_are_refused() {
        let check = |points: Vec<Point>| {
            Tour::check(&TourRequest { points }).map_err(|error| error.to_string())
        };
        assert_eq!(check(SQUARE.to_vec()), Ok(()));
        assert_eq!(
            check(vec![[0, 0]; 65]),
            Err("`points` has 65 points; give from 3 to 64".into())
        );
        assert_eq!(
            check(vec![[0, 10_001]; 3]),
            Err("`points` has a coordinate of 10001; give from 0 to 10000".into())
        );
    }

    #[test]
    fn one_search_is_good_many_are_better_and_none_is_next_to_nothing() {
        let solved = mean(|request| Tour.solve(request).expect("solved"));
        let longer = mean(|TourRequest { points }| {
            let tours = (0..32).map(|start| search(points, start % points.len()));
            let order = tours
                .min_by_key(|order| length(points, order))
                .expect("points");
            TourAnswer { order }
        });
        let unsorted = mean(|request| Tour.cheat("unsorted", request).expect("cheated"));
        assert!(unsorted < 0.02, "{unsorted}");
        assert!((0.6..0.8).contains(&solved), "{solved}");
        assert!((0.8..0.95).contains(&longer), "{longer}");
    }
}
