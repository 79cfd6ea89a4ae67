//! Questions that could be a customer's.
//!
//! A miner must not tell a probe from a customer's request, so probes are drawn from what customers send: short chats and
//! texts to continue, on ordinary subjects, with the parameters that client libraries default to and the ones people set.
//! The generator is seeded by a secret, so that nobody can list the questions beforehand; with twenty-odd patterns, some
//! hundred words to fill them and a fresh sampling seed each time, an answer is never asked for twice.

use protocol::{ANSWER_TOKENS_MAX, Ask, Message, Prompt, Role, SEED_LIMIT};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// Conversations stop growing here.
const MESSAGES_MAX: usize = 7;

const SUBJECTS: &[&str] = &[
    "the sea",
    "an old king",
    "winter",
    "my brother",
    "the moon",
    "a broken promise",
    "money",
    "the harvest",
    "a letter",
    "the war",
    "sleep",
    "the city at night",
    "a wedding",
    "ships",
    "time",
    "honour",
    "a garden",
    "the law",
    "music",
    "a stranger at the door",
    "bread",
    "the crown",
    "friendship",
    "rain",
    "a long journey",
    "the market",
    "fear",
    "roses",
    "a debt",
    "the river",
    "truth",
    "a dream",
    "horses",
    "silence",
];

const PEOPLE: &[&str] = &[
    "ROMEO",
    "JULIET",
    "KING RICHARD",
    "First Citizen",
    "NURSE",
    "DUKE",
    "QUEEN",
    "Second Servant",
    "PROSPERO",
    "Messenger",
    "CORIOLANUS",
    "MENENIUS",
    "LADY",
    "Gentleman",
    "FRIAR",
    "Clown",
];

const MOODS: &[&str] = &[
    "gently",
    "in anger",
    "like a fool",
    "briefly",
    "with hope",
    "in one line",
    "sadly",
    "plainly",
];

const OPENINGS: &[&str] = &[
    "What say you of {subject}?",
    "Tell me about {subject}.",
    "Write a few lines about {subject}.",
    "Speak {mood} of {subject}.",
    "Why do men fear {subject}?",
    "Give me a short verse on {subject} and {other}.",
    "Which is worse, {subject} or {other}?",
    "Who should answer for {subject}?",
    "Continue: \"When I think of {subject},\"",
    "Explain {subject} {mood}.",
    "hi",
    "Good morrow. What news of {subject}?",
    "Describe {subject} as {person} would.",
    "Answer {mood}: is {subject} better than {other}?",
    "I dreamt of {subject}. What does it mean?",
];

const TEXTS: &[&str] = &[
    "{person}:\nI have heard of {subject}, and yet",
    "{person}:\nWhat, {subject}?\n\n{another}:\n",
    "{person}:\nGood my lord, speak {mood} of {subject}.\n\n{another}:\n",
    "Once there was {subject} and",
    "{person}:\nO {subject}! O",
    "The story of {subject} begins",
    "{person}:\nCome, let us talk of {subject} and {other}.\n",
    "Enter {person} and {another}, speaking of {subject}.\n\n{person}:\n",
];

const REPLIES: &[&str] = &[
    "Ay, my lord.",
    "I know not.",
    "Speak on.",
    "That is a hard matter.",
    "Well said.",
];
const FOLLOW_UPS: &[&str] = &[
    "Go on.",
    "And {other}?",
    "Say more of {subject}.",
    "Why?",
    "Say it {mood}.",
];
const SYSTEMS: &[&str] = &[
    "You are a helpful assistant.",
    "Answer briefly.",
    "You are a player in an old company.",
];

/// Draws a question to a model.
pub fn draw(model: &str, rng: &mut impl Rng) -> Ask {
    let is_chat = rng.random_bool(0.7);
    let prompt = if is_chat {
        Prompt::Chat(conversation(rng))
    } else {
        Prompt::Text(filled(TEXTS, rng))
    };
    let max_tokens = match is_chat {
        true => one(&[24, 32, 48, 64, 64, 80, 100, ANSWER_TOKENS_MAX], rng),
        false => one(&[16, 16, 16, 24, 32, 50, 64], rng),
    };
    let top_logprobs = rng.random_bool(0.05).then(|| one(&[0, 1, 5], rng));
    Ask {
        model: model.to_owned(),
        prompt,
        max_tokens,
        temperature: one(
            &[1.0, 1.0, 1.0, 1.0, 0.0, 0.2, 0.5, 0.7, 0.7, 0.8, 0.9, 1.2],
            rng,
        ),
        top_p: one(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.9], rng),
        top_k: one(&[0, 0, 0, 0, 0, 0, 0, 0, 40, 50], rng),
        seed: rng.random_range(0..SEED_LIMIT),
        stop: stop(rng),
        top_logprobs,
    }
}

fn conversation(rng: &mut impl Rng) -> Vec<Message> {
    let mut messages = Vec::new();
    if rng.random_bool(0.3) {
        messages.push(Message {
            role: Role::System,
            content: filled(SYSTEMS, rng),
        });
    }
    messages.push(Message {
        role: Role::User,
        content: filled(OPENINGS, rng),
    });
    while messages.len() < MESSAGES_MAX && rng.random_bool(0.25) {
        messages.push(Message {
            role: Role::Assistant,
            content: filled(REPLIES, rng),
        });
        messages.push(Message {
            role: Role::User,
            content: filled(FOLLOW_UPS, rng),
        });
    }
    messages
}

fn filled(patterns: &[&str], rng: &mut impl Rng) -> String {
    let mut text = one(patterns, rng).to_owned();
    let slots: [(&str, &[&str]); 5] = [
        ("{subject}", SUBJECTS),
        ("{other}", SUBJECTS),
        ("{person}", PEOPLE),
        ("{another}", PEOPLE),
        ("{mood}", MOODS),
    ];
    for (slot, words) in slots {
        if text.contains(slot) {
            text = text.replace(slot, one(words, rng));
        }
    }
    text
}

fn stop(rng: &mut impl Rng) -> Vec<String> {
    match rng.random_range(0..20) {
        0 => vec!["\n\n".into()],
        1 => vec!["\n".into()],
        2 => vec![".".into(), "!".into()],
        _ => Vec::new(),
    }
}

fn one<T: Copy>(choices: &[T], rng: &mut impl Rng) -> T {
    *choices.choose(rng).expect("every list of choices has one")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn drawn(count: usize) -> Vec<Ask> {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        (0..count).map(|_| draw("m", &mut rng)).collect()
    }

    #[test]
    fn every_question_is_within_the_protocols_bounds() {
        for ask in drawn(2_000) {
            assert_eq!(ask.check(), Ok(()), "{ask:?}");
            assert!(!has_slot(&ask), "{ask:?}");
        }
    }

    fn has_slot(ask: &Ask) -> bool {
        let slots = ["{subject}", "{other}", "{person}", "{another}", "{mood}"];
        let holds_slot = |text: &str| slots.iter().any(|slot| text.contains(slot));
        match &ask.prompt {
            Prompt::Text(text) => holds_slot(text),
            Prompt::Chat(messages) => messages.iter().any(|message| holds_slot(&message.content)),
        }
    }

    #[test]
    fn questions_do_not_repeat_and_cover_what_customers_send() {
        let asks = drawn(2_000);
        let bodies: HashSet<_> = asks.iter().map(Ask::to_body).collect();
        assert_eq!(bodies.len(), asks.len());
        let count = |holds: fn(&Ask) -> bool| asks.iter().filter(|ask| holds(ask)).count();
        assert!((1_200..1_600).contains(&count(|ask| matches!(ask.prompt, Prompt::Chat(_)))));
        assert!(50 < count(|ask| ask.temperature == 0.0));
        assert!(500 < count(|ask| ask.temperature == 1.0 && ask.top_p == 1.0));
        assert!(50 < count(|ask| !ask.stop.is_empty()));
        assert!(50 < count(|ask| ask.max_tokens == ANSWER_TOKENS_MAX));
        assert!(20 < count(|ask| ask.top_logprobs.is_some()));
        assert!(
            50 < count(|ask| matches!(&ask.prompt, Prompt::Chat(messages) if 3 < messages.len()))
        );
    }

    #[test]
    fn another_secret_asks_other_questions() {
        let mut other = ChaCha20Rng::from_seed([8; 32]);
        assert_ne!(drawn(1)[0], draw("m", &mut other));
    }
}
