//! How fast the shipped model names a picture, and how fast a picture is drawn, decoded and scaled; on the threads that
//! `RAYON_NUM_THREADS` allows.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use vision::model::Source;
use vision::{Model, Picture, scene};

fn benches(criterion: &mut Criterion) {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let files: Vec<Vec<u8>> = (0..64).map(|_| scene::draw(&mut rng).file).collect();
    let pictures: Vec<Picture> = files
        .iter()
        .map(|file| Picture::decode(file).expect("it was drawn"))
        .collect();
    let model = Model::load(&Source::Shipped).expect("it is shipped");

    let mut turn = (0..64).cycle();
    let mut next = move || turn.next().expect("it goes round");
    criterion.bench_function("classify one picture", |bench| {
        bench.iter(|| {
            model
                .classify(black_box(&pictures[next()]))
                .expect("an answer")
        });
    });
    criterion.bench_function("decode one picture", |bench| {
        bench.iter(|| Picture::decode(black_box(&files[next()])).expect("it was drawn"));
    });
    criterion.bench_function("draw one picture", |bench| {
        bench.iter(|| scene::draw(&mut rng))
    });
    criterion.bench_function("load the model", |bench| {
        bench.iter(|| Model::load(&Source::Shipped).expect("it is shipped"));
    });
}

criterion_group!(shipped, benches);
criterion_main!(shipped);
