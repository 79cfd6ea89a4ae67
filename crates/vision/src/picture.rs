//! A picture: decoded from bytes that a stranger sent, and brought to the size a network looks at.
//!
//! # Bounds
//!
//! PNG, JPEG and WebP, known by their first bytes, never by a name. At most [`BYTES_MAX`] bytes and [`SIDE_MAX`] pixels a
//! side. The sides are read from the header and checked before a pixel is decoded, and the decoder may not
//! allocate more than [`MEMORY_MAX`], so a small file cannot unfold into a large picture.
//!
//! # Pixels
//!
//! Red, green and blue, 8 bits each. Deeper pictures are rounded, grey ones repeated, transparent pixels laid over white.
//! Of a moving picture the first frame counts; a camera's note on which way is up is not read.
//!
//! # Scaling
//!
//! [`Picture::scaled`] squeezes the whole picture, whatever its aspect, into a square. A pixel of the result is the mean of the
//! area it covers, each pixel of the original weighted by the part of it inside that area: for column `x` of `n`, made
//! of columns of a picture `w` wide, original column `u` weighs `|[x·w, (x+1)·w) ∩ [u·n, (u+1)·n)|`; rows likewise; the sum
//! over `w·h` is rounded half up. All in integers, so that every machine gets the same pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

/// The longest file.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest side, in pixels.
pub const SIDE_MAX: u32 = 4096;
/// The most that decoding may allocate: the largest picture with transparency, and a quarter more for the decoder.
pub const MEMORY_MAX: u64 = 80 * 1024 * 1024;

/// Why bytes are not taken as a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No bytes.
    #[error("the picture is empty")]
    Empty,
    /// Longer than [`BYTES_MAX`].
    #[error("the picture has {0} bytes, the limit is {BYTES_MAX}; send a smaller one")]
    TooLong(usize),
    /// Neither PNG nor JPEG nor WebP.
    #[error("the bytes are not a PNG, JPEG or WebP picture (they begin with {0})")]
    UnknownFormat(String),
    /// A side is longer than [`SIDE_MAX`], or has no pixels.
    #[error("the picture is {width} × {height} pixels, each side must be between 1 and {SIDE_MAX}")]
    Size {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Decoding would take more than [`MEMORY_MAX`].
    #[error(
        "the picture needs more than {MEMORY_MAX} bytes of memory; send 8 bits a channel, or fewer pixels"
    )]
    TooLarge,
    /// The file is damaged.
    #[error("the picture cannot be decoded: {0}")]
    Torn(String),
}

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG, JPEG or WebP file.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that says which bound the bytes break or where they are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let decoder = open(bytes)?;
        let image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
        let (width, height) = (image.width(), image.height());
        let rgb = if image.color().has_alpha() {
            over_white(&image.into_rgba8())
        } else {
            image.into_rgb8().into_raw()
        };
        Ok(Self { width, height, rgb })
    }

    /// Reads the header only: the width and height of a picture whose bounds hold.
    ///
    /// # Errors
    ///
    /// As [`Picture::decode`], except for damage further in.
    pub fn look(bytes: &[u8]) -> Result<(u32, u32), Refusal> {
        Ok(open(bytes)?.dimensions())
    }

    /// A picture from its pixels.
    ///
    /// # Panics
    ///
    /// When there are not three bytes for each pixel, or no pixels.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Self {
        assert!(0 < width && 0 < height, "a picture has pixels");
        assert_eq!(rgb.len(), 3 * width as usize * height as usize);
        Self { width, height, rgb }
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of each pixel, row by row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Squeezed or stretched to a square of `side` pixels, as the module's header says.
    ///
    /// # Panics
    ///
    /// When `side` is zero.
    pub fn scaled(&self, side: u32) -> Self {
        assert!(0 < side, "a picture has pixels");
        let columns = spans(self.width, side);
        let rows = spans(self.height, side);
        let (width, side_length) = (self.width as usize, side as usize);
        // One row of the original at a time is narrowed, then spread over the rows it falls into.
        let mut sums = vec![0u64; 3 * side_length * side_length];
        let mut narrow = vec![0u64; 3 * side_length];
        let mut source = usize::MAX;
        for (row, spans) in rows.iter().enumerate() {
            let out = &mut sums[3 * side_length * row..][..3 * side_length];
            for &(y, weight) in spans {
                if y != source {
                    narrow_row(
                        &self.rgb[3 * width * y..][..3 * width],
                        &columns,
                        &mut narrow,
                    );
                    source = y;
                }
                for (sum, value) in out.iter_mut().zip(&narrow) {
                    *sum += value * weight;
                }
            }
        }
        let area = u64::from(self.width) * u64::from(self.height);
        let rgb = sums
            .iter()
            .map(|sum| ((sum + area / 2) / area) as u8)
            .collect();
        Self {
            width: side,
            height: side,
            rgb,
        }
    }
}

/// For each of `parts` pixels of the result, which pixels of the original it covers and how much of each.
fn spans(length: u32, parts: u32) -> Vec<Vec<(usize, u64)>> {
    let (length, parts) = (u64::from(length), u64::from(parts));
    let span = |part: u64| {
        let (begin, end) = (part * length, (part + 1) * length);
        (begin / parts..end.div_ceil(parts))
            .map(|u| {
                let weight = end.min((u + 1) * parts) - begin.max(u * parts);
                (u as usize, weight)
            })
            .collect()
    };
    (0..parts).map(span).collect()
}

fn narrow_row(row: &[u8], columns: &[Vec<(usize, u64)>], out: &mut [u64]) {
    for (spans, out) in columns.iter().zip(out.chunks_exact_mut(3)) {
        let mut sums = [0u64; 3];
        for &(x, weight) in spans {
            for (sum, value) in sums.iter_mut().zip(&row[3 * x..][..3]) {
                *sum += u64::from(*value) * weight;
            }
        }
        out.copy_from_slice(&sums);
    }
}

/// A decoder that has read the header, once all bounds hold.
fn open(bytes: &[u8]) -> Result<impl ImageDecoder + '_, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    if BYTES_MAX < bytes.len() {
        return Err(Refusal::TooLong(bytes.len()));
    }
    let format = format(bytes)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refuse)?;
    let (width, height) = decoder.dimensions();
    let bounds = 1..=SIDE_MAX;
    if !bounds.contains(&width) || !bounds.contains(&height) {
        return Err(Refusal::Size { width, height });
    }
    if MEMORY_MAX < decoder.total_bytes() {
        return Err(Refusal::TooLarge);
    }
    Ok(decoder)
}

fn format(bytes: &[u8]) -> Result<ImageFormat, Refusal> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => Ok(format),
        _ => {
            let begin: Vec<String> = bytes
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            Err(Refusal::UnknownFormat(begin.join(" ")))
        }
    }
}

fn refuse(error: image::ImageError) -> Refusal {
    match error {
        image::ImageError::Limits(_) => Refusal::TooLarge,
        // Decoders quote what they read; a stranger's bytes shall not make a long message.
        other => Refusal::Torn(other.to_string().chars().take(200).collect()),
    }
}

fn over_white(image: &image::RgbaImage) -> Vec<u8> {
    let laid = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    image
        .pixels()
        .flat_map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [laid(red, alpha), laid(green, alpha), laid(blue, alpha)]
        })
        .collect()
}

#[cfg(test)]
mod tests;
