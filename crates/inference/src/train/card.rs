//! The card that goes with a trained model: what it is, what it was made of, how to make it again.

use super::corpus::{Corpus, Part};
use super::{Options, Report};

/// Renders `MODEL_CARD.md`.
pub(super) fn render(options: &Options, corpus: &Corpus, report: &Report) -> String {
    let file = options
        .corpus
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let Options {
        name,
        steps,
        batch,
        context,
        vocabulary,
        seed,
        ..
    } = options;
    format!(
        "# {name}\n\n\
A small language model of the Llama family, trained from nothing by `stoa train text` on one file. It continues text\n\
in the manner of that file, and answers a turn of a conversation with the turn that might come next. It knows nothing,\n\
follows no instructions, and is here to let a whole market run on a laptop with real inference.\n\n\
| | |\n|---|---|\n\
| data | `{file}`, {bytes} bytes, {train} tokens trained on, {held} tokens held out (the last tenth) |\n\
| network | {layers} blocks of width {width}, {heads} heads over {shared} key-value heads, feed-forward {inner}, tied embedding |\n\
| size | {parameters} weights, stored as {stored} |\n\
| vocabulary | {vocabulary} byte-level BPE tokens, trained on the same file |\n\
| context | {context} tokens |\n\
| training | {steps} steps of {batch} × {context} tokens, {trained} in all; AdamW, highest rate {rate}, decay {decay} |\n\
| held-out loss, plain text | {plain:.3} nats per token, {bits:.3} bits per byte |\n\
| held-out loss, conversation | {chat:.3} nats per token |\n\
| seed | {seed} |\n\
| time | {minutes:.0} minutes on one thread of a shared machine |\n\n\
## Layout of a conversation\n\n\
ChatML: `<|im_start|>user`, a line break, the text, `<|im_end|>`, a line break, and so on. `<|im_end|>` ends an answer.\n\n\
## Made by\n\n```sh\n{command}\n```\n",
        bytes = corpus.bytes(),
        train = corpus.tokens(Part::Train),
        held = corpus.tokens(Part::HeldOut),
        layers = options.layers,
        width = options.width,
        heads = options.heads,
        shared = options.key_value_heads,
        inner = options.inner,
        parameters = report.parameters,
        stored = options.stored_as.name(),
        trained = report.trained_tokens,
        rate = options.rate,
        decay = options.decay,
        plain = report.loss_plain,
        bits = report.bits_per_byte,
        chat = report.loss_chat,
        minutes = report.duration.as_secs_f64() / 60.0,
        command = command(options, &file),
    )
}

/// The command that makes the same model: only what differs from the defaults.
fn command(options: &Options, file: &str) -> String {
    let usual = Options::new(options.corpus.clone(), options.out.clone());
    let mut command = format!("stoa train text --corpus {file} --out {}", options.name);
    let mut add = |flag: &str, value: String, default: String| {
        if value != default {
            command.push_str(&format!(" --{flag} {value}"));
        }
    };
    add("name", options.name.clone(), usual.name);
    add("steps", options.steps.to_string(), usual.steps.to_string());
    add("batch", options.batch.to_string(), usual.batch.to_string());
    add(
        "context",
        options.context.to_string(),
        usual.context.to_string(),
    );
    add(
        "vocabulary",
        options.vocabulary.to_string(),
        usual.vocabulary.to_string(),
    );
    add("width", options.width.to_string(), usual.width.to_string());
    add(
        "layers",
        options.layers.to_string(),
        usual.layers.to_string(),
    );
    add("heads", options.heads.to_string(), usual.heads.to_string());
    add(
        "key-value-heads",
        options.key_value_heads.to_string(),
        usual.key_value_heads.to_string(),
    );
    add("inner", options.inner.to_string(), usual.inner.to_string());
    add("rate", options.rate.to_string(), usual.rate.to_string());
    add("decay", options.decay.to_string(), usual.decay.to_string());
    add(
        "store",
        options.stored_as.name().into(),
        usual.stored_as.name().into(),
    );
    add("seed", options.seed.to_string(), usual.seed.to_string());
    command
}
