//! The HTTP side of jobs: three routes over one yard.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{JOB_HEADER, JobStatus, Poll, RECEIPT_HEADER, Refusal, Route};

use crate::job::Answer;
use crate::server::{Letter, Miner};
use crate::yard::{Census, Found, Submission, Yard};

/// Answers a message about a job that passed every check that does not depend on what it says.
pub(crate) async fn answer(
    miner: &Miner,
    yard: &Yard,
    route: Route,
    letter: Letter,
) -> Result<Response, Refusal> {
    let asker = letter.signer;
    match route {
        Route::Poll => match yard.poll(asker, Poll::from_body(&letter.body)?).await? {
            Found::Status(status) => Ok(shown(StatusCode::OK, &status)),
            Found::Answer(answer) => Ok(handed_out(miner, answer)),
        },
        Route::Cancel => {
            let id = protocol::Letter::cancelled(&letter.body)?;
            yard.cancel(asker, id)
                .map(|status| shown(StatusCode::OK, &status))
        }
        _ => {
            let submission = Submission {
                id: letter.request_hash,
                asker,
                body: letter.body,
                arrival: letter.arrival,
            };
            yard.submit(submission)
                .map(|status| shown(StatusCode::ACCEPTED, &status))
        }
    }
}

/// The counts as `/health` tells them.
pub(crate) fn told(census: Census) -> serde_json::Value {
    serde_json::json!({
        "working": census.working,
        "waiting": census.waiting,
        "kept": census.kept,
    })
}

fn shown(code: StatusCode, status: &JobStatus) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (code, headers, status.to_json()).into_response()
}

/// An answer; the receipt is only over one that is final.
fn handed_out(miner: &Miner, answer: Answer) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        (JOB_HEADER, answer.state.as_str()),
    ];
    let receipt = answer.times.map(|times| {
        [(
            RECEIPT_HEADER,
            miner.receipt(answer.id, &answer.body, times),
        )]
    });
    match receipt {
        Some(receipt) => (headers, receipt, answer.body).into_response(),
        None => (headers, answer.body).into_response(),
    }
}
