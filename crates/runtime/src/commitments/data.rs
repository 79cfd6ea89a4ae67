//! One field of a commitment: nothing, some bytes, or the hash of something kept elsewhere.
//!
//! On the wire each length of bytes from 0 to 128 is a variant of its own (`Raw0` … `Raw128`), which costs no length
//! prefix and is what wallets encode; hence the hand-written codec and metadata.

use frame_support::{BoundedVec, traits::ConstU32};
use parity_scale_codec::{
    Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen, Output,
};
use scale_info::{
    Path, Type, TypeInfo,
    build::{Fields, Variants},
};

/// Most bytes of a short field.
pub const SHORT_BYTES_MAX: u32 = 128;
/// Most bytes of a long field.
pub const LONG_BYTES_MAX: u32 = 512;

const FIRST_SHORT: u8 = 1;
const LAST_SHORT: u8 = FIRST_SHORT + SHORT_BYTES_MAX as u8;
const FIRST_HASH: u8 = LAST_SHORT + 1;
const LAST_HASH: u8 = FIRST_HASH + 3;
const LONG: u8 = 136;

/// Hash functions a field may name, in the order of their variants.
const HASHES: [&str; 4] = ["BlakeTwo256", "Sha256", "Keccak256", "ShaThree256"];

/// One field of a commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Nothing.
    None,
    /// Up to [`SHORT_BYTES_MAX`] bytes.
    Short(BoundedVec<u8, ConstU32<SHORT_BYTES_MAX>>),
    /// A hash by the function at this place in the list of functions.
    Hash(u8, [u8; 32]),
    /// Up to [`LONG_BYTES_MAX`] bytes.
    Long(BoundedVec<u8, ConstU32<LONG_BYTES_MAX>>),
}

impl Data {
    /// Bytes the field adds to a hotkey's use of space.
    pub fn size(&self) -> u64 {
        let bytes = match self {
            Self::None => 0,
            Self::Short(bytes) => bytes.len(),
            Self::Hash(..) => 32,
            Self::Long(bytes) => bytes.len(),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Encode for Data {
    fn encode_to<T: Output + ?Sized>(&self, output: &mut T) {
        match self {
            Self::None => output.push_byte(0),
            Self::Short(bytes) => {
                let length = u8::try_from(bytes.len()).expect("a short field is at most 128 bytes");
                output.push_byte(FIRST_SHORT + length);
                output.write(bytes);
            }
            Self::Hash(function, hash) => {
                output.push_byte(FIRST_HASH + function);
                output.write(hash);
            }
            Self::Long(bytes) => {
                output.push_byte(LONG);
                bytes.encode_to(output);
            }
        }
    }
}

impl Decode for Data {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        match input.read_byte()? {
            0 => Ok(Self::None),
            variant @ FIRST_SHORT..=LAST_SHORT => {
                let mut bytes = vec![0; usize::from(variant - FIRST_SHORT)];
                input.read(&mut bytes)?;
                let bytes = BoundedVec::try_from(bytes)
                    .map_err(|_| Error::from("a short field is at most 128 bytes"))?;
                Ok(Self::Short(bytes))
            }
            variant @ FIRST_HASH..=LAST_HASH => {
                Ok(Self::Hash(variant - FIRST_HASH, <[u8; 32]>::decode(input)?))
            }
            LONG => Ok(Self::Long(BoundedVec::decode(input)?)),
            _ => Err("unknown kind of commitment field".into()),
        }
    }
}

impl DecodeWithMemTracking for Data {}

impl MaxEncodedLen for Data {
    fn max_encoded_len() -> usize {
        1 + BoundedVec::<u8, ConstU32<LONG_BYTES_MAX>>::max_encoded_len()
    }
}

impl TypeInfo for Data {
    type Identity = Self;

    fn type_info() -> Type {
        let mut variants = Variants::new().variant_unit("None", 0);
        macro_rules! short {
            ($($length:literal)*) => {
                $(variants = variants.variant(concat!("Raw", $length), |variant| {
                    variant
                        .index(FIRST_SHORT + $length)
                        .fields(Fields::unnamed().field(|field| field.ty::<[u8; $length]>()))
                });)*
            };
        }
        short!(
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
            33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62
            63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92
            93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116
            117 118 119 120 121 122 123 124 125 126 127 128
        );
        for (place, name) in (0..).zip(HASHES) {
            variants = variants.variant(name, |variant| {
                variant
                    .index(FIRST_HASH + place)
                    .fields(Fields::unnamed().field(|field| field.ty::<[u8; 32]>()))
            });
        }
        variants = variants.variant("BigRaw", |variant| {
            let bytes = Fields::unnamed()
                .field(|field| field.ty::<BoundedVec<u8, ConstU32<LONG_BYTES_MAX>>>());
            variant.index(LONG).fields(bytes)
        });
        Type::builder()
            .path(Path::new("Data", module_path!()))
            .variant(variants)
    }
}
