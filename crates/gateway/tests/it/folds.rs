//! Proteins in, structures out.

use std::sync::LazyLock;

use amber::{Solvent, System};
use axum::body::Body;
use axum::http::Request;
use molecule::mmcif;
use serde_json::{Value, json};

use crate::market::{Market, Reply, Setup, Trade, post};
use crate::villains::Character::Honest;

const TASK: &str = "protein-folding";
const PATH: &str = "/v1/folds";

/// What is folded in these tests.
const CHAIN: &str = "GYDPETGTWG";

/// The chain as it is built, before anybody searches: its file and its energy.
static BUILT: LazyLock<(String, f64)> = LazyLock::new(|| {
    let molecule = folding::build(&CHAIN.parse().expect("a chain"));
    let system = System::new(&molecule, Solvent::Obc2).expect("a system");
    let energy = system.energy(&molecule.positions).total();
    (mmcif::write(&molecule, "chignolin"), energy)
});

/// An answer that holds.
fn answer() -> String {
    let (cif, energy) = &*BUILT;
    let history = [[0.0, *energy]];
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
        let mut body = json!({"sequence": CHAIN, "title": "chignolin"});
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
        json!(CHAIN),
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
    let yard = &market.villains.yard;
    yard.report(taken.id, 0.5, BUILT.1, Some(&answer()));
    let path = format!("{PATH}/{id}");
    let half = market.until(&path, |fold| fold["has_result"] == true).await;
    let told = (&half["energy"], &half["energy_is_checked"]);
    assert_eq!(told, (&json!(BUILT.1), &json!(true)));
    let partial = market.file(id, "structure.cif").await;
    assert_eq!(
        (partial.status.as_u16(), partial.header("x-stoa-job")),
        (200, "working")
    );
    yard.finish(taken.id, &answer());
    let done = market.until(&path, |fold| fold["status"] == "done").await;
    assert_eq!(done["energy"], BUILT.1, "the answer's own");
    assert_eq!(done["energy_is_checked"], true);
    let list = market.get(PATH).await.json();
    assert_eq!(list["data"], json!([done]), "a list tells the same");
    let cif = market.file(id, "structure.cif").await;
    assert_eq!(cif.body, BUILT.0.as_bytes());
    assert_eq!(cif.header("content-type"), "chemical/x-mmcif");
    assert_eq!(cif.header("x-stoa-job"), "done");
    assert_eq!(cif.header("x-content-type-options"), "nosniff");
    assert_ne!(cif.header("x-stoa-receipt"), "");
    let pdb = market.file(id, "structure.pdb").await;
    let pdb = String::from_utf8(pdb.body).expect("text");
    let (read, built) = (molecule::pdb::read(&pdb), mmcif::read(&BUILT.0));
    let [read, built] = [read, built].map(|file| file.expect("a structure").atoms.len());
    assert_eq!(read, built);
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

/// A miner may claim any energy; nobody is told that it is more than a claim, and the first structure shows what it is worth.
#[tokio::test]
async fn what_a_miner_claims_is_marked_until_a_structure_bears_it_out() {
    let market = open();
    let fold = market.fold(json!({})).await.json();
    let path = format!("{PATH}/{}", fold["id"].as_str().expect("a name"));
    let taken = market.villains.yard.taken(0).await;
    let yard = &market.villains.yard;
    let (found, claim) = (BUILT.1, BUILT.1 - 50.0);
    yard.report(taken.id, 0.1, claim, None);
    let claimed = market.until(&path, |fold| fold["energy"] == claim).await;
    assert_eq!(claimed["energy_is_checked"], false);
    yard.report(taken.id, 0.2, claim, Some(&answer()));
    let belied = market.until(&path, |fold| fold["has_result"] == true).await;
    let told = |fold: &Value| (fold["energy"].clone(), fold["energy_is_checked"].clone());
    assert_eq!(told(&belied), (json!(found), json!(true)));
    yard.report(taken.id, 0.3, claim - 1.0, None);
    let later = market.until(&path, |fold| fold["fraction"] == 0.3).await;
    assert_eq!(told(&later), (json!(found), json!(true)), "not heard again");
}

/// The plot is by the miner's account, but not below what the structure has.
#[tokio::test]
async fn the_plot_of_energies_shows_none_that_was_never_found() {
    let plot = async |history: Value| {
        let market = open();
        let fold = market.fold(json!({})).await.json();
        let path = format!("{PATH}/{}", fold["id"].as_str().expect("a name"));
        let taken = market.villains.yard.taken(0).await;
        let (cif, energy) = &*BUILT;
        let answer = json!({"energy": energy, "mmcif": cif, "evaluations": 9, "history": history});
        market.villains.yard.finish(taken.id, &answer.to_string());
        market.until(&path, |fold| fold["status"] == "done").await;
        let file = market.get(&format!("{path}/energy.svg")).await;
        String::from_utf8(file.body).expect("text")
    };
    let energy = BUILT.1;
    let honest = json!([[0.0, energy + 9.0], [1.0, energy]]);
    let boastful = json!([[0.0, energy + 9.0], [0.5, energy - 50.0], [1.0, energy]]);
    assert_eq!(plot(boastful).await, plot(honest).await);
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

/// A structure that is none, or not of this chain, or has another energy than it claims, is no answer.
#[tokio::test]
async fn a_structure_that_does_not_hold_moves_the_fold() {
    let (cif, energy) = &*BUILT;
    let false_answers = [
        json!({"energy": 0.0, "mmcif": "data_torn\nloop_\n", "evaluations": 1, "history": []}),
        json!({"energy": energy - 50.0, "mmcif": cif, "evaluations": 1, "history": []}),
    ];
    for wrong in false_answers {
        let market = open();
        let fold = market.fold(json!({})).await.json();
        let path = format!("{PATH}/{}", fold["id"].as_str().expect("a name"));
        let first = market.villains.yard.taken(0).await;
        market.villains.yard.finish(first.id, &wrong.to_string());
        let second = market.villains.yard.taken(1).await;
        market.villains.yard.finish(second.id, &answer());
        let done = market.until(&path, |fold| fold["status"] == "done").await;
        assert_eq!(
            (&done["moves"], &done["energy"]),
            (&json!(1), &json!(energy))
        );
    }
}
