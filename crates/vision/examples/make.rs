//! Trains on drawn pictures without the rest of the program: `make OUT STEPS [SHOW]`. With `SHOW`, only writes that many
//! drawn pictures to `OUT`.

use std::path::PathBuf;
use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use vision::scene;
use vision::train::{self, Data, Options};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let out = PathBuf::from(&arguments[1]);
    if let Some(show) = arguments.get(3) {
        std::fs::create_dir_all(&out).expect("a directory");
        let mut rng = ChaCha12Rng::seed_from_u64(7);
        let begun = Instant::now();
        let count: usize = show.parse().expect("a number");
        for index in 0..count {
            let drawing = scene::draw(&mut rng);
            let extension = match drawing.file[0] {
                0x89 => "png",
                0xff => "jpg",
                _ => "webp",
            };
            let name = format!("{index:03}-{}.{extension}", drawing.shape.name());
            std::fs::write(out.join(name), drawing.file).expect("a file");
        }
        println!(
            "{:.2} ms a picture",
            begun.elapsed().as_secs_f64() * 1000.0 / count as f64
        );
        let begun = Instant::now();
        for _ in 0..count {
            std::hint::black_box(scene::draw_decoded(scene::HARDNESS, &mut rng));
        }
        println!(
            "{:.2} ms decoded",
            begun.elapsed().as_secs_f64() * 1000.0 / count as f64
        );
        return;
    }
    let mut options = Options::new(Data::Drawn, out);
    options.steps = arguments[2].parse().expect("a number");
    if let Ok(rate) = std::env::var("RATE") {
        options.rate = rate.parse().expect("a number");
    }
    if let Ok(widths) = std::env::var("WIDTHS") {
        options.widths = widths
            .split(',')
            .map(|n| n.parse().expect("a number"))
            .collect();
    }
    if let Ok(side) = std::env::var("SIDE") {
        options.side = side.parse().expect("a number");
    }
    let begun = Instant::now();
    let mut smoothed = 3.0;
    let report = train::vision(&options, &mut |progress| {
        smoothed += 0.03 * (progress.loss - smoothed);
        if progress.step % 50 == 0 {
            println!(
                "{} {smoothed:.3} {:.0} s",
                progress.step,
                begun.elapsed().as_secs_f64()
            );
        }
    })
    .expect("it trains");
    println!(
        "accuracy {:.4} mcc {:.4} brier {:.4}",
        report.accuracy, report.mcc, report.brier
    );
}
