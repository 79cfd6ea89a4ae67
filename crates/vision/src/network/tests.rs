//! The network learns, and its description is checked.

use std::sync::Arc;

use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::scene::{self, SHAPES};

fn small() -> Config {
    let labels: Vec<String> = SHAPES.iter().map(|shape| shape.name().into()).collect();
    Config::new(&labels, 16, &[8, 12], &[1, 1])
}

fn built(config: &Config, variables: &BTreeMap<String, Var>) -> Network {
    Network::build(config.clone(), &mut |name, _| {
        Ok(variables[name].as_tensor().clone())
    })
    .unwrap()
}

/// Eight pictures, sixty looks at them: whoever can learn knows them by heart.
#[test]
fn a_network_learns_a_few_pictures_by_heart() {
    let config = small();
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let variables = variables(&config, &mut rng).unwrap();
    let mut values = Vec::new();
    let mut targets = Vec::new();
    for _ in 0..8 {
        let (shape, picture) = scene::draw_decoded(0.0, &mut rng);
        append(&picture, 16, &mut values);
        targets.push(shape as u32);
    }
    let pictures = Tensor::from_vec(values, (8, 16, 16, 3), &Device::Cpu).unwrap();
    let targets: Arc<[u32]> = targets.into();
    let settings = ParamsAdamW {
        lr: 5e-3,
        ..ParamsAdamW::default()
    };
    let mut optimiser = AdamW::new(variables.values().cloned().collect(), settings).unwrap();
    let mut losses = Vec::new();
    for _ in 0..60 {
        let logits = built(&config, &variables).forward(&pictures).unwrap();
        let loss = kernels::cross_entropy(&logits, targets.clone()).unwrap();
        optimiser.backward_step(&loss).unwrap();
        losses.push(loss.to_scalar::<f32>().unwrap());
    }
    assert!(2.0 < losses[0] && losses[59] < 0.1, "{losses:?}");
}

#[test]
fn a_description_that_gives_no_network_says_why() {
    let refused = |change: fn(&mut Config)| {
        let mut config = small();
        change(&mut config);
        config.check().expect_err("refused")
    };
    assert_eq!(small().check(), Ok(()));
    assert!(refused(|config| config.model_type = "resnet".into()).contains("model_type"));
    assert!(refused(|config| config.depths.clear()).contains("depths"));
    assert!(refused(|config| config.hidden_sizes[1] = 0).contains("hidden_sizes"));
    assert!(refused(|config| config.image_size = 4).contains("image_size"));
    assert!(refused(|config| config.num_channels = 4).contains("num_channels"));
    assert!(refused(|config| config.hidden_act = "relu".into()).contains("hidden_act"));
    assert!(refused(|config| config.depths[0] = 65).contains("depths"));
    assert!(refused(|config| drop(config.id2label.remove(&3))).contains("id2label"));
    assert!(refused(|config| drop(config.id2label.insert(0, "star".into()))).contains("twice"));
}

/// A lamp that is twice as bright, and one that is bluer, change nothing.
#[test]
fn light_is_taken_off_a_picture() {
    let dark: Vec<u8> = (0..48).map(|value| value * 2).collect();
    let bright: Vec<u8> = dark
        .iter()
        .enumerate()
        .map(|(at, v)| v * 2 + [5, 20, 40][at % 3])
        .collect();
    let seen = |rgb: Vec<u8>| {
        let mut values = Vec::new();
        append(&Picture::from_rgb(4, 4, rgb), 4, &mut values);
        values
    };
    let (dark, bright) = (seen(dark), seen(bright));
    assert!(dark.iter().zip(&bright).all(|(a, b)| (a - b).abs() < 0.01));
    let flat = seen(vec![9; 48]);
    assert!(flat.iter().all(|value| *value == 0.0));
}
