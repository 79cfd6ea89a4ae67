//! The regions of the Ramachandran plot that residues of known proteins lie in.
//!
//! Outlines in degrees (φ, ψ), drawn by hand after the density of well-resolved structures for residues other than glycine
//! and proline (Lovell et al., Proteins 50, 437, 2003): the inner ones hold nearly all residues, the outer ones nearly all
//! of the rest. They guide the eye; nothing is judged by them. A region that crosses ±180 is drawn in parts.

/// An outline, corner by corner.
pub(super) type Outline = &'static [(f64, f64)];

/// Where residues usually are: sheets and extended chains, right-handed helices, left-handed ones.
pub(super) const FAVOURED: [Outline; 4] = [
    &[
        (-175.0, 180.0),
        (-50.0, 180.0),
        (-45.0, 150.0),
        (-52.0, 120.0),
        (-65.0, 100.0),
        (-95.0, 90.0),
        (-140.0, 98.0),
        (-165.0, 125.0),
        (-175.0, 150.0),
    ],
    &[
        (-175.0, -180.0),
        (-60.0, -180.0),
        (-70.0, -172.0),
        (-150.0, -170.0),
    ],
    &[
        (-135.0, 5.0),
        (-115.0, 25.0),
        (-90.0, 20.0),
        (-70.0, -8.0),
        (-50.0, -22.0),
        (-42.0, -45.0),
        (-50.0, -62.0),
        (-75.0, -65.0),
        (-100.0, -50.0),
        (-130.0, -25.0),
    ],
    &[
        (48.0, 15.0),
        (45.0, 45.0),
        (52.0, 60.0),
        (62.0, 55.0),
        (72.0, 25.0),
        (68.0, 5.0),
    ],
];

/// Where residues may be.
pub(super) const ALLOWED: [Outline; 3] = [
    &[
        (-180.0, 180.0),
        (-40.0, 180.0),
        (-36.0, 145.0),
        (-42.0, 110.0),
        (-58.0, 75.0),
        (-68.0, 40.0),
        (-55.0, 5.0),
        (-35.0, -25.0),
        (-32.0, -55.0),
        (-45.0, -75.0),
        (-90.0, -80.0),
        (-140.0, -65.0),
        (-165.0, -30.0),
        (-160.0, 30.0),
        (-150.0, 65.0),
        (-180.0, 100.0),
    ],
    &[
        (-180.0, -180.0),
        (-45.0, -180.0),
        (-60.0, -155.0),
        (-180.0, -150.0),
    ],
    &[
        (42.0, -5.0),
        (38.0, 45.0),
        (48.0, 85.0),
        (66.0, 75.0),
        (85.0, 25.0),
        (85.0, -15.0),
        (60.0, -25.0),
    ],
];
