//! Miners that take a job and let it lie.

use std::time::Duration;

use gateway::jobs::{Bounds, Rhythm};
use protocol::{Digest, JobState};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::jobs::{FAR, HOME, PATH, with};
use crate::market::{Market, RHYTHM, Setup};
use crate::villains::Character::{self, Busy, Honest};

/// A market whose miners lose a job after a second and a half without news, by our clock.
fn open(miners: &[Character]) -> Market {
    let rhythm = Rhythm {
        quiet: Duration::from_secs(15),
        quiet_part: 10_000,
        line: Duration::from_secs(600),
        ..RHYTHM
    };
    Setup {
        rhythm,
        ..with(miners)
    }
    .open()
}

async fn told(market: &Market, id: Digest) {
    let until_told = async {
        while market.villains.yard.state(id) != Some(JobState::Cancelled) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = timeout(Duration::from_secs(10), until_told).await;
    waited.expect("the miner is told that the job is no longer its own");
}

/// Words are no news: a miner that goes on saying the same loses the job, and what it had found stays.
#[tokio::test]
async fn a_miner_without_news_loses_the_job_however_much_it_says() {
    let market = open(&[Honest, Honest]);
    let id = market.job().await;
    let yard = &market.villains.yard;
    let first = yard.taken(0).await;
    yard.report(first.id, 0.5, 3.0, Some(HOME));
    let muttering = async {
        loop {
            sleep(Duration::from_millis(20)).await;
            if yard.state(first.id) == Some(JobState::Working) {
                yard.report(first.id, 0.5, 3.0, None);
            }
        }
    };
    let second = tokio::select! {
        second = yard.taken(1) => second,
        () = muttering => unreachable!("it goes on for ever"),
    };
    assert_ne!(second.miner, first.miner);
    told(&market, first.id).await;
    assert_eq!(market.result(&id).await.body, HOME.as_bytes());
    yard.finish(second.id, FAR);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(1))
    );
}

#[tokio::test]
async fn a_miner_with_news_keeps_the_job_for_as_long_as_it_has_some() {
    let market = open(&[Honest, Honest]);
    let id = market.job().await;
    let yard = &market.villains.yard;
    let first = yard.taken(0).await;
    for step in 1..=10 {
        sleep(Duration::from_millis(250)).await;
        yard.report(first.id, f64::from(step) / 20.0, 3.0, None);
    }
    yard.finish(first.id, HOME);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(0))
    );
}

#[tokio::test]
async fn a_job_in_line_is_taken_to_a_miner_that_is_free() {
    let rhythm = Rhythm {
        line: Duration::from_secs(1),
        ..RHYTHM
    };
    let market = Setup {
        rhythm,
        ..with(&[Honest, Honest])
    }
    .open();
    let yard = &market.villains.yard;
    for pair in &market.pairs {
        yard.line(pair.account(), true);
    }
    let id = market.job().await;
    let (first, second) = (yard.taken(0).await, yard.taken(1).await);
    assert_ne!(first.miner, second.miner);
    told(&market, first.id).await;
    let path = format!("{PATH}/{id}");
    let in_line = market.until(&path, |job| job["moves"] == 1).await;
    assert_eq!(in_line["status"], "waiting");
    yard.begin(second.id);
    yard.finish(second.id, HOME);
    assert_eq!(market.end(&id).await["status"], "done");
    assert_eq!(yard.count(), 2, "nobody runs to and fro");
    let metrics = String::from_utf8(market.get("/metrics").await.body).expect("text");
    assert!(
        !metrics.contains(r#"outcome="failed""#),
        "nobody is to blame: {metrics}"
    );
}

/// Standing in line is no reason to fail; but whoever lets jobs stand is asked last from then on.
#[tokio::test]
async fn a_miner_that_lets_jobs_lie_is_asked_last() {
    let market = open(&[Honest, Busy]);
    let [slow, other] = [&market.pairs[0], &market.pairs[1]];
    let yard = &market.villains.yard;
    yard.line(slow.account(), true);
    let first = market.job().await;
    let third = yard.taken(2).await;
    assert_eq!(third.miner, slow.account(), "there is nobody else");
    assert_eq!(market.look(&first).await["status"], "waiting");
    market.cancel(&first).await;
    market.villains.set(other, Honest);
    yard.line(slow.account(), false);
    for number in 3..11 {
        let id = market.job().await;
        let taken = yard.taken(number).await;
        assert_eq!(taken.miner, other.account());
        yard.finish(taken.id, HOME);
        assert_eq!(market.end(&id).await["status"], "done");
    }
}

#[tokio::test]
async fn a_job_that_six_miners_had_and_dropped_fails_with_what_was_found() {
    let market = with(&[Honest; 8]).open();
    let id = market.job().await;
    let yard = &market.villains.yard;
    for number in 0..6 {
        let taken = yard.taken(number).await;
        if number == 0 {
            yard.report(taken.id, 0.5, 3.0, Some(HOME));
            let path = format!("{PATH}/{id}");
            market.until(&path, |job| job["has_result"] == true).await;
        }
        let path = format!("{PATH}/{id}");
        market.until(&path, |job| job["status"] == "working").await;
        yard.fail(taken.id, "out of breath");
    }
    let failed = market.end(&id).await;
    assert_eq!(
        (&failed["status"], &failed["moves"]),
        (&json!("failed"), &json!(6))
    );
    let message = failed["error"]["message"].as_str().expect("words");
    assert!(message.contains("can be fetched"), "{message}");
    assert_eq!(market.result(&id).await.body, HOME.as_bytes());
}

/// An answer that is none is quoted in the complaint about it; a customer is told the beginning.
#[tokio::test]
async fn a_miners_words_are_cut_before_anybody_hears_them() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let yard = &market.villains.yard;
    let endless = format!(r#"{{"{}":0}}"#, "x".repeat(60_000));
    for number in 0..2 {
        let taken = yard.taken(number).await;
        yard.finish(taken.id, &endless);
    }
    let failed = market.end(&id).await;
    let message = failed["error"]["message"].as_str().expect("words");
    assert!(message.contains("xxx") && message.len() < 500, "{message}");
}

#[tokio::test]
async fn what_found_nothing_is_forgotten_sooner() {
    let bounds = Bounds {
        keep_empty: Duration::ZERO,
        ..Bounds::default()
    };
    let market = Setup {
        bounds,
        ..with(&[Honest])
    }
    .open();
    let empty = market.job().await;
    market.villains.yard.taken(0).await;
    market.cancel(&empty).await;
    let gone = market.get(&format!("{PATH}/{empty}")).await;
    assert_eq!(gone.refusal(), (404, "job_not_found".into()));
    let full = market.job().await;
    let taken = market.villains.yard.taken(1).await;
    market.villains.yard.finish(taken.id, HOME);
    market.end(&full).await;
    assert_eq!(market.look(&full).await["status"], "done");
}
