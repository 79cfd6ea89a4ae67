//! The envelope: who asks whom, until when, signed together with what is asked.
//!
//! It travels in HTTP headers, so that the body is OpenAI's and nothing else:
//!
//! | header | value |
//! |---|---|
//! | `stoa-version` | `1` |
//! | `stoa-signer` | SS58 address of the asker's hotkey |
//! | `stoa-audience` | SS58 address of the miner's hotkey |
//! | `stoa-netuid` | number of the subnet, decimal |
//! | `stoa-nonce` | 16 random bytes, 32 hex digits |
//! | `stoa-expires` | Unix milliseconds, decimal |
//! | `stoa-signature` | sr25519, 128 hex digits |
//!
//! # The rule
//!
//! The signed bytes are `"stoa-request-v1" ‖ 0x00 ‖ terms`, where the terms are fixed in place and length (integers
//! little-endian), 123 bytes:
//!
//! ```text
//! signer 32 ‖ audience 32 ‖ netuid 2 ‖ route 1 ‖ nonce 16 ‖ expires_ms 8 ‖ blake2b-256(body) 32
//! ```
//!
//! The request is named everywhere by `blake2b-256(terms)`. A miner checks, in this order and cheapest first: that it is
//! the audience, on this subnet; that `now ≤ expires ≤ now + 60 s`; that the signer is permitted; the signature; and
//! that the nonce is new.
//!
//! # What always holds
//!
//! * Changing any bit of a header's meaning, of the route or of the body breaks the signature.
//! * An envelope for one miner is worthless at another.
//! * The body's hash is computed by whoever checks, never read from the wire.

use std::fmt;

use keys::{Domain, Pair, Signature};
use primitives::{Hotkey, NetUid};

use crate::{Code, Digest, EXPIRY_MS_MAX, Refusal, Route};

const REQUEST: Domain = Domain::new("stoa-request-v1");
const VERSION: &str = "1";

/// The names of the headers, in the order of [`Envelope::headers`].
pub const HEADERS: [&str; 7] = [
    "stoa-version",
    "stoa-signer",
    "stoa-audience",
    "stoa-netuid",
    "stoa-nonce",
    "stoa-expires",
    "stoa-signature",
];

/// Sixteen bytes drawn at random for each request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 16]);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an asker commits to besides the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The hotkey of the miner asked.
    pub audience: Hotkey,
    /// The subnet.
    pub netuid: NetUid,
    /// Drawn at random, never used twice.
    pub nonce: Nonce,
    /// Unix milliseconds after which nobody need answer.
    pub expires_ms: u64,
}

/// The signed terms of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The hotkey of the asker.
    pub signer: Hotkey,
    /// What it commits to.
    pub terms: Terms,
    /// Over the terms, the route and the hash of the body.
    pub signature: Signature,
}

impl Envelope {
    /// Signs a request.
    pub fn seal(pair: &Pair, terms: Terms, route: Route, body: &[u8]) -> Self {
        let signer = pair.account();
        let signature = pair.sign(REQUEST, &encode(&signer, &terms, route, body));
        Self {
            signer,
            terms,
            signature,
        }
    }

    /// The name of the request: what its receipt refers to.
    pub fn request_hash(&self, route: Route, body: &[u8]) -> Digest {
        Digest::of(&encode(&self.signer, &self.terms, route, body))
    }

    /// Checks what needs no arithmetic: addressed to this miner, on this subnet, at this time.
    ///
    /// # Errors
    ///
    /// [`Code::WrongAudience`], [`Code::Expired`].
    pub fn check_terms(
        &self,
        audience: Hotkey,
        netuid: NetUid,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let terms = &self.terms;
        if terms.audience != audience {
            let message = format!(
                "this miner is {audience}; the envelope is for {}",
                terms.audience
            );
            return Err(Refusal::new(Code::WrongAudience, message));
        }
        if terms.netuid != netuid {
            let message = format!(
                "this miner serves subnet {netuid}; the envelope is for {}",
                terms.netuid
            );
            return Err(Refusal::new(Code::WrongAudience, message));
        }
        if terms.expires_ms < now_ms {
            let late_ms = now_ms - terms.expires_ms;
            let message = format!("the envelope expired {late_ms} ms ago by this miner's clock");
            return Err(Refusal::new(Code::Expired, message));
        }
        let ahead_ms = terms.expires_ms - now_ms;
        if EXPIRY_MS_MAX < ahead_ms {
            let message = format!(
                "the envelope expires {ahead_ms} ms ahead; at most {EXPIRY_MS_MAX} is accepted"
            );
            return Err(Refusal::new(Code::Expired, message));
        }
        Ok(())
    }

    /// Checks the signature and returns the request's name.
    ///
    /// # Errors
    ///
    /// [`Code::BadSignature`].
    pub fn check_signature(&self, route: Route, body: &[u8]) -> Result<Digest, Refusal> {
        let terms = encode(&self.signer, &self.terms, route, body);
        if keys::verify(&self.signer, REQUEST, &terms, &self.signature) {
            return Ok(Digest::of(&terms));
        }
        let message =
            "the signature does not fit signer, audience, subnet, route, nonce, expiry and body";
        Err(Refusal::new(Code::BadSignature, message))
    }

    /// The headers to send.
    pub fn headers(&self) -> [(&'static str, String); 7] {
        let values = [
            VERSION.to_owned(),
            self.signer.to_ss58(),
            self.terms.audience.to_ss58(),
            self.terms.netuid.to_string(),
            self.terms.nonce.to_string(),
            self.terms.expires_ms.to_string(),
            self.signature.to_string(),
        ];
        let mut values = values.into_iter();
        HEADERS.map(|name| (name, values.next().expect("as many values as names")))
    }

    /// Reads the headers received, through a function that finds one by name.
    ///
    /// # Errors
    ///
    /// [`Code::BadEnvelope`] naming the header that is missing or malformed.
    pub fn from_headers<'a>(find: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Refusal> {
        let header = |name: &'static str| {
            find(name).ok_or_else(|| {
                Refusal::new(Code::BadEnvelope, format!("the header {name} is missing"))
            })
        };
        let malformed = |name: &str, expected: &str| {
            Refusal::new(
                Code::BadEnvelope,
                format!("the header {name} is not {expected}"),
            )
        };
        let address = |name: &'static str| -> Result<Hotkey, Refusal> {
            header(name)?
                .parse()
                .map_err(|_| malformed(name, "an SS58 address with prefix 42"))
        };
        if header("stoa-version")? != VERSION {
            return Err(malformed("stoa-version", "1, the only version there is"));
        }
        let signer = address("stoa-signer")?;
        let audience = address("stoa-audience")?;
        let netuid = decimal(header("stoa-netuid")?)
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| malformed("stoa-netuid", "a subnet's number"))?;
        let mut nonce = [0; 16];
        hex::decode_to_slice(header("stoa-nonce")?, &mut nonce)
            .map_err(|_| malformed("stoa-nonce", "32 hex digits"))?;
        let expires_ms = decimal(header("stoa-expires")?)
            .ok_or_else(|| malformed("stoa-expires", "a time in Unix milliseconds"))?;
        let signature = Signature::from_hex(header("stoa-signature")?)
            .ok_or_else(|| malformed("stoa-signature", "128 hex digits"))?;
        let terms = Terms {
            audience,
            netuid: NetUid(netuid),
            nonce: Nonce(nonce),
            expires_ms,
        };
        Ok(Self {
            signer,
            terms,
            signature,
        })
    }
}

/// Plain digits only: `u64::from_str` would also take a plus sign.
fn decimal(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { text.parse().ok() } else { None }
}

fn encode(signer: &Hotkey, terms: &Terms, route: Route, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(123);
    bytes.extend_from_slice(signer.as_bytes());
    bytes.extend_from_slice(terms.audience.as_bytes());
    bytes.extend_from_slice(&terms.netuid.0.to_le_bytes());
    bytes.push(route.number());
    bytes.extend_from_slice(&terms.nonce.0);
    bytes.extend_from_slice(&terms.expires_ms.to_le_bytes());
    bytes.extend_from_slice(&Digest::of(body).0);
    bytes
}
