//! Figures against numbers worked out by hand.

use proptest::prelude::*;

use super::*;

fn confusion(rows: &[&[u64]]) -> Confusion {
    let labels = (0..rows.len()).map(|label| format!("l{label}")).collect();
    let mut confusion = Confusion::new(labels);
    for (truth, row) in rows.iter().enumerate() {
        for (guess, count) in row.iter().enumerate() {
            for _ in 0..*count {
                confusion.add(truth, guess);
            }
        }
    }
    confusion
}

/// Two labels: 6 and 3 right, 1 and 2 wrong. Matthews: (6·3 − 1·2) / √(8·7·4·5).
#[test]
fn two_labels_give_matthews_own_coefficient() {
    let table = confusion(&[&[6, 1], &[2, 3]]);
    assert_eq!(table.accuracy(), 0.75);
    assert!((table.mcc() - 16.0 / 1120f64.sqrt()).abs() < 1e-12);
    let class = &table.classes()[0];
    assert_eq!((class.precision, class.count), (0.75, 7));
    assert!((class.recall - 6.0 / 7.0).abs() < 1e-12);
    assert!((class.f1 - 0.8).abs() < 1e-12);
}

#[test]
fn saying_always_the_same_correlates_with_nothing() {
    assert_eq!(confusion(&[&[5, 0, 0], &[5, 0, 0], &[5, 0, 0]]).mcc(), 0.0);
    assert_eq!(confusion(&[&[0, 0], &[0, 0]]).mcc(), 0.0);
    assert_eq!(confusion(&[&[4, 0, 0], &[0, 2, 0], &[0, 0, 7]]).mcc(), 1.0);
}

#[test]
fn a_shrug_has_the_brier_score_of_its_labels() {
    assert!((brier([0.25; 4], 2) - 0.75).abs() < 1e-12);
    assert_eq!(brier([0.0, 1.0], 1), 0.0);
    assert_eq!(brier([1.0, 0.0], 1), 2.0);
}

#[test]
fn the_table_is_drawn_with_its_labels_and_counts() {
    let mut table = Confusion::new(vec!["cat".into(), "<dog>".into()]);
    table.add(0, 1);
    table.add(1, 1);
    let svg = table.to_svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("&lt;dog&gt;").count(), 2);
    assert_eq!(svg.matches(">1</text>").count(), 2);
}

proptest! {
    #[test]
    fn the_correlation_is_between_minus_one_and_one(counts in proptest::collection::vec(0u64..9, 9)) {
        let rows: Vec<&[u64]> = counts.chunks_exact(3).collect();
        let mcc = confusion(&rows).mcc();
        prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&mcc));
    }
}
