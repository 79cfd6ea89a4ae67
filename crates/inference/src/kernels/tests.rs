//! Each kernel and its gradient against the same formula composed of elementary tensor operations.

use candle_core::{D, Device, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;

fn variable(shape: impl Into<Shape>, seed: u64) -> Var {
    let shape = shape.into();
    let mut noise = ChaCha12Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.elem_count())
        .map(|_| noise.random_range(-2.0..2.0))
        .collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

fn distance(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    difference.max(0).unwrap().to_scalar().unwrap()
}

/// Compares values and, under an uneven weighting of the outputs, gradients.
fn agree(variables: &[&Var], kernel: &Tensor, composed: &Tensor) {
    assert!(distance(kernel, composed) < 1e-5);
    let weights = variable(kernel.shape().clone(), 99);
    let gradients = |result: &Tensor| {
        let loss = result.mul(weights.as_tensor()).unwrap().sum_all().unwrap();
        loss.backward().unwrap()
    };
    let (ours, theirs) = (gradients(kernel), gradients(composed));
    for variable in variables {
        let distance = distance(ours.get(variable).unwrap(), theirs.get(variable).unwrap());
        assert!(distance < 1e-4, "gradients differ by {distance}");
    }
}

#[test]
fn rms_norm_is_its_formula() {
    let (x, weight) = (variable((3, 10), 1), variable(10, 2));
    let mean = x.sqr().unwrap().mean_keepdim(D::Minus1).unwrap();
    let root = (mean + 1e-5).unwrap().sqrt().unwrap();
    let composed = x
        .broadcast_div(&root)
        .unwrap()
        .broadcast_mul(&weight)
        .unwrap();
    agree(
        &[&x, &weight],
        &rms_norm(&x, &weight, 1e-5).unwrap(),
        &composed,
    );
}

#[test]
fn softmax_sees_only_the_past() {
    // Two groups of three times over five columns: times 2, 3 and 4.
    let scores = variable((2, 6, 5), 3);
    let mask: Vec<f32> = (0..6)
        .flat_map(|row| (0..5).map(move |column| (column, row % 3 + 2)))
        .map(|(column, time)| if column <= time { 0.0 } else { -1e9 })
        .collect();
    let mask = Tensor::from_vec(mask, (6, 5), &Device::Cpu).unwrap();
    let scaled = (scores.as_tensor() * 0.5)
        .unwrap()
        .broadcast_add(&mask)
        .unwrap();
    let composed = candle_nn::ops::softmax(&scaled, D::Minus1).unwrap();
    agree(
        &[&scores],
        &causal_softmax(&scores, 0.5, 3).unwrap(),
        &composed,
    );
}

#[test]
fn rotation_turns_each_head_by_its_position() {
    let (heads, size) = (2, 6);
    let x = variable((4, heads * size), 4);
    let positions: Arc<[usize]> = Arc::from([7, 8, 0, 3]);
    let rotation = Rotation::new(&[1.0, 0.1, 0.01], 16);
    let angles: Vec<f32> = positions
        .iter()
        .flat_map(|at| [1.0, 0.1, 0.01].map(|turn| *at as f32 * turn))
        .collect();
    let angles = Tensor::from_vec(angles, (4, 3), &Device::Cpu).unwrap();
    let halves = x
        .reshape((4, heads, size))
        .unwrap()
        .transpose(0, 1)
        .unwrap();
    let composed = candle_nn::rotary_emb::rope_slow(
        &halves.unsqueeze(0).unwrap(),
        &angles.cos().unwrap(),
        &angles.sin().unwrap(),
    )
    .unwrap();
    let composed = composed.squeeze(0).unwrap().transpose(0, 1).unwrap();
    let composed = composed.reshape((4, heads * size)).unwrap();
    agree(
        &[&x],
        &rotate(&x, &rotation, &positions).unwrap(),
        &composed,
    );
}

#[test]
fn swiglu_is_its_formula() {
    let (gate, up) = (variable((3, 7), 5), variable((3, 7), 6));
    let composed = (gate.silu().unwrap() * up.as_tensor()).unwrap();
    agree(&[&gate, &up], &swiglu(&gate, &up).unwrap(), &composed);
}

#[test]
fn cross_entropy_is_its_formula() {
    let logits = variable((4, 9), 7);
    let targets = [0u32, 8, 3, 3];
    let ids = Tensor::new(&targets, &Device::Cpu).unwrap();
    let composed = candle_nn::loss::cross_entropy(&logits, &ids).unwrap();
    agree(
        &[&logits],
        &cross_entropy(&logits, Arc::from(targets)).unwrap(),
        &composed,
    );
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let scores = variable((1, 4, 2), 8);
    assert!(
        causal_softmax(&scores, 1.0, 3).is_err(),
        "more times than columns"
    );
    let x = variable((2, 8), 9);
    let rotation = Rotation::new(&[1.0, 0.1], 4);
    assert!(
        rotate(&x, &rotation, &Arc::from([0])).is_err(),
        "a position is missing"
    );
    assert!(
        rotate(&x, &rotation, &Arc::from([0, 4])).is_err(),
        "past the table"
    );
    assert!(
        cross_entropy(&x, Arc::from([0, 8])).is_err(),
        "no such class"
    );
    assert!(
        rms_norm(&x.t().unwrap(), &variable(2, 10), 1e-5).is_err(),
        "not contiguous"
    );
}
