//! Structure files in, and the four files of a fold out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use molecule::{Molecule, dssp, mmcif, pdb, plot};

/// The largest structure file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The structure, as mmCIF.
pub const CIF: &str = "fold.cif";
/// The structure, as PDB.
pub const PDB: &str = "fold.pdb";
/// Its angles.
pub const RAMACHANDRAN: &str = "ramachandran.svg";
/// The way to it.
pub const ENERGY: &str = "energy.svg";

/// Each file as a gateway calls it, and as it is called here.
pub const FILES: [(&str, &str); 4] = [
    ("structure.cif", CIF),
    ("structure.pdb", PDB),
    ("ramachandran.svg", RAMACHANDRAN),
    ("energy.svg", ENERGY),
];

/// Reads a structure from a `.pdb` or `.cif` file.
///
/// # Errors
///
/// When it cannot be read, or is no structure.
pub fn read(path: &Path) -> Result<Molecule> {
    let shown = path.display();
    let bytes = fs::metadata(path)
        .with_context(|| format!("read {shown}"))?
        .len();
    ensure!(
        bytes <= FILE_BYTES_MAX,
        "{shown} is larger than {FILE_BYTES_MAX} bytes"
    );
    let text = fs::read_to_string(path).with_context(|| format!("read {shown}"))?;
    let kind = path.extension().and_then(|extension| extension.to_str());
    let molecule = match kind.map(str::to_ascii_lowercase).as_deref() {
        Some("pdb" | "ent") => pdb::read(&text),
        Some("cif" | "mmcif") => mmcif::read(&text),
        _ => bail!("{shown} is neither .pdb nor .cif"),
    };
    molecule.with_context(|| format!("read {shown}"))
}

/// A directory for what comes of a fold.
pub struct Output {
    directory: PathBuf,
}

impl Output {
    /// Makes it, if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory)
            .with_context(|| format!("make the directory {}", directory.display()))?;
        Ok(Self { directory })
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes one file and returns its path.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Writes a structure and its pictures, and returns the paths.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub fn write_all(&self, molecule: &Molecule, history: &[(f64, f64)]) -> Result<Vec<PathBuf>> {
        Ok(vec![
            self.write(CIF, mmcif::write(molecule, "").as_bytes())?,
            self.write(PDB, pdb::write(molecule).as_bytes())?,
            self.write(RAMACHANDRAN, plot::ramachandran(molecule).as_bytes())?,
            self.write(ENERGY, plot::energy_over_time(history).as_bytes())?,
        ])
    }
}

/// The chain, and under each residue what DSSP calls it there.
pub fn shape(molecule: &Molecule) -> String {
    let residues = molecule.residues.iter().zip(dssp::assign(molecule));
    let amino = residues.filter_map(|(residue, class)| Some((residue.monomer.amino()?, class)));
    let (letters, classes): (String, String) = amino
        .map(|(amino, class)| (amino.letter(), if class == ' ' { '-' } else { class }))
        .unzip();
    format!(
        "  {letters}\n  {classes}   H helix, G 3-10 helix, E strand, B bridge, T turn, S bend\n"
    )
}
