//! Every gradient against differences of the function itself, and the exponential against the library's.

use candle_core::{Device, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;

fn random(shape: &[usize], seed: u64) -> Var {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Compares the gradient of `f`, weighed by random numbers, with differences in the direction of each input.
fn check(inputs: &[&[usize]], f: impl Fn(&[Tensor]) -> Tensor) {
    let variables: Vec<Var> = inputs
        .iter()
        .enumerate()
        .map(|(seed, shape)| random(shape, seed as u64))
        .collect();
    let tensors = || {
        variables
            .iter()
            .map(|var| var.as_tensor().clone())
            .collect::<Vec<_>>()
    };
    let weigh = random(f(&tensors()).dims(), 99);
    let value = |tensors: &[Tensor]| (f(tensors) * weigh.as_tensor()).unwrap().sum_all().unwrap();
    let gradients = value(&tensors()).backward().unwrap();
    for (index, variable) in variables.iter().enumerate() {
        let gradient = gradients.get(variable).expect("every input matters");
        let direction = random(variable.dims(), 7 + index as u64);
        let expected: f32 = (gradient * direction.as_tensor())
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar()
            .unwrap();
        let moved = |by: f64| -> f32 {
            let mut inputs = tensors();
            inputs[index] = (&inputs[index] + (direction.as_tensor() * by).unwrap()).unwrap();
            value(&inputs).to_scalar().unwrap()
        };
        let found = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let size = expected.abs().max(found.abs()).max(0.5);
        assert!(
            (expected - found).abs() < 0.01 * size,
            "input {index}: gradient {expected}, differences {found}"
        );
    }
}

#[test]
fn the_layer_norm_has_the_gradient_of_its_value() {
    check(&[&[5, 24], &[24], &[24]], |x| {
        layer_norm(&x[0], &x[1], &x[2], 1e-5).unwrap()
    });
}

#[test]
fn the_depthwise_convolution_has_the_gradient_of_its_value() {
    check(&[&[2, 5, 4, 3], &[49, 3], &[3]], |x| {
        depthwise(&x[0], &x[1], &x[2]).unwrap()
    });
}

#[test]
fn windows_have_the_gradient_of_their_value() {
    for stride in [1, 2] {
        check(&[&[2, 5, 4, 3]], |x| windows(&x[0], stride).unwrap());
    }
}

/// Three by three positions of one channel, numbered from 1.
#[test]
fn a_window_is_what_surrounds_its_position() {
    let x = Tensor::arange(1f32, 10.0, &Device::Cpu)
        .unwrap()
        .reshape((1, 3, 3, 1))
        .unwrap();
    let found: Vec<f32> = windows(&x, 2)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    #[rustfmt::skip]
    let expected = [
        0., 0., 0., 0., 1., 2., 0., 4., 5.,
        0., 0., 0., 2., 3., 0., 5., 6., 0.,
        0., 4., 5., 0., 7., 8., 0., 0., 0.,
        5., 6., 0., 8., 9., 0., 0., 0., 0.,
    ];
    assert_eq!(found, expected);
}

#[test]
fn activations_have_the_gradient_of_their_value() {
    for activation in [Activation::None, Activation::Gelu] {
        check(&[&[6, 10], &[10]], |x| {
            activate(&x[0], &x[1], activation).unwrap()
        });
    }
}

#[test]
fn the_cross_entropy_has_the_gradient_of_its_value() {
    let targets: Arc<[u32]> = Arc::from([2u32, 0, 4]);
    check(&[&[3, 5]], |x| {
        cross_entropy(&x[0], targets.clone()).unwrap()
    });
}

/// Against the definition, written as plainly as possible.
#[test]
fn the_depthwise_convolution_is_the_sum_over_its_window() {
    let (height, width, channels, side) = (4usize, 6usize, 2usize, 3usize);
    let x = random(&[1, height, width, channels], 1);
    let weight = random(&[side * side, channels], 2);
    let bias = random(&[channels], 3);
    let found: Vec<f32> = depthwise(&x, &weight, &bias)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let flat = |var: &Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (x, weight, bias) = (flat(&x), flat(&weight), flat(&bias));
    for (index, found) in found.iter().enumerate() {
        let (channel, column, row) = (
            index % channels,
            index / channels % width,
            index / channels / width,
        );
        let mut expected = bias[channel];
        for (tap, weight) in weight.iter().skip(channel).step_by(channels).enumerate() {
            let (y, x_at) = (row + tap / side, column + tap % side);
            // The window begins one before the position.
            if (1..=height).contains(&y) && (1..=width).contains(&x_at) {
                expected += weight * x[((y - 1) * width + x_at - 1) * channels + channel];
            }
        }
        assert!(
            (expected - found).abs() < 1e-5,
            "at {row}, {column}, {channel}"
        );
    }
}

#[test]
fn the_exponential_is_the_libraries_to_seven_digits() {
    for step in -8000..8000 {
        let x = step as f32 * 0.01;
        let (found, expected) = (exp(x), f64::from(x).exp());
        let error = (f64::from(found) / expected - 1.0).abs();
        assert!(error < 3e-7, "exp({x}) = {found}, not {expected}");
    }
    assert!(exp(-1000.0) < 1e-37 && exp(1000.0).is_finite());
}

#[test]
fn shares_sum_to_one_even_of_extreme_logits() {
    let mut shares = [0f32; 4];
    softmax(&[1e30, -1e30, 0.0, 1e30], &mut shares);
    assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert_eq!(shares[0], shares[3]);
}
