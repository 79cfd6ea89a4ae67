//! Brings a miner's answer to the customer, whole or as it comes, and checks the receipt at its end.
//!
//! # What is checked
//!
//! The receipt is signed by the miner asked, names this request and exactly the text that came, and agrees with what was
//! asked (model, seed, most tokens) and with itself. Only then are its counts the customer's bill.
//!
//! # When the miner does not finish
//!
//! A whole answer is asked of another miner; the customer only sees that it took longer. A stream that has begun cannot
//! be taken back: it ends with an `error` event, which OpenAI's clients raise, and without `[DONE]`.
//!
//! # When the customer does not read
//!
//! The time that a customer lets pass between two frames is not held against the miner, and a customer that lets pass more
//! than a whole answer may take is served no further: its slowness is nobody else's fault.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use protocol::{Answer, Finish, Part, SignedReceipt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::answer::{DONE, Heading, Provenance, event};
use crate::directory::Miner;
use crate::error::ApiError;
use crate::market::Market;
use crate::search::{Begun, Search};
use crate::text::{Opening, Text, miner_error};
use crate::transport::MinerError;

/// More prompt tokens than bytes were sent to the miner, by more than a chat template may add, were not read.
const TEMPLATE_TOKENS_MAX: usize = 1_024;

/// A finished answer whose receipt was checked.
pub struct Served {
    /// The text and all that came with it.
    pub answer: Answer,
    /// Why it ended.
    pub finish: Finish,
    /// Where it came from.
    pub market: Arc<Market>,
    /// Who gave it.
    pub miner: Miner,
    /// The same for the customer, with the proof.
    pub provenance: Provenance,
}

/// Reads the rest of an answer; on failure asks other miners, until one serves to the end.
///
/// # Errors
///
/// Those of [`Search::next`].
pub async fn whole(
    text: &Text,
    search: &mut Search<'_, Text>,
    arrived: Instant,
) -> Result<Served, ApiError> {
    loop {
        let mut begun = search.next().await?;
        let market = begun.market.clone();
        market.metrics.began(&market.task, arrived.elapsed());
        match finish(text, &mut begun, arrived).await {
            Ok((finish, receipt)) => {
                let Miner { uid, hotkey, .. } = begun.miner;
                let provenance = Provenance {
                    miner: hotkey,
                    uid,
                    receipt,
                };
                let (answer, miner) = (begun.came.answer, begun.miner);
                return Ok(Served {
                    answer,
                    finish,
                    market,
                    miner,
                    provenance,
                });
            }
            Err(error) => market.blame(&begun.miner, &error),
        }
    }
}

/// Reads an answer to its end.
async fn finish(
    text: &Text,
    begun: &mut Begun<Opening>,
    arrived: Instant,
) -> Result<(Finish, SignedReceipt), MinerError> {
    while !begun.came.answer.is_done() {
        let part = next_part(begun, arrived.elapsed()).await?;
        begun.came.answer.take(part).map_err(miner_error)?;
    }
    conclude(text, begun, arrived)
}

/// The next part, within the gateway's patience, of which some is spent.
async fn next_part(begun: &mut Begun<Opening>, spent: Duration) -> Result<Part, MinerError> {
    let patience = &begun.market.patience;
    let left = patience.whole.saturating_sub(spent);
    let limit = patience.between.min(left);
    match timeout(limit, begun.came.parts.next()).await {
        Ok(Some(part)) => part,
        Ok(None) => Err(MinerError::Connection(
            "closed before the end of the answer".into(),
        )),
        Err(_) => Err(MinerError::Slow(limit)),
    }
}

/// Checks a complete answer and counts it.
fn conclude(
    text: &Text,
    begun: &Begun<Opening>,
    arrived: Instant,
) -> Result<(Finish, SignedReceipt), MinerError> {
    let (finish, receipt) = checked(text, begun)?;
    let counts = &receipt.receipt;
    let market = &begun.market;
    market.praise(&begun.miner);
    let (read, drawn) = (counts.prompt_tokens, counts.completion_tokens);
    market.metrics.tokens(&market.task, read, drawn);
    market.metrics.answered(&market.task, arrived.elapsed());
    Ok((finish, receipt.clone()))
}

/// The receipt of a complete answer, if it holds what it should.
fn checked<'a>(
    text: &Text,
    begun: &'a Begun<Opening>,
) -> Result<(Finish, &'a SignedReceipt), MinerError> {
    let ask = &text.ask;
    let false_word = |what: &str| MinerError::Receipt(format!("the receipt is false about {what}"));
    let answer = &begun.came.answer;
    let finish = answer.finish.ok_or_else(|| false_word("the end"))?;
    let signed = answer
        .receipt
        .as_ref()
        .ok_or_else(|| false_word("everything: there is none"))?;
    signed
        .check(begun.miner.hotkey, begun.request_hash, &answer.text)
        .map_err(|error| MinerError::Receipt(error.to_string()))?;
    let receipt = &signed.receipt;
    let claims = [
        (receipt.model == ask.model, "the model"),
        (receipt.seed == ask.seed, "the seed"),
        (receipt.finish == finish, "why the answer ended"),
        (
            receipt.completion_tokens <= ask.max_tokens,
            "the tokens drawn: more than allowed",
        ),
        (
            receipt.prompt_tokens as usize <= text.body.len() + TEMPLATE_TOKENS_MAX,
            "the tokens read: more than were sent",
        ),
        (
            !answer.text.is_empty() <= (receipt.completion_tokens > 0),
            "the tokens drawn: none",
        ),
    ];
    match claims.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(false_word(what)),
        None => Ok((finish, signed)),
    }
}

/// A stream's state between two frames.
struct Relay {
    text: Text,
    heading: Heading,
    begun: Begun<Opening>,
    arrived: Instant,
    ready: VecDeque<Bytes>,
    /// Characters sent.
    offset: usize,
    /// When a frame was last handed to the customer's connection.
    handed: Option<Instant>,
    /// Time that passed until the customer's connection asked for another, in sum.
    dawdled: Duration,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// The frames of a streamed answer. The place in the gateway is given back when the stream is dropped.
pub fn frames(
    text: Text,
    heading: Heading,
    begun: Begun<Opening>,
    arrived: Instant,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
    let market = &begun.market;
    market.metrics.began(&market.task, arrived.elapsed());
    let mut relay = Relay {
        text,
        heading,
        begun,
        arrived,
        ready: VecDeque::new(),
        offset: 0,
        handed: None,
        dawdled: Duration::ZERO,
        ended: false,
        _place: place,
    };
    relay.open();
    stream::unfold(relay, |mut relay| async move {
        let frame = relay.next().await?;
        Some((Ok(frame), relay))
    })
}

impl Relay {
    /// What had come before the first frame.
    fn open(&mut self) {
        self.ready.extend(self.heading.opening());
        let text = self.begun.came.answer.text.clone();
        let logprobs = self.begun.came.answer.logprobs.clone();
        if !text.is_empty() {
            self.ready
                .push_back(self.heading.piece(&text, &logprobs, 0));
            self.offset = text.chars().count();
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        self.dawdled += self.handed.take().map_or(Duration::ZERO, |at| at.elapsed());
        if self.begun.market.patience.whole < self.dawdled {
            return None;
        }
        while self.ready.is_empty() && !self.ended {
            if let Err(error) = self.advance().await {
                self.begun.market.blame(&self.begun.miner, &error);
                self.ready
                    .push_back(event(&ApiError::interrupted().envelope()));
                self.ended = true;
            }
        }
        self.handed = Some(Instant::now());
        self.ready.pop_front()
    }

    /// Takes the next part and makes frames of it.
    async fn advance(&mut self) -> Result<(), MinerError> {
        let spent = self.arrived.elapsed().saturating_sub(self.dawdled);
        let part = next_part(&mut self.begun, spent).await?;
        if let Part::Chunk { text, logprobs, .. } = &part
            && !(text.is_empty() && logprobs.is_empty())
        {
            self.ready
                .push_back(self.heading.piece(text, logprobs, self.offset));
            self.offset += text.chars().count();
        }
        if let Err(error) = self.begun.came.answer.take(part).map_err(miner_error) {
            self.ready.clear();
            return Err(error);
        }
        if self.begun.came.answer.is_done() {
            self.close()?;
        }
        Ok(())
    }

    /// Checks the receipt and writes the closing frames, which carry it.
    fn close(&mut self) -> Result<(), MinerError> {
        let (finish, receipt) = conclude(&self.text, &self.begun, self.arrived)?;
        let Miner { uid, hotkey, .. } = self.begun.miner;
        let provenance = Provenance {
            miner: hotkey,
            uid,
            receipt,
        };
        self.ready
            .push_back(self.heading.closing(finish, &provenance));
        self.ready.extend(self.heading.counts(&provenance.receipt));
        self.ready.push_back(DONE);
        self.ended = true;
        Ok(())
    }
}
