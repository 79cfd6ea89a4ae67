//! Writes drawn pictures for a person to look at: `draw DIR COUNT [SEED]`. Each file's name says what it shows.

use std::error::Error;
use std::path::PathBuf;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use vision::scene;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(out), Some(count)) = (arguments.first(), arguments.get(1)) else {
        return Err("give a directory and how many pictures to draw".into());
    };
    let seed = arguments.get(2).map_or(Ok(1), |seed| seed.parse())?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    for number in 0..count.parse::<u32>()? {
        let drawing = scene::draw(&mut rng);
        let extension = match drawing.file.first() {
            Some(0x89) => "png",
            Some(0xff) => "jpg",
            _ => "webp",
        };
        let name = format!("{number:04}-{}.{extension}", drawing.shape.name());
        std::fs::write(out.join(name), drawing.file)?;
    }
    Ok(())
}
