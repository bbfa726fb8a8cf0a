//! The body of an entry: the upstream's bytes, their gzip form, and the entity tag of each.
//!
//! The gzip form follows from the bytes, so a body is logically unchanged when it gets one. It is
//! made once for all clones of the body, by the compressor or by the store that writes the record.
//! A small body never has one.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::gzip;
use crate::hex;

/// The largest body without a gzip form, in bytes: it fits into one packet uncompressed.
pub const LARGEST_UNCOMPRESSED: usize = 1024;

/// The size of the slot for a form, with the header of its buffer.
const FORM_BOOKKEEPING: usize = 128;

/// The upstream's bytes with their entity tag; clones share the bytes and the gzip form.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Bytes,
    tag: EntityTag,
    /// Empty until the form is made. Then it holds the form, or `None` if that would save too
    /// little.
    gzip: Option<Arc<OnceLock<Option<Bytes>>>>,
}

/// A content coding in which a body can be sent (RFC 9110, 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// The unchanged bytes.
    Identity,
    /// Their gzip form.
    Gzip,
}

/// The strong entity tag of a body (RFC 9110, 8.8.3): 128 bits of its SHA-256, shown as hex digits
/// in quotes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntityTag([u8; 16]);

impl Body {
    /// Creates a body from bytes with a known SHA-256, without a gzip form.
    pub fn with_digest(bytes: Bytes, digest: &[u8; 32]) -> Self {
        let gzip = (bytes.len() > LARGEST_UNCOMPRESSED).then(Arc::default);
        Self { bytes, tag: EntityTag::of_digest(digest), gzip }
    }

    /// Creates a body with a known tag and a known gzip form; `None` means that a form saves too
    /// little. The form must be shorter than the bytes.
    pub fn with_form(bytes: Bytes, tag: EntityTag, form: Option<Bytes>) -> Self {
        let has_place = form.is_some() || bytes.len() > LARGEST_UNCOMPRESSED;
        let gzip = has_place.then(|| Arc::new(OnceLock::from(form)));
        Self { bytes, tag, gzip }
    }

    /// Returns the upstream's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the tag of these bytes.
    pub fn tag(&self) -> EntityTag {
        self.tag
    }

    /// Returns the gzip form, if it exists.
    pub fn gzip(&self) -> Option<&Bytes> {
        self.gzip.as_ref()?.get()?.as_ref()
    }

    /// Returns the coding for a client that wants `wanted`, and the bytes in that coding.
    pub fn form(&self, wanted: Coding) -> (Coding, &Bytes) {
        match (wanted, self.gzip()) {
            (Coding::Gzip, Some(form)) => (Coding::Gzip, form),
            _ => (Coding::Identity, &self.bytes),
        }
    }

    /// Returns the bytes that a store keeps: the gzip form, or the body itself if a form saves too
    /// little. Returns `None` until that is known.
    pub fn stored(&self) -> Option<&Bytes> {
        (!self.awaits_gzip()).then(|| self.form(Coding::Gzip).1)
    }

    /// Returns true if the gzip form has yet to be made.
    pub fn awaits_gzip(&self) -> bool {
        self.gzip.as_ref().is_some_and(|form| form.get().is_none())
    }

    /// Returns the gzip form, and makes it first if necessary, which takes a millisecond per 200
    /// KB. Returns `None` if it saves too little.
    pub fn gzip_or_make(&self) -> Option<&Bytes> {
        let _made = self.make_gzip();
        self.gzip()
    }

    /// Makes the gzip form unless it was made; returns true if this call did.
    pub fn make_gzip(&self) -> bool {
        let mut made = false;
        if let Some(form) = &self.gzip {
            form.get_or_init(|| {
                made = true;
                worthwhile(&self.bytes)
            });
        }
        made
    }

    /// Returns the memory of bytes and form. Until the form is made, the largest form that would be
    /// kept counts, so the weight never grows.
    pub fn weight(&self) -> usize {
        let form = self.gzip.as_ref().map_or(0, |form| {
            let bytes = match form.get() {
                Some(form) => form.as_ref().map_or(0, Bytes::len),
                None => largest_form(self.bytes.len()),
            };
            bytes + FORM_BOOKKEEPING
        });
        self.bytes.len() + form
    }
}

/// Returns the gzip form of a body if it saves at least a tenth; less is not worth the memory and
/// the client's work.
fn worthwhile(bytes: &Bytes) -> Option<Bytes> {
    let form = gzip::compress(bytes);
    // A copy, since the allocator does not shrink a buffer of which half is in use.
    (form.len() <= largest_form(bytes.len())).then(|| Bytes::copy_from_slice(&form))
}

fn largest_form(length: usize) -> usize {
    length - length / 10
}

/// Equality of the bytes; the gzip form follows from them and does not count.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, self.tag) == (&other.bytes, other.tag)
    }
}

impl Eq for Body {}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self::with_digest(bytes, &digest)
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl EntityTag {
    /// Restores a tag from [`EntityTag::to_bits`].
    pub fn from_bits(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Returns the bits, as a record stores them.
    pub fn to_bits(self) -> [u8; 16] {
        self.0
    }

    /// Returns the tag of a body with a known SHA-256.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        Self(tag)
    }

    /// Formats the tag of the body in a coding. Strong tags of different bytes must differ. Two
    /// compressors would give one tag to different bytes; that does no harm as long as svm sends no
    /// ranges.
    pub fn to_text(self, coding: Coding) -> String {
        let end = match coding {
            Coding::Identity => "\"",
            Coding::Gzip => "-gzip\"",
        };
        let mut text = String::with_capacity(1 + 2 * self.0.len() + end.len());
        text.push('"');
        text.push_str(&hex::digits(&self.0));
        text.push_str(end);
        text
    }

    /// Returns the coding in which the body has this tag; `None` if the tag belongs to another
    /// body.
    pub fn coding_of(self, tag: &[u8]) -> Option<Coding> {
        let tag = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let (digits, word) = tag.split_at_checked(2 * self.0.len())?;
        let coding = match word {
            b"" => Coding::Identity,
            b"-gzip" => Coding::Gzip,
            _ => return None,
        };
        hex::each(&self.0).eq(digits.iter().copied()).then_some(coding)
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Coding::Identity))
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl EntityTag {
        /// Computes the tag of a body.
        pub(crate) fn of(body: &[u8]) -> Self {
            Self::of_digest(&Sha256::digest(body).into())
        }
    }

    #[test]
    fn the_tag_is_the_beginning_of_the_digest() {
        let body = Body::from(Bytes::from_static(b"{}"));
        assert_eq!(body.tag().to_string(), "\"44136fa355b3678a1146ad16f7e8649e\"");
        assert_eq!(Body::with_digest(body.bytes().clone(), &Sha256::digest(b"{}").into()), body);
        assert_eq!(EntityTag::from_bits(body.tag().to_bits()), body.tag());
        let of_form = body.tag().to_text(Coding::Gzip);
        assert_eq!(of_form, "\"44136fa355b3678a1146ad16f7e8649e-gzip\"");
        for coding in [Coding::Identity, Coding::Gzip] {
            let text = body.tag().to_text(coding);
            assert_eq!(body.tag().coding_of(text.as_bytes()), Some(coding));
            assert_eq!(EntityTag::of(b"[]").coding_of(text.as_bytes()), None);
        }
    }

    #[test]
    fn a_missing_form_is_replaced_by_the_bytes() {
        let body = Body::from(Bytes::from(vec![b'x'; 2_000]));
        assert_eq!(body.form(Coding::Gzip), (Coding::Identity, body.bytes()));
        let form = body.gzip_or_make().unwrap();
        assert_eq!(body.form(Coding::Gzip), (Coding::Gzip, form));
        assert_eq!(body.form(Coding::Identity), (Coding::Identity, body.bytes()));
    }

    #[test]
    fn a_body_of_a_kibibyte_has_no_form() {
        let body = Body::from(Bytes::from(vec![b'x'; LARGEST_UNCOMPRESSED]));
        assert!(!body.awaits_gzip());
        assert_eq!((body.gzip_or_make(), body.weight()), (None, LARGEST_UNCOMPRESSED));
    }

    #[test]
    fn the_form_is_made_once_for_all_clones() {
        let body = Body::from(Bytes::from(vec![b'x'; LARGEST_UNCOMPRESSED + 1]));
        let clone = body.clone();
        assert!(clone.awaits_gzip());
        assert_eq!(clone.gzip(), None);
        let made = body.gzip_or_make().unwrap();
        assert!(!clone.awaits_gzip());
        for form in [clone.gzip(), clone.gzip_or_make(), body.gzip_or_make()] {
            assert_eq!(form.unwrap().as_ptr(), made.as_ptr());
        }
        assert_eq!(gzip::inflate(made, body.len()).as_deref(), Some(&*body));
        assert_eq!(clone, Body::from(body.bytes().clone()), "equal, made or not");
    }

    #[test]
    fn a_form_that_saves_too_little_is_not_kept() {
        let mut random = fastrand::Rng::with_seed(6);
        let noise: Vec<_> = std::iter::repeat_with(|| random.u8(..)).take(9_000).collect();
        let body = Body::from(Bytes::from(noise));
        assert_eq!((body.gzip_or_make(), body.awaits_gzip()), (None, false));
        assert_eq!(body.weight(), body.len() + FORM_BOOKKEEPING);
    }

    #[test]
    fn the_weight_counts_the_form_and_never_grows_by_it() {
        let body = Body::from(Bytes::from("0123456789".repeat(1_000)));
        assert_eq!(body.weight(), 10_000 + 9_000 + FORM_BOOKKEEPING);
        let form = body.gzip_or_make().unwrap().len();
        assert_eq!(body.weight(), 10_000 + form + FORM_BOOKKEEPING);
    }

    #[test]
    fn small_bodies_pay_a_word_for_it() {
        let word = size_of::<usize>();
        assert_eq!(size_of::<Body>(), size_of::<Bytes>() + size_of::<EntityTag>() + word);
    }
}
