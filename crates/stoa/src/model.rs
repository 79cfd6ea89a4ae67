//! The model inside this program: a market needs one, and one binary should bring a whole market up.
//!
//! `models/stoa-shakespeare` is compiled in and written to a directory when a localnet starts without `--model`.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The name under which miners offer it.
pub const NAME: &str = "stoa-shakespeare";

/// Its files, by name.
const FILES: [(&str, &[u8]); 3] = [
    (
        "config.json",
        include_bytes!("../../../models/stoa-shakespeare/config.json"),
    ),
    (
        "tokenizer.json",
        include_bytes!("../../../models/stoa-shakespeare/tokenizer.json"),
    ),
    (
        "model.safetensors",
        include_bytes!("../../../models/stoa-shakespeare/model.safetensors"),
    ),
];

/// Writes the model under `directory` and returns the path of its own folder.
///
/// A file that is already there as it should be is left alone.
///
/// # Errors
///
/// When a file cannot be written, as on a full disk.
pub fn unpack(directory: &Path) -> Result<PathBuf> {
    let folder = directory.join(NAME);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|present| present == bytes) {
            continue;
        }
        // Renamed into place, so that a start cut short leaves no torn file under the final name.
        let unfinished = folder.join(format!("{name}.unfinished"));
        fs::write(&unfinished, bytes).with_context(|| format!("write {}", unfinished.display()))?;
        fs::rename(&unfinished, &path)
            .with_context(|| format!("move {} into place", path.display()))?;
    }
    Ok(folder)
}
