//! One search of a chain at a time, and what those get who come meanwhile and later.

use super::*;
use std::sync::mpsc;

fn chain(letters: &str) -> Sequence {
    letters.parse().expect("a sequence")
}

fn answer(energy: f64) -> Arc<FoldAnswer> {
    Arc::new(FoldAnswer {
        energy,
        mmcif: String::new(),
        evaluations: 1,
        history: Vec::new(),
    })
}

fn go_on(_: Standing) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn claim<'a>(
    shelf: &'a Shelf,
    letters: &str,
    budget_s: f64,
    report: &mut dyn FnMut(Standing) -> ControlFlow<()>,
) -> Claim<'a> {
    let wish = Wish {
        sequence: &chain(letters),
        budget_s,
        patience: Duration::from_secs_f64(1.5 * budget_s),
    };
    shelf.claim(wish, report)
}

fn own<'a>(shelf: &'a Shelf, letters: &str, budget_s: f64) -> Search<'a> {
    match claim(shelf, letters, budget_s, &mut go_on) {
        Claim::Own(search) => search,
        _ => panic!("{letters} is known or being folded"),
    }
}

fn known(shelf: &Shelf, letters: &str, budget_s: f64) -> Option<f64> {
    match claim(shelf, letters, budget_s, &mut go_on) {
        Claim::Known(answer) => Some(answer.energy),
        _ => None,
    }
}

#[test]
fn what_was_folded_is_given_to_whoever_asks_for_no_more() {
    let shelf = Shelf::new(Duration::ZERO);
    own(&shelf, "GYDPET", 10.0).keep(answer(-1.0));
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
    assert_eq!(known(&shelf, "GYDPET", 2.0), Some(-1.0));
    assert_eq!(known(&shelf, "GYDPEW", 2.0), None);
    assert_eq!(known(&shelf, "GYDPET", 11.0), None, "more is asked for");
    own(&shelf, "GYDPET", 20.0).keep(answer(-2.0));
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-2.0));
}

#[test]
fn who_comes_while_it_is_folded_hears_how_far_it_is_and_gets_the_answer() {
    let shelf = Shelf::new(Duration::ZERO);
    let search = own(&shelf, "GYDPET", 10.0);
    let (heard, hears) = mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut report = |standing: Standing| {
                heard.send(standing.fraction).expect("somebody listens");
                ControlFlow::Continue(())
            };
            match claim(&shelf, "GYDPET", 8.0, &mut report) {
                Claim::Known(answer) => answer.energy,
                _ => f64::NAN,
            }
        });
        assert_eq!(hears.recv(), Ok(0.0));
        search.tell(Standing {
            fraction: 0.5,
            energy: Some(-3.0),
        });
        assert_eq!(hears.recv(), Ok(0.5));
        search.keep(answer(-4.0));
        assert_eq!(second.join().expect("no panic"), -4.0);
    });
}

/// Else who buys a tenth more than the validator gave would get another structure, and could sell it beside the first.
#[test]
fn who_wants_more_time_gets_what_is_there_searched_on() {
    let shelf = Shelf::new(Duration::ZERO);
    own(&shelf, "GYDPET", 10.0).keep(answer(-1.0));
    let search = own(&shelf, "GYDPET", 11.0);
    let (from, spent_s) = search.from.clone().expect("something to go on from");
    assert_eq!((from.energy, spent_s), (-1.0, 10.0));
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0), "meanwhile");
    search.keep(answer(-2.0));
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-2.0));
}

#[test]
fn who_wants_more_time_than_the_search_under_way_has_waits_for_it_first() {
    let shelf = Shelf::new(Duration::ZERO);
    let search = own(&shelf, "GYDPET", 10.0);
    let (heard, hears) = mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut report = |_| {
                heard.send(()).expect("somebody listens");
                ControlFlow::Continue(())
            };
            match claim(&shelf, "GYDPET", 11.0, &mut report) {
                Claim::Own(search) => search.from.as_ref().map(|(from, _)| from.energy),
                _ => None,
            }
        });
        assert_eq!(hears.recv(), Ok(()));
        search.keep(answer(-4.0));
        assert_eq!(second.join().expect("no panic"), Some(-4.0));
    });
}

#[test]
fn who_could_not_wait_for_the_end_is_told_at_once() {
    let shelf = Shelf::new(Duration::ZERO);
    let search = own(&shelf, "GYDPET", 100.0);
    let engaged = || {
        let asked = claim(&shelf, "GYDPET", 10.0, &mut |_| ControlFlow::Break(()));
        matches!(asked, Claim::Engaged)
    };
    assert!(engaged());
    search.tell(Standing {
        fraction: 0.9,
        energy: None,
    });
    assert!(!engaged(), "ten seconds are left of it");
}

#[test]
fn where_a_search_is_given_up_the_next_one_takes_it_on() {
    let shelf = Shelf::new(Duration::ZERO);
    let search = own(&shelf, "GYDPET", 10.0);
    let (heard, hears) = mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut report = |_| {
                heard.send(()).expect("somebody listens");
                ControlFlow::Continue(())
            };
            let claim = claim(&shelf, "GYDPET", 8.0, &mut report);
            matches!(claim, Claim::Own(Search { from: None, .. }))
        });
        assert_eq!(hears.recv(), Ok(()));
        drop(search);
        assert!(second.join().expect("no panic"));
    });
}

#[test]
fn whom_it_was_searched_for_has_a_head_start() {
    let head_start = Duration::from_millis(50);
    let shelf = Shelf::new(head_start);
    own(&shelf, "GYDPET", 10.0).keep(answer(-1.0));
    let asked = Instant::now();
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
    assert!(head_start / 2 < asked.elapsed(), "it came at once");
    let asked = Instant::now();
    assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
    assert!(asked.elapsed() < head_start, "long after, it comes at once");
}

#[test]
fn who_waits_may_leave() {
    let shelf = Shelf::new(Duration::ZERO);
    let _search = own(&shelf, "GYDPET", 10.0);
    let claim = claim(&shelf, "GYDPET", 8.0, &mut |_| ControlFlow::Break(()));
    assert!(matches!(claim, Claim::Left));
}

#[test]
fn the_oldest_answer_goes_first() {
    let shelf = Shelf::new(Duration::ZERO);
    for residue in molecule::AminoAcid::ALL {
        for last in ["A", "G"] {
            let letters = format!("GYDP{}{last}", residue.letter());
            own(&shelf, &letters, 1.0).keep(answer(0.0));
        }
    }
    assert_eq!(shelf.lock().all.len(), PLACES_MAX);
    assert_eq!(known(&shelf, "GYDPAA", 1.0), None);
    assert_eq!(known(&shelf, "GYDPVG", 1.0), Some(0.0));
}
