//! Pictures from strangers: whatever the bytes, they are refused in few words or become what a network reads.
//!
//! Followed all the way: the header, the pixels, the squeeze to a square, the numbers a network takes in and the
//! probabilities it gives out. The network is a tiny untrained one; its size is not what a stranger chooses.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use vision::Model;
use vision::network::Config;
use vision::picture::{BYTES_MAX, Picture, SIDE_MAX};

/// The longest refusal, in bytes: it quotes a decoder, never a stranger at length.
const WORDS_MAX: usize = 1_000;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let labels = ["circle", "square", "star"].map(str::to_owned);
    let config = Config::new(&labels, 16, &[8], &[1]);
    Model::untrained(&config, &mut ChaCha8Rng::seed_from_u64(1)).expect("a network of this shape")
});

fuzz_target!(|bytes: &[u8]| {
    let looked = Picture::look(bytes);
    let picture = match Picture::decode(bytes) {
        Ok(picture) => picture,
        Err(refusal) => {
            assert!(refusal.to_string().len() <= WORDS_MAX, "a long refusal");
            return;
        }
    };
    let (width, height) = (picture.width(), picture.height());
    assert!(bytes.len() <= BYTES_MAX);
    assert!((1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height));
    assert_eq!(
        looked,
        Ok((width, height)),
        "the header said something else"
    );
    assert_eq!(picture.rgb().len(), 3 * width as usize * height as usize);

    let shares = MODEL.read(&picture).expect("a network reads any picture");
    let sum: f32 = shares.iter().sum();
    assert!((0.999..1.001).contains(&sum), "probabilities {shares:?}");
});
