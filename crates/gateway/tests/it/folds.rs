//! Proteins in, structures out.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::market::{Market, Reply, Setup, Trade, post};
use crate::villains::Character::Honest;

const TASK: &str = "protein-folding";
const PATH: &str = "/v1/folds";

/// The mmCIF file of a capped alanine.
static CIF: LazyLock<String> = LazyLock::new(|| {
    let molecule = molecule::pdb::read(include_str!("dipeptide.pdb")).expect("a structure");
    molecule::mmcif::write(&molecule, "alanine")
});

fn answer(energy: f64, history: Value) -> String {
    let cif = CIF.as_str();
    json!({"energy": energy, "mmcif": cif, "evaluations": 9, "history": history}).to_string()
}

fn open() -> Market {
    let folding = Trade {
        task: TASK,
        model: TASK,
        miners: vec![(Honest, None)],
    };
    Setup {
        others: vec![folding],
        ..Setup::default()
    }
    .open()
}

impl Market {
    async fn fold(&self, extra: Value) -> Reply {
        let mut body = json!({"sequence": "GYDPETGTWG", "title": "chignolin"});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(extra.as_object().expect("an object").clone());
        self.ask(post(PATH, &body)).await
    }

    async fn file(&self, id: &str, name: &str) -> Reply {
        self.get(&format!("{PATH}/{id}/{name}")).await
    }
}

#[tokio::test]
async fn a_chain_becomes_a_structure_with_its_files() {
    let market = open();
    let created = market.fold(json!({"budget_s": 30})).await;
    assert_eq!(created.status, 202);
    let created = created.json();
    let id = created["id"].as_str().expect("a name");
    assert!(id.starts_with("fold_") && id.len() == 37, "{id}");
    let told = |job: &Value| {
        ["object", "sequence", "is_capped", "budget_s", "title"].map(|name| job[name].clone())
    };
    let expected = [
        json!("fold"),
        json!("GYDPETGTWG"),
        json!(false),
        json!(30.0),
        json!("chignolin"),
    ];
    assert_eq!(told(&created), expected);
    assert_eq!(
        (&created["energy"], &created["files"]),
        (&Value::Null, &json!({}))
    );
    let taken = market.villains.yard.taken(0).await;
    assert!(
        !taken.request.contains("chignolin"),
        "miners hear no titles: {}",
        taken.request
    );
    let early = market.file(id, "structure.pdb").await;
    assert_eq!(early.refusal(), (409, "no_result_yet".into()));
    let so_far = answer(-90.5, json!([[0.0, 12.0], [1.0, -90.5]]));
    market
        .villains
        .yard
        .report(taken.id, 0.5, -90.5, Some(&so_far));
    let path = format!("{PATH}/{id}");
    let half = market.until(&path, |fold| fold["has_result"] == true).await;
    assert_eq!(half["energy"], -90.5);
    let partial = market.file(id, "structure.cif").await;
    assert_eq!(
        (partial.status.as_u16(), partial.header("x-stoa-job")),
        (200, "working")
    );
    let history = json!([[0.0, 12.0], [1.0, -90.5], [2.0, -120.25]]);
    market
        .villains
        .yard
        .finish(taken.id, &answer(-120.25, history));
    let done = market.until(&path, |fold| fold["status"] == "done").await;
    assert_eq!(done["energy"], -120.25, "the answer's own");
    let cif = market.file(id, "structure.cif").await;
    assert_eq!(cif.body, CIF.as_bytes());
    assert_eq!(cif.header("content-type"), "chemical/x-mmcif");
    assert_eq!(cif.header("x-stoa-job"), "done");
    assert_eq!(cif.header("x-content-type-options"), "nosniff");
    assert_ne!(cif.header("x-stoa-receipt"), "");
    let pdb = market.file(id, "structure.pdb").await;
    let pdb = String::from_utf8(pdb.body).expect("text");
    let atoms = molecule::pdb::read(&pdb).expect("a structure").atoms.len();
    assert_eq!(atoms, 22);
    for (name, address) in done["files"].as_object().expect("addresses") {
        let file = market.get(address.as_str().expect("an address")).await;
        assert_eq!(file.status, 200, "{name}");
        if name.ends_with(".svg") {
            assert_eq!(file.header("content-type"), "image/svg+xml");
            let text = String::from_utf8(file.body).expect("text");
            assert!(text.contains("<svg") && text.contains("</svg>"), "{name}");
        }
    }
    assert_eq!(done["files"].as_object().map(|files| files.len()), Some(4));
}

#[tokio::test]
async fn a_fold_is_a_job_under_another_name() {
    let market = open();
    let fold = market.fold(json!({})).await.json();
    let id = fold["id"].as_str().expect("a name");
    let hex = &id["fold_".len()..];
    let job = market.get(&format!("/v1/jobs/job_{hex}")).await.json();
    assert_eq!(
        (&job["object"], &job["task"]),
        (&json!("job"), &json!("protein-folding/1"))
    );
    assert_eq!(job["figure"], Value::Null);
    let list = market.get(PATH).await.json();
    assert_eq!(list["data"][0]["id"], id);
    let cancelled = market
        .ask(post(&format!("{PATH}/{id}/cancel"), &json!({})))
        .await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    let events = market.get(&format!("{PATH}/{id}/events")).await;
    let events = String::from_utf8(events.body).expect("text");
    assert!(events.contains("event: cancelled\n"), "{events}");
    let delete = Request::delete(format!("{PATH}/{id}")).body(Body::empty());
    let deleted = market.ask(delete.expect("a request")).await.json();
    assert_eq!(
        deleted,
        json!({"id": id, "object": "fold", "deleted": true})
    );
    let gone = market.get(&format!("{PATH}/{id}")).await;
    assert_eq!(gone.refusal(), (404, "job_not_found".into()));
}

#[tokio::test]
async fn what_nobody_can_fold_is_refused_at_once() {
    let market = open();
    let refused = async |extra: Value| {
        let reply = market.fold(extra).await;
        (reply.refusal(), reply.json()["error"]["param"].clone())
    };
    let invalid = || (400, "invalid_value".to_owned());
    assert_eq!(
        refused(json!({"sequence": "GYXZ"})).await,
        (invalid(), json!("sequence"))
    );
    assert_eq!(
        refused(json!({"budget_s": 0})).await,
        (invalid(), json!("budget_s"))
    );
    assert_eq!(
        refused(json!({"title": 7})).await,
        (invalid(), json!("title"))
    );
    assert_eq!(refused(json!({"speed": 7})).await.0, invalid());
    let fold = market.fold(json!({})).await.json();
    let id = fold["id"].as_str().expect("a name");
    let unknown = market.file(id, "structure.exe").await;
    assert_eq!(unknown.refusal(), (404, "unknown_url".into()));
    let at_once = market
        .ask(post("/v1/tasks/protein-folding", &json!({})))
        .await;
    assert_eq!(at_once.refusal(), (400, "task_is_a_job".into()));
}

/// A structure is a stranger's text; one that cannot be read is the miner's fault, and said to be.
#[tokio::test]
async fn a_structure_that_cannot_be_read_is_no_fault_of_the_customers() {
    let market = open();
    let fold = market.fold(json!({})).await.json();
    let id = fold["id"].as_str().expect("a name");
    let taken = market.villains.yard.taken(0).await;
    let torn =
        json!({"energy": 0.0, "mmcif": "data_torn\nloop_\n", "evaluations": 1, "history": []});
    market.villains.yard.finish(taken.id, &torn.to_string());
    let path = format!("{PATH}/{id}");
    market.until(&path, |fold| fold["status"] == "done").await;
    let pdb = market.file(id, "structure.pdb").await;
    assert_eq!(pdb.refusal(), (502, "unreadable_result".into()));
}
