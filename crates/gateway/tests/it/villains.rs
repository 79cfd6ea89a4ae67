//! Miners of every character, behind the gateway's transport trait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use gateway::directory::{Miner, Model};
use gateway::signer::Signed;
use gateway::transport::{MinerError, Parts, Transport, Worked};
use keys::Pair;
use primitives::{Hotkey, TaskId};
use protocol::{
    Ask, Code, Digest, Finish, JobReply, Part, Receipt, Refusal, SignedWorkReceipt, TokenLogprob,
    Usage, WorkReceipt,
};

use crate::yard::Yard;

/// What a miner does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// Answers [`ANSWER`] and signs what it did.
    Honest,
    /// Is not there.
    Dead,
    /// Takes the request and never says anything.
    Silent,
    /// Sends one piece of text and hangs up.
    Quitter,
    /// Signs a receipt for another text than it gave.
    Forger,
    /// Signs for more tokens than it was allowed to draw.
    Padder,
    /// Signs for more tokens than the prompt can have.
    Inflator,
    /// Lets a stranger sign.
    Stranger,
    /// Says that every prompt is too long.
    Lazy,
    /// Says that it is full.
    Busy,
    /// Sends one piece of text and then nothing, for ever.
    Sleeper,
    /// Gives an answer in no form that the task has, and signs it.
    Mumbler,
    /// Gives more than any answer may be.
    Flooder,
}

/// What an honest miner answers at once: a tour of three points, and what a picture shows.
pub const TOUR_ANSWER: &str = r#"{"order":[0,2,1]}"#;

/// What an honest miner says, in pieces.
pub const ANSWER: [&str; 3] = ["To be", ", or not", " to be"];

/// All the miners there are.
#[derive(Default)]
pub struct Villains {
    characters: Mutex<HashMap<Hotkey, (Pair, Character)>>,
    /// How often each was asked.
    asked: Mutex<HashMap<Hotkey, u32>>,
    /// What they were asked, in order.
    pub heard: Mutex<Vec<Ask>>,
    /// What work they were given, in order.
    pub worked: Mutex<Vec<String>>,
    /// The work that takes minutes.
    pub yard: Arc<Yard>,
    /// Answers begun and not yet dropped.
    pub streaming: Arc<AtomicU32>,
}

impl Villains {
    pub fn set(&self, pair: &Pair, character: Character) {
        let mut characters = self.characters.lock().expect("not poisoned");
        characters.insert(pair.account(), (pair.clone(), character));
    }

    /// A miner goes away, and what it was working on with it.
    pub fn kill(&self, pair: &Pair) {
        self.set(pair, Character::Dead);
        self.yard.forget(pair.account());
    }

    pub fn asked(&self, pair: &Pair) -> u32 {
        self.asked
            .lock()
            .expect("not poisoned")
            .get(&pair.account())
            .copied()
            .unwrap_or(0)
    }

    /// Notes that a miner is asked, and says what it is like.
    fn meet(&self, miner: Miner) -> (Pair, Character) {
        let mut asked = self.asked.lock().expect("not poisoned");
        *asked.entry(miner.hotkey).or_default() += 1;
        let characters = self.characters.lock().expect("not poisoned");
        characters
            .get(&miner.hotkey)
            .cloned()
            .expect("a known miner")
    }
}

impl Transport for Villains {
    fn ask(&self, miner: Miner, request: Signed) -> BoxFuture<'static, Result<Parts, MinerError>> {
        let (pair, character) = self.meet(miner);
        let ask = Ask::from_body(request.route, &request.body).expect("a good body");
        self.heard.lock().expect("not poisoned").push(ask);
        let streaming = self.streaming.clone();
        async move { answer(&pair, character, &request, streaming).await }.boxed()
    }

    fn work(
        &self,
        miner: Miner,
        request: Signed,
        task: &TaskId,
        answer_bytes_max: usize,
    ) -> BoxFuture<'static, Result<Worked, MinerError>> {
        let (pair, character) = self.meet(miner);
        let body = String::from_utf8(request.body.to_vec()).expect("JSON");
        self.worked.lock().expect("not poisoned").push(body);
        let task = task.clone();
        async move { work(&pair, character, &request, task, answer_bytes_max).await }.boxed()
    }

    fn job(
        &self,
        miner: Miner,
        letter: Signed,
        task: &TaskId,
        _: usize,
    ) -> BoxFuture<'static, Result<JobReply, MinerError>> {
        let (pair, character) = self.meet(miner);
        let (yard, task) = (self.yard.clone(), task.clone());
        async move { yard.reply(&pair, character, letter, task).await }.boxed()
    }

    fn models(&self, _: Miner) -> BoxFuture<'static, Result<Vec<Model>, MinerError>> {
        async { Err(MinerError::Connection("not asked in these tests".into())) }.boxed()
    }
}

async fn answer(
    pair: &Pair,
    character: Character,
    request: &Signed,
    streaming: Arc<AtomicU32>,
) -> Result<Parts, MinerError> {
    let ask = Ask::from_body(request.route, &request.body).expect("the gateway sends good bodies");
    let refused = |code| MinerError::Refused(Refusal::new(code, "the prompt is 900 tokens"));
    let all = pieces(&ask, ANSWER.len());
    let signed = |receipt: Receipt| closing(receipt.sign(pair));
    let honest = receipt(pair, &ask, request.request_hash);
    let parts: Parts = match character {
        Character::Dead => return Err(MinerError::Connection("connection refused".into())),
        Character::Lazy => return Err(refused(Code::PromptTooLong)),
        Character::Busy => return Err(refused(Code::Busy)),
        Character::Silent => stream::pending().boxed(),
        Character::Quitter => stream::iter(pieces(&ask, 1)).boxed(),
        Character::Sleeper => stream::iter(pieces(&ask, 1))
            .chain(stream::pending())
            .boxed(),
        Character::Honest | Character::Mumbler | Character::Flooder => {
            stream::iter([all, signed(honest)].concat()).boxed()
        }
        Character::Forger => {
            let forged = Receipt {
                answer_hash: Digest::of(b"another"),
                ..honest
            };
            stream::iter([all, signed(forged)].concat()).boxed()
        }
        Character::Padder => {
            let padded = Receipt {
                completion_tokens: ask.max_tokens + 1,
                ..honest
            };
            stream::iter([all, signed(padded)].concat()).boxed()
        }
        Character::Inflator => {
            let inflated = Receipt {
                prompt_tokens: 1_000_000,
                ..honest
            };
            stream::iter([all, signed(inflated)].concat()).boxed()
        }
        Character::Stranger => {
            let mallory = Pair::from_uri("//Mallory").expect("a development key");
            stream::iter([all, closing(honest.sign(&mallory))].concat()).boxed()
        }
    };
    streaming.fetch_add(1, Ordering::SeqCst);
    let held = Held(streaming);
    Ok(Box::pin(parts.map(move |part| {
        let _ = &held;
        part
    })))
}

/// What a miner of each character does with work that is done at once.
async fn work(
    pair: &Pair,
    character: Character,
    request: &Signed,
    task: TaskId,
    answer_bytes_max: usize,
) -> Result<Worked, MinerError> {
    let refuse = |code| MinerError::Refused(Refusal::new(code, "no"));
    let answer = match (character, task.name()) {
        (Character::Mumbler, _) => r#"{"moo": 1}"#,
        (_, "image-classification") => crate::images::ANSWER,
        _ => TOUR_ANSWER,
    };
    let honest = WorkReceipt {
        request_hash: request.request_hash,
        answer_hash: Digest::of(answer.as_bytes()),
        miner: pair.account(),
        task: task.clone(),
        queue_ms: 0,
        total_ms: 1,
    };
    let give = |receipt: SignedWorkReceipt| {
        let body = answer.as_bytes().into();
        Ok(Worked { body, receipt })
    };
    match character {
        Character::Dead | Character::Quitter => {
            Err(MinerError::Connection("connection reset".into()))
        }
        Character::Silent | Character::Sleeper => futures::future::pending().await,
        Character::Lazy => Err(refuse(Code::BadRequest)),
        Character::Busy => Err(refuse(Code::Busy)),
        Character::Flooder => {
            let message = format!("more than {answer_bytes_max} bytes");
            Err(MinerError::Protocol(message))
        }
        Character::Honest | Character::Mumbler => give(honest.sign(pair)),
        Character::Forger => {
            let answer_hash = Digest::of(b"another");
            let forged = WorkReceipt {
                answer_hash,
                ..honest
            };
            give(forged.sign(pair))
        }
        Character::Padder => {
            let request_hash = Digest::of(b"another");
            let forged = WorkReceipt {
                request_hash,
                ..honest
            };
            give(forged.sign(pair))
        }
        Character::Inflator => {
            let task = TaskId::new(task.name(), task.version() + 1).expect("a task");
            give(WorkReceipt { task, ..honest }.sign(pair))
        }
        Character::Stranger => {
            let mallory = Pair::from_uri("//Mallory").expect("a development key");
            give(honest.sign(&mallory))
        }
    }
}

/// Notices when the gateway drops an answer.
struct Held(Arc<AtomicU32>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

type Sent = Result<Part, MinerError>;

fn pieces(ask: &Ask, count: usize) -> Vec<Sent> {
    let logprob = |token: &str| TokenLogprob {
        token: token.into(),
        logprob: -0.5,
        bytes: None,
        top_logprobs: vec![],
    };
    let piece = |text: &&str| {
        let logprobs = ask
            .top_logprobs
            .map(|_| logprob(text))
            .into_iter()
            .collect();
        Ok(Part::Chunk {
            text: text.to_string(),
            logprobs,
            finish: None,
            usage: None,
        })
    };
    ANSWER[..count].iter().map(piece).collect()
}

fn closing(receipt: protocol::SignedReceipt) -> Vec<Sent> {
    let counts = (
        receipt.receipt.prompt_tokens,
        receipt.receipt.completion_tokens,
    );
    let usage = Some(Usage::new(counts.0, counts.1));
    let finish = Some(receipt.receipt.finish);
    let chunk = |finish, usage| Part::Chunk {
        text: String::new(),
        logprobs: vec![],
        finish,
        usage,
    };
    vec![
        Ok(chunk(finish, None)),
        Ok(chunk(None, usage)),
        Ok(Part::Receipt(Box::new(receipt))),
        Ok(Part::Done),
    ]
}

fn receipt(pair: &Pair, ask: &Ask, request_hash: Digest) -> Receipt {
    Receipt {
        request_hash,
        answer_hash: Digest::of(ANSWER.concat().as_bytes()),
        miner: pair.account(),
        model: ask.model.clone(),
        seed: ask.seed,
        finish: Finish::Stop,
        prompt_tokens: 5,
        completion_tokens: 3,
        token_ids: vec![1, 2, 3],
        logprobs_e6: vec![],
        queue_ms: 0,
        first_token_ms: 1,
        total_ms: 2,
    }
}
