//! Answers of the engine in this process: alone, together, cut short.

use futures::future::join_all;

use super::*;
use crate::fixture::{self, ask, chat, collect, request};
use crate::request::{FinishReason, Prompt, Sampling};

#[tokio::test]
async fn an_answer_is_named_by_its_seed() {
    let engine = fixture::engine(1);
    let one = ask(&engine, &request(chat("Who is there?"), 5, 24)).await;
    assert_eq!(
        one,
        ask(&engine, &request(chat("Who is there?"), 5, 24)).await
    );
    let other = ask(&engine, &request(chat("Who is there?"), 6, 24)).await;
    assert_ne!(one.ids(), other.ids());
    assert_eq!(one.usage.completion_tokens as usize, one.tokens.len());
}

#[tokio::test]
async fn company_does_not_change_an_answer() {
    let engine = fixture::engine(2);
    let requests: Vec<Request> = (0..20)
        .map(|seed| request(chat(&"word ".repeat(seed)), seed as u64, 20))
        .collect();
    let together = join_all(requests.iter().map(|request| ask(&engine, request))).await;
    for (request, together) in requests.iter().zip(together) {
        assert_eq!(ask(&engine, request).await.ids(), together.ids());
    }
}

#[tokio::test]
async fn an_answer_ends_at_its_limit_and_at_the_contexts() {
    let engine = fixture::engine(3);
    let short = ask(&engine, &request(Prompt::Text("To be".into()), 1, 3)).await;
    assert_eq!(
        (short.tokens.len(), short.finish),
        (3, FinishReason::Length)
    );
    let long = ask(&engine, &request(Prompt::Text("To be".into()), 1, 10_000)).await;
    let total = long.usage.prompt_tokens + long.usage.completion_tokens;
    assert_eq!(
        (total as usize, long.finish),
        (fixture::CONTEXT, FinishReason::Length)
    );
}

#[tokio::test]
async fn a_stop_sequence_ends_an_answer_before_it() {
    let engine = fixture::engine(4);
    let mut request = request(Prompt::Text("To be".into()), 1, 40);
    let free = ask(&engine, &request).await;
    let middle = free
        .text
        .char_indices()
        .nth(free.text.chars().count() / 2)
        .unwrap()
        .0;
    let stop: String = free.text[middle..].chars().take(3).collect();
    request.stop = vec![stop.clone()];
    let stopped = ask(&engine, &request).await;
    assert_eq!(stopped.finish, FinishReason::Stop);
    assert!(!stopped.text.contains(&stop) && free.text.starts_with(&stopped.text));
    assert!(stopped.tokens.len() < free.tokens.len());
}

#[tokio::test]
async fn greedy_takes_the_top_token_and_reports_its_chances() {
    let engine = fixture::engine(5);
    let mut request = request(Prompt::Text("My lord".into()), 1, 10);
    request.sampling = Sampling::Greedy;
    request.top_logprobs = Some(5);
    for token in ask(&engine, &request).await.tokens {
        assert_eq!(token.top.len(), 5);
        assert_eq!(token.id, token.top[0].id);
        assert_eq!(token.logprob, Some(token.top[0].logprob));
        assert!(
            token
                .top
                .windows(2)
                .all(|pair| pair[0].logprob >= pair[1].logprob)
        );
        assert!(token.top.iter().map(|top| top.logprob.exp()).sum::<f32>() <= 1.0001);
    }
}

#[tokio::test]
async fn a_prompt_longer_than_a_piece_is_read_whole() {
    let mut config = fixture::config(fixture::model(1).vocabulary().len());
    config.max_position_embeddings = 2 * PROMPT_PIECE_TOKENS + 64;
    let network = crate::network::Network::random(config, 6).unwrap();
    let vocabulary = Model::open(&crate::model::Source::Shipped)
        .unwrap()
        .into_vocabulary();
    let model = Model::new(network, vocabulary, crate::template::Template::Script).unwrap();
    let engine = LocalEngine::start("long".into(), Arc::new(model), Limits::default()).unwrap();
    let mut request = request(Prompt::Text("a ".repeat(PROMPT_PIECE_TOKENS)), 1, 3);
    request.sampling = Sampling::Greedy;
    let answer = ask(&engine, &request).await;
    assert!(answer.usage.prompt_tokens as usize > PROMPT_PIECE_TOKENS);

    let model = engine.loaded();
    let ids = model.tokens(&request.prompt).unwrap();
    let span = Span {
        tokens: &ids,
        cache: &mut model.network().cache(),
        logits_from: ids.len() - 1,
    };
    let logits = model
        .network()
        .read(&mut [span])
        .unwrap()
        .remove(0)
        .remove(0);
    assert_eq!(answer.ids()[0], sampler::best(&logits));
}

#[tokio::test]
async fn an_answer_nobody_reads_gives_up_its_seat() {
    let limits = Limits {
        answers: 1,
        waiting: 4,
    };
    let engine = LocalEngine::start("tiny".into(), fixture::model(7), limits).unwrap();
    let abandoned = engine.generate(request(chat("a"), 1, 60)).await.unwrap();
    let next = engine.generate(request(chat("b"), 2, 5)).await.unwrap();
    drop(abandoned);
    assert_eq!(collect(next).await.tokens.len(), 5);
}

#[tokio::test]
async fn more_than_the_queue_holds_is_refused() {
    let limits = Limits {
        answers: 1,
        waiting: 2,
    };
    let engine = LocalEngine::start("tiny".into(), fixture::model(8), limits).unwrap();
    let mut accepted = Vec::new();
    let mut refused = 0;
    for seed in 0..12 {
        match engine
            .generate(request(Prompt::Text("x".into()), seed, 80))
            .await
        {
            Ok(answer) => accepted.push(answer),
            Err(Error::Busy { waiting: 2 }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 0 && accepted.len() >= 2);
    assert_eq!(accepted.len() + refused, 12);
    for answer in accepted {
        assert_eq!(collect(answer).await.tokens.len(), 80);
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_at_once() {
    let engine = fixture::engine(9);
    let mut zero = request(chat("x"), 1, 1);
    zero.stop = vec![String::new()];
    assert!(matches!(
        engine.generate(zero).await.err(),
        Some(Error::InvalidRequest {
            parameter: "stop",
            ..
        })
    ));
    let long = request(Prompt::Text("word ".repeat(200)), 1, 1);
    assert!(matches!(
        engine.generate(long).await.err(),
        Some(Error::PromptTooLong { .. })
    ));
}
