//! What happens when miners are not what they should be.

use std::time::Duration;

use gateway::Patience;
use serde_json::{Value, json};

use crate::market::{Setup, judged, market};
use crate::villains::Character::{
    Busy, Dead, Forger, Honest, Inflator, Lazy, Padder, Quitter, Silent, Sleeper, Stranger,
};
use crate::villains::{ANSWER, Character};

/// Asks until the villain has been tried once, and checks that no customer notices.
async fn a_customer_never_notices(villain: Character) {
    let market = market(&[villain, Honest]);
    for _ in 0..64 {
        let reply = market.chat(json!({})).await;
        assert_eq!(reply.status, 200, "{villain:?}");
        assert_eq!(
            reply.json()["choices"][0]["message"]["content"],
            ANSWER.concat()
        );
        assert_eq!(reply.json()["stoa"]["uid"], 1);
        if market.villains.asked(&market.pairs[0]) > 0 {
            assert_eq!(reply.header("x-stoa-tries"), "2", "{villain:?}");
            return;
        }
    }
    panic!("{villain:?} was never asked, so nothing was tested");
}

#[tokio::test]
async fn another_miner_answers_when_one_fails() {
    for villain in [
        Dead, Silent, Quitter, Forger, Padder, Inflator, Stranger, Lazy, Busy, Sleeper,
    ] {
        a_customer_never_notices(villain).await;
    }
}

/// Killing a miner moves all traffic within one request: the first one that meets it also finds the other, and the ones
/// after do not even try. The one that was quickest just now is killed, for that is the one they would try.
#[tokio::test]
async fn a_killed_miner_is_met_by_one_request_at_most() {
    let market = judged(&[(Honest, 0.9), (Honest, 0.9)]);
    let mut answering = 0;
    for _ in 0..16 {
        let reply = market.chat(json!({})).await;
        answering = reply.json()["stoa"]["uid"].as_u64().unwrap();
    }
    // The one that answered last: the likeliest to be asked next.
    let killed = &market.pairs[answering as usize];
    let before = market.villains.asked(killed);
    market.villains.set(killed, Dead);
    for _ in 0..8 {
        let reply = market.chat(json!({})).await;
        assert_eq!(reply.json()["stoa"]["uid"], 1 - answering);
    }
    assert!(market.villains.asked(killed) - before <= 1);
}

#[tokio::test]
async fn a_miner_that_validators_caught_is_not_asked_even_alone() {
    let market = judged(&[(Honest, 0.9), (Honest, 0.0)]);
    for _ in 0..32 {
        assert_eq!(market.chat(json!({})).await.json()["stoa"]["uid"], 0);
    }
    market.villains.set(&market.pairs[0], Dead);
    assert_eq!(
        market.chat(json!({})).await.refusal(),
        (503, "no_miner_available".into())
    );
    assert_eq!(market.villains.asked(&market.pairs[1]), 0);
}

#[tokio::test]
async fn when_nobody_is_left_the_customer_may_come_back() {
    let all_dead = market(&[Dead, Dead]).chat(json!({})).await;
    assert_eq!(all_dead.refusal(), (503, "no_miner_available".into()));
    assert_eq!(all_dead.header("retry-after"), "2");
    let nobody = market(&[]).chat(json!({})).await;
    assert_eq!(nobody.refusal(), (503, "no_miner_available".into()));
}

#[tokio::test]
async fn a_prompt_is_too_long_when_two_miners_say_so() {
    let market = market(&[Lazy, Lazy, Lazy]);
    let reply = market.chat(json!({})).await;
    assert_eq!(reply.refusal(), (400, "context_length_exceeded".into()));
    let error = &reply.json()["error"];
    assert_eq!(error["param"], "messages");
    assert_eq!(error["message"], "the prompt is 900 tokens");
    let asked: u32 = market
        .pairs
        .iter()
        .map(|pair| market.villains.asked(pair))
        .sum();
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn a_prompt_is_too_long_when_the_only_miner_says_so() {
    let reply = market(&[Lazy]).complete(json!({"stream": true})).await;
    assert_eq!(reply.refusal(), (400, "context_length_exceeded".into()));
    assert_eq!(reply.json()["error"]["param"], "prompt");
}

/// What has been sent cannot be taken back: the stream ends with an error that OpenAI's clients raise.
#[tokio::test]
async fn a_stream_that_goes_wrong_ends_with_an_error_and_no_done() {
    for villain in [Quitter, Sleeper, Forger, Padder, Stranger] {
        let reply = market(&[villain]).chat(json!({"stream": true})).await;
        assert_eq!(reply.status, 200);
        assert!(
            ANSWER.concat().starts_with(&reply.streamed_text()),
            "{villain:?}"
        );
        let events = reply.events();
        let last: Value = serde_json::from_str(events.last().expect("events")).expect("JSON");
        assert_eq!(last["error"]["code"], "answer_interrupted", "{villain:?}");
        assert!(!events.iter().any(|data| data == "[DONE]"), "{villain:?}");
    }
}

#[tokio::test]
async fn a_stream_from_a_dead_miner_begins_with_another() {
    let market = market(&[Dead, Dead, Honest]);
    let reply = market.chat(json!({"stream": true})).await;
    assert_eq!(reply.streamed_text(), ANSWER.concat());
    assert_eq!(reply.header("x-stoa-uid"), "2");
}

/// The silent miner alone would cost its whole patience; the hedge answers long before.
#[tokio::test]
async fn a_hedge_answers_before_a_silent_miner_is_given_up() {
    let patience = Patience {
        first_token: Duration::from_secs(600),
        hedge: Some(Duration::from_millis(5)),
        ..Patience::default()
    };
    let miners = vec![(Silent, Some(0.9)), (Honest, Some(0.9))];
    let market = Setup {
        miners,
        patience,
        ..Setup::default()
    }
    .open();
    while market.villains.asked(&market.pairs[0]) == 0 {
        let reply = market.chat(json!({})).await;
        assert_eq!(reply.json()["stoa"]["uid"], 1);
    }
}

/// A probe asks for so many as well. A limit that followed what miners say of their context would tell the two apart, and let
/// one miner cut everybody's answers short.
#[tokio::test]
async fn a_chat_without_a_limit_asks_for_as_many_tokens_as_a_probe() {
    let market = market(&[Honest]);
    assert_eq!(market.chat(json!({})).await.status, 200);
    let heard = market.villains.heard.lock().expect("not poisoned");
    assert_eq!(heard[0].max_tokens, protocol::ANSWER_TOKENS_MAX);
}
