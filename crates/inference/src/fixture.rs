//! Small models for tests: the shipped vocabulary over tiny random networks.

use std::num::NonZeroU32;
use std::sync::Arc;

use futures::StreamExt;

use crate::config::{Config, Ending};
use crate::engine::{Answer, Engine};
use crate::local::{Limits, LocalEngine};
use crate::model::{Model, Source};
use crate::network::Network;
use crate::request::{Event, FinishReason, Message, Prompt, Request, Role, Token, Usage};

pub(crate) const CONTEXT: usize = 96;

/// Two blocks, grouped heads, width 32.
pub(crate) fn config(vocab_size: usize) -> Config {
    Config {
        model_type: "llama".into(),
        vocab_size,
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: Some(2),
        head_dim: None,
        max_position_embeddings: CONTEXT,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: None,
        tie_word_embeddings: false,
        hidden_act: "silu".into(),
        attention_bias: false,
        mlp_bias: false,
        eos_token_id: Ending::None,
        torch_dtype: None,
        architectures: Vec::new(),
    }
}

/// A model whose weights are drawn from `seed`, with decided opinions: its output layer is enlarged so that logits
/// spread like a trained network's.
pub(crate) fn model(seed: u64) -> Arc<Model> {
    let shipped = Model::open(&Source::Shipped).unwrap();
    let mut config = config(shipped.vocabulary().len());
    config.eos_token_id = shipped.network().config().eos_token_id.clone();
    let mut tensors = crate::network::random_tensors(&config, seed).unwrap();
    let head = &tensors["lm_head.weight"];
    let enlarged = (head * 20.0).unwrap();
    tensors.insert("lm_head.weight".into(), enlarged);
    let network = Network::build(config, &mut |name, _| Ok(tensors[name].clone())).unwrap();
    Arc::new(
        Model::new(
            network,
            shipped.into_vocabulary(),
            crate::template::Template::ChatMl,
        )
        .unwrap(),
    )
}

pub(crate) fn engine(seed: u64) -> LocalEngine {
    LocalEngine::start("tiny".into(), model(seed), Limits::default()).unwrap()
}

pub(crate) fn chat(text: &str) -> Prompt {
    Prompt::Chat(vec![Message {
        role: Role::User,
        content: text.into(),
    }])
}

pub(crate) fn request(prompt: Prompt, seed: u64, max_tokens: u32) -> Request {
    Request::new(prompt, seed, NonZeroU32::new(max_tokens).unwrap())
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collected {
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) finish: FinishReason,
    pub(crate) usage: Usage,
}

impl Collected {
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.tokens.iter().filter_map(|token| token.id).collect()
    }
}

pub(crate) async fn collect(mut answer: Answer) -> Collected {
    let Some(Ok(Event::Start { .. })) = answer.next().await else {
        panic!("no start")
    };
    let (mut text, mut tokens) = (String::new(), Vec::new());
    while let Some(event) = answer.next().await {
        match event.unwrap() {
            Event::Start { .. } => panic!("started twice"),
            Event::Delta {
                text: new,
                tokens: drawn,
            } => {
                text += &new;
                tokens.extend(drawn);
            }
            Event::Finish { reason, usage } => {
                assert!(answer.next().await.is_none(), "something follows the end");
                return Collected {
                    text,
                    tokens,
                    finish: reason,
                    usage,
                };
            }
        }
    }
    panic!("no end");
}

pub(crate) async fn ask(engine: &dyn Engine, request: &Request) -> Collected {
    collect(engine.generate(request.clone()).await.unwrap()).await
}
