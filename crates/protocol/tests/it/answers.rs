//! Answers: written by a miner, read by whoever asked.

use keys::Pair;
use proptest::prelude::*;
use protocol::{
    Answer, AnswerError, AnswerWriter, Code, Digest, Finish, Part, Receipt, ReceiptError, Refusal,
    Route, SignedReceipt, TokenLogprob, TopLogprob, Usage,
};

use crate::pair;

/// What a server-sent-events parser makes of the bytes: (event, data) pairs.
fn events(wire: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(wire).expect("UTF-8");
    let blocks = text.split_terminator("\n\n");
    blocks
        .map(|block| {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or("")
            };
            (field("event: ").to_owned(), field("data: ").to_owned())
        })
        .collect()
}

fn receipt(text: &str, token_ids: Vec<u32>) -> Receipt {
    Receipt {
        request_hash: Digest([3; 32]),
        answer_hash: Digest::of(text.as_bytes()),
        miner: pair("//Bob").account(),
        model: "m".into(),
        seed: 9,
        finish: Finish::Stop,
        prompt_tokens: 4,
        completion_tokens: 2,
        token_ids,
        queue_ms: 1,
        first_token_ms: 20,
        total_ms: 30,
        logprobs_e6: Vec::new(),
    }
}

fn written(route: Route, receipt: &SignedReceipt) -> Vec<u8> {
    let writer = AnswerWriter::new(route, "id-1", 1_767_225_600, "m");
    let alternatives = vec![TopLogprob {
        token: "He".into(),
        logprob: -0.5,
        bytes: None,
    }];
    let logprobs = TokenLogprob {
        token: "He".into(),
        logprob: -0.5,
        bytes: Some(b"He".to_vec()),
        top_logprobs: alternatives,
    };
    [
        writer.start(),
        writer.delta("He", Some(vec![logprobs])),
        writer.delta("llo\n\nworld", None),
        writer.finish(Finish::Stop),
        writer.usage(Usage::new(4, 2)),
        writer.receipt(receipt),
        writer.done(),
    ]
    .concat()
}

fn read(wire: &[u8]) -> Result<Answer, AnswerError> {
    let mut answer = Answer::default();
    for (event, data) in events(wire) {
        answer.take(Part::read(&event, &data)?)?;
    }
    Ok(answer)
}

#[test]
fn an_answer_reads_back_on_both_routes() {
    for route in [Route::Chat, Route::Completions] {
        let signed = receipt("Hello\n\nworld", vec![5, 6]).sign(&pair("//Bob"));
        let answer = read(&written(route, &signed)).expect("as written");
        assert_eq!(answer.text, "Hello\n\nworld");
        assert_eq!(answer.finish, Some(Finish::Stop));
        assert_eq!(
            answer.usage,
            Some(Usage {
                prompt_tokens: 4,
                completion_tokens: 2,
                total_tokens: 6
            })
        );
        assert_eq!(answer.logprobs.len(), 1);
        assert!(answer.is_done());
        let read = answer.receipt.expect("a receipt");
        assert_eq!(
            read.check(pair("//Bob").account(), Digest([3; 32]), &answer.text),
            Ok(())
        );
        assert_eq!(read, signed);
    }
}

#[test]
fn a_receipt_proves_only_what_was_served() {
    let bob = pair("//Bob").account();
    let signed = receipt("Hello", vec![5, 6]).sign(&pair("//Bob"));
    let asked = Digest([3; 32]);
    assert_eq!(signed.check(bob, asked, "Hello"), Ok(()));
    assert_eq!(
        signed.check(bob, asked, "Hullo"),
        Err(ReceiptError::OtherAnswer)
    );
    assert_eq!(
        signed.check(bob, Digest([4; 32]), "Hello"),
        Err(ReceiptError::OtherRequest)
    );
    assert_eq!(
        signed.check(pair("//Alice").account(), asked, "Hello"),
        Err(ReceiptError::BadSignature)
    );

    let forged = receipt("Hello", vec![5, 6]).sign(&pair("//Alice"));
    assert_eq!(
        forged.check(bob, asked, "Hello"),
        Err(ReceiptError::BadSignature)
    );
    let boast = receipt("Hello", vec![5, 6, 7]).sign(&pair("//Bob"));
    let other_count = ReceiptError::OtherCount {
        claimed: 2,
        listed: 3,
    };
    assert_eq!(boast.check(bob, asked, "Hello"), Err(other_count));
    let vast = receipt("Hello", vec![0; 8_193]).sign(&pair("//Bob"));
    let wordy = Receipt {
        logprobs_e6: vec![0; 8_193],
        ..receipt("Hello", vec![5, 6])
    };
    for oversized in [vast, wordy.sign(&pair("//Bob"))] {
        assert_eq!(
            oversized.check(bob, asked, "Hello"),
            Err(ReceiptError::Oversized)
        );
    }
}

#[test]
fn answers_out_of_order_are_refused() {
    let bob = pair("//Bob");
    let writer = AnswerWriter::new(Route::Chat, "id-1", 0, "m");
    let signed = receipt("", vec![]).sign(&bob);
    let verdict = |parts: &[bytes::Bytes]| read(&parts.concat()).map(|_| ());
    let out_of_order = |why| Err(AnswerError::OutOfOrder(why));
    assert_eq!(
        verdict(&[writer.receipt(&signed)]),
        out_of_order("a receipt precedes the finish reason")
    );
    let finish = writer.finish(Finish::Length);
    assert_eq!(
        verdict(&[finish.clone(), writer.done()]),
        out_of_order("the end precedes the receipt")
    );
    let late = [finish.clone(), writer.delta("more", None)];
    assert_eq!(
        verdict(&late),
        out_of_order("text follows the finish reason")
    );
    let twice = [
        finish.clone(),
        writer.receipt(&signed),
        writer.receipt(&signed),
    ];
    assert_eq!(verdict(&twice), out_of_order("a second receipt"));
    let after = [
        finish,
        writer.receipt(&signed),
        writer.done(),
        writer.done(),
    ];
    assert_eq!(verdict(&after), out_of_order("something follows the end"));
}

#[test]
fn a_failure_in_the_middle_reaches_the_asker() {
    let refusal = Refusal::new(Code::Failed, "the engine stopped");
    let writer = AnswerWriter::new(Route::Chat, "id-1", 0, "m");
    let wire = [writer.delta("He", None), writer.error(&refusal)].concat();
    assert_eq!(read(&wire), Err(AnswerError::Refused(refusal)));
}

#[test]
fn an_endless_answer_is_cut_off() {
    let mut answer = Answer::default();
    let part = || Part::Chunk {
        text: "x".repeat(1024 * 1024),
        logprobs: vec![],
        finish: None,
        usage: None,
    };
    assert_eq!(answer.take(part()), Ok(()));
    assert_eq!(answer.take(part()), Err(AnswerError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Foreign bytes are an error, never a panic.
    #[test]
    fn unreadable_events_are_errors(event in "receipt|error|message|odd|", data: String) {
        prop_assume!(data != "[DONE]");
        prop_assert!(Part::read(&event, &data).is_err());
    }

    /// Changing any field of a signed receipt breaks it.
    #[test]
    fn any_change_to_a_receipt_is_noticed(field in 0..10usize, change in 1..u32::MAX) {
        let bob: Pair = pair("//Bob");
        let signed = receipt("Hello", vec![5, 6]).sign(&bob);
        let mut bent = signed.clone();
        let it = &mut bent.receipt;
        match field {
            0 => it.model.push('x'),
            1 => it.seed ^= u64::from(change),
            2 => it.finish = Finish::Length,
            3 => it.prompt_tokens ^= change,
            4 => it.completion_tokens ^= change,
            5 => it.token_ids[1] ^= change,
            6 => it.queue_ms ^= change,
            7 => it.first_token_ms ^= change,
            8 => it.logprobs_e6.push(0),
            _ => it.total_ms ^= change,
        }
        prop_assert_eq!(
            bent.check(bob.account(), Digest([3; 32]), "Hello"),
            Err(ReceiptError::BadSignature)
        );
    }
}
