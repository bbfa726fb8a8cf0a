//! The stored form of an entry: one format for every store.
//!
//! A record has a version and a checksum, and names its document. So a record that is damaged,
//! belongs to another key or has a later version is an [`Error`], never a wrong answer. A body with
//! a gzip form is stored in that form, and decoding restores both. A record does not contain a
//! remembered failure, which is useless after a restart.
//!
//! ```text
//! 0   "svm"            3 bytes
//! 3   version          1 byte
//! 4   header length    u32, the bytes from 24 up to the body
//! 8   checksum         16 bytes of SHA-256 over bytes 0..8, the header, and the SHA-256 of the
//!                      body as it is stored
//! 24  checked_at       u64, milliseconds since the epoch; these two stay here in every version
//! 32  keep_until       u64
//! 40  fetched_at u64, expires_at u64, status u16, token (0 | 1 u64), URL, ETag and Last-Modified
//!     (0 | 1 u32 bytes), length of the body as it is stored u64
//!     from version 2 on: fully_checked_at u64, ETag by the rule (0 | 1), moved (0 | 1 URL, u64)
//!     from version 3 on: coding (0 raw | 1 gzip: length of the bytes u64, tag 16 bytes)
//!     from version 4 on: links (0 unknown | 1: to the pages prev, next, last and first, 0 | 1 URL
//!     each)
//!     from version 5 on: Deprecation and Sunset (0 | 1 u32 bytes)
//!     body             to the end, in its coding
//! ```
//!
//! All numbers are little-endian. The subtle thing is how the format grows: a later version appends
//! fields to the header, raises the version byte, and reads a shorter header of an earlier version
//! with the new fields absent. Nothing before the appended fields ever moves.
//!
//! The entity tag follows from the bytes. A record with a gzip form stores the tag too, because
//! hashing the inflated bytes takes longer than inflating them. The checksum covers both, so the
//! tag belongs to this form.

mod wire;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::StatusCode;
use sha2::{Digest, Sha256};

use self::wire::RecordReader;
use crate::clock::Timestamp;
use crate::entry::{
    Body, EntityTag, Entry, Extras, LARGEST_PERSISTED_BODY, Links, Moved, Notices, Persisted,
    Relation, Times, Validators,
};
use crate::gzip;
use crate::secret::Fingerprint;
use crate::target::Key;

const MAGIC: &[u8; 3] = b"svm";
const VERSION: u8 = 5;
/// The first bytes of a record of this version.
pub(super) const BEGINNING: &[u8; 4] = &[MAGIC[0], MAGIC[1], MAGIC[2], VERSION];
const NO_NOTICES: Notices = Notices { deprecation: None, sunset: None };
const CHECKSUM: std::ops::Range<usize> = 8..24;
const HEADER_START: usize = CHECKSUM.end;
/// The length of the part that is the same in every version.
const LEAST: usize = HEADER_START + 16;

/// The reason why bytes are not the requested record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes never were a record.
    #[error("not a record")]
    NotARecord,
    /// A later version of svm wrote the record.
    #[error("a record of version {0}, later than this program knows")]
    LaterVersion(u8),
    /// The record ends too early.
    #[error("the record is cut short")]
    Truncated,
    /// The bytes have changed since they were written.
    #[error("the record does not match its checksum")]
    Damaged,
    /// A field is invalid, although the bytes are as they were written.
    #[error("the record's {0} cannot be read")]
    Malformed(&'static str),
    /// The record belongs to another document.
    #[error("the record belongs to another document")]
    Foreign,
    /// The value is longer than any record.
    #[error("longer than any record")]
    TooLarge,
}

/// The fields of a record that can be read without verifying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// The time at which the upstream last confirmed the body.
    pub checked_at: Timestamp,
    /// The time from which on a sweep may remove the record.
    pub keep_until: Timestamp,
}

/// Returns the record of an entry that is kept until the given time. Makes the gzip form of the
/// body if it does not exist yet.
pub fn encode(entry: &Entry, keep_until: Timestamp) -> Vec<u8> {
    let form = entry.body.gzip_or_make();
    let stored = form.unwrap_or(entry.body.bytes());
    let mut record = Vec::with_capacity(184 + entry.url.len() + stored.len());
    record.extend_from_slice(MAGIC);
    record.push(VERSION);
    record.resize(HEADER_START, 0);
    write_header(&mut record, entry, keep_until, stored.len());
    record.push(u8::from(form.is_some()));
    if form.is_some() {
        record.extend_from_slice(&(entry.body.len() as u64).to_le_bytes());
        record.extend_from_slice(&entry.body.tag().to_bits());
    }
    let links = entry.extras.links();
    record.push(u8::from(!entry.extras.lacks_links()));
    let relations: &[_] = if entry.extras.lacks_links() { &[] } else { &Relation::ALL };
    for relation in relations {
        wire::put_optional_text(&mut record, links.and_then(|links| links.url(*relation)));
    }
    let notices = entry.extras.notices();
    let Notices { deprecation, sunset } = notices.unwrap_or(&NO_NOTICES);
    wire::put_optional_text(&mut record, deprecation.as_deref());
    wire::put_optional_text(&mut record, sunset.as_deref());

    let length = u32::try_from(record.len() - HEADER_START).expect("a header is far below 4 GiB");
    record[4..8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&record, &Sha256::digest(stored).into());
    record[CHECKSUM].copy_from_slice(&sum);
    record.extend_from_slice(stored);
    record
}

/// Writes the fields of versions 1 and 2.
fn write_header(record: &mut Vec<u8>, entry: &Entry, keep_until: Timestamp, stored: usize) {
    wire::put_time(record, entry.times.checked_at);
    wire::put_time(record, keep_until);
    wire::put_time(record, entry.times.fetched_at);
    wire::put_time(record, entry.times.expires_at);
    record.extend_from_slice(&entry.status.as_u16().to_le_bytes());
    wire::put_optional(record, entry.token.map(|token| token.to_bits().to_le_bytes()));
    wire::put_text(record, &entry.url);
    wire::put_optional_text(record, entry.validators.etag.as_deref());
    wire::put_optional_text(record, entry.validators.last_modified.as_deref());
    record.extend_from_slice(&(stored as u64).to_le_bytes());
    wire::put_time(record, entry.times.fully_checked_at);
    record.push(u8::from(entry.validators.follows_rule));
    let moved = entry.extras.moved();
    record.push(u8::from(moved.is_some()));
    if let Some(moved) = moved {
        wire::put_text(record, &moved.to);
        wire::put_time(record, moved.seen_at);
    }
}

/// Verifies the record of `key` and returns its entry. The stored form of the body shares the bytes
/// of the record. Inflating a mebibyte takes up to some milliseconds; [`body_length`] returns the
/// length in advance.
///
/// # Errors
///
/// The first [`Error`] that applies.
pub fn decode(key: Key, record: &Bytes) -> Result<Entry, Error> {
    let version = version(record)?;
    let body_start = body_start(record)?;
    let (head, body) = record.split_at(body_start);
    let digest = Sha256::digest(body).into();
    if record[CHECKSUM] != checksum(head, &digest) {
        return Err(Error::Damaged);
    }

    let fields = read_fields(version, &head[HEADER_START..])?;
    if fields.body_length != body.len() as u64 {
        return Err(Error::Malformed("body length"));
    }
    if Key::of(&fields.url) != key {
        return Err(Error::Foreign);
    }
    let stored = record.slice(body_start..);
    let body = match fields.coding {
        StoredCoding::Unsaid => Body::with_digest(stored, &digest),
        StoredCoding::Raw => Body::with_form(stored, EntityTag::of_digest(&digest), None),
        StoredCoding::Gzip { length, tag } => {
            let bytes = inflated(&stored, length).ok_or(Error::Malformed("gzip form"))?;
            Body::with_form(bytes.into(), tag, Some(stored))
        }
    };
    let extras = Extras::new(fields.moved, None).with_notices(fields.notices);
    let extras = match fields.links {
        Some(links) => extras.with_links(links),
        // Only an array has other pages.
        None if body.starts_with(b"[") => extras.lacking_links(),
        None => extras,
    };
    Ok(Entry {
        url: fields.url,
        status: fields.status,
        body,
        validators: fields.validators,
        token: fields.token,
        times: fields.times,
        has_adopted_check: false,
        persisted: Persisted::until(fields.times.expires_at),
        extras,
    })
}

/// Inflates a gzip form. Rejects a form that is not shorter than its bytes: svm never writes one,
/// and the saving of a form must not be negative.
fn inflated(form: &[u8], length: usize) -> Option<Vec<u8>> {
    if form.len() < length { gzip::inflate(form, length) } else { None }
}

/// Returns the length of the body in bytes, as the header of a record claims it, without verifying
/// the record. Returns 0 if the header cannot be read.
pub fn body_length(record: &[u8]) -> usize {
    let fields = version(record).and_then(|version| {
        let head = record.get(HEADER_START..body_start(record)?).ok_or(Error::Truncated)?;
        read_fields(version, head)
    });
    match fields {
        Ok(RecordFields { coding: StoredCoding::Gzip { length, .. }, .. }) => length,
        Ok(fields) => usize::try_from(fields.body_length).unwrap_or(usize::MAX),
        Err(_) => 0,
    }
}

/// Reads the fields that decide about replacing and sweeping a record. Reads its first 40 bytes and
/// verifies nothing.
///
/// # Errors
///
/// [`Error::NotARecord`], [`Error::LaterVersion`] or [`Error::Truncated`].
pub fn peek(record: &[u8]) -> Result<Peek, Error> {
    version(record)?;
    let mut reader = RecordReader::new(record.get(HEADER_START..).ok_or(Error::Truncated)?);
    Ok(Peek {
        checked_at: reader.time().ok_or(Error::Truncated)?,
        keep_until: reader.time().ok_or(Error::Truncated)?,
    })
}

/// Returns the version of a record, if this program can read it and the first 40 bytes exist.
fn version(record: &[u8]) -> Result<u8, Error> {
    if !record.starts_with(MAGIC) {
        return Err(Error::NotARecord);
    }
    match record.get(MAGIC.len()) {
        Some(0) => Err(Error::NotARecord),
        Some(&version @ 1..=VERSION) if record.len() >= LEAST => Ok(version),
        Some(1..=VERSION) | None => Err(Error::Truncated),
        Some(&version) => Err(Error::LaterVersion(version)),
    }
}

/// Returns true if a change with a check at `as_of` replaces a stored record. It does if the record
/// was not checked later, if a clock that was ahead dated it, or if this version cannot read it.
pub fn gives_way(stored: &[u8], as_of: Timestamp, now: Timestamp) -> bool {
    peek(stored).map_or(true, |stored| is_no_newer(stored.checked_at, as_of, now))
}

/// Returns true if `checked_at` is no later than `as_of`, or in the future. One process writes the
/// store, by one clock; for that of several replicas, see `redis/common.lua`.
pub fn is_no_newer(checked_at: Timestamp, as_of: Timestamp, now: Timestamp) -> bool {
    checked_at <= as_of || checked_at > now
}

fn body_start(record: &[u8]) -> Result<usize, Error> {
    let length = record[4..8].try_into().map(u32::from_le_bytes).map_err(|_| Error::Truncated)?;
    let start = HEADER_START + usize::try_from(length).map_err(|_| Error::Truncated)?;
    if start > record.len() { Err(Error::Truncated) } else { Ok(start) }
}

/// Returns the checksum of a record. It covers the digest of the stored body, which also gives the
/// entity tag of a raw body, so one pass over the body is enough.
fn checksum(head: &[u8], body_digest: &[u8; 32]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(&head[..CHECKSUM.start])
        .chain_update(&head[HEADER_START..])
        .chain_update(body_digest)
        .finalize()
        .into();
    let mut sum = [0; 16];
    sum.copy_from_slice(&digest[..16]);
    sum
}

struct RecordFields {
    times: Times,
    status: StatusCode,
    token: Option<Fingerprint>,
    url: Box<str>,
    validators: Validators,
    moved: Option<Moved>,
    body_length: u64,
    coding: StoredCoding,
    /// `None` if they are unknown, as in a record of an earlier version.
    links: Option<Links>,
    notices: Notices,
}

/// The form in which a body is stored.
enum StoredCoding {
    /// Raw, written by a version without gzip forms.
    Unsaid,
    /// Raw: the body is small, or a gzip form would save too little.
    Raw,
    /// The gzip form.
    Gzip {
        /// The length of the inflated bytes.
        length: usize,
        /// The entity tag of the inflated bytes.
        tag: EntityTag,
    },
}

fn read_fields(version: u8, header: &[u8]) -> Result<RecordFields, Error> {
    let mut reader = RecordReader::new(header);
    let mut time = |name| reader.time().ok_or(Error::Malformed(name));
    let checked_at = time("check time")?;
    let _keep_until = time("keeping time")?;
    let (fetched_at, expires_at) = (time("fetch time")?, time("expiry time")?);
    let mut fields = RecordFields {
        // A program that wrote version 1 made full checks only.
        times: Times { fetched_at, checked_at, fully_checked_at: checked_at, expires_at },
        status: read_status(&mut reader).ok_or(Error::Malformed("status"))?,
        token: read_token(&mut reader).ok_or(Error::Malformed("token fingerprint"))?,
        url: reader.text().ok_or(Error::Malformed("URL"))?,
        validators: Validators {
            etag: reader.optional_text().ok_or(Error::Malformed("ETag"))?,
            last_modified: reader.optional_text().ok_or(Error::Malformed("Last-Modified"))?,
            follows_rule: false,
        },
        moved: None,
        body_length: reader.u64().ok_or(Error::Malformed("body length"))?,
        coding: StoredCoding::Unsaid,
        links: None,
        notices: Notices::default(),
    };
    if version >= 2 {
        fields.times.fully_checked_at =
            reader.time().ok_or(Error::Malformed("time of the full check"))?;
        let follows_rule = reader.presence().ok_or(Error::Malformed("rule of the ETag"))?;
        fields.validators.follows_rule = follows_rule;
        fields.moved = read_moved(&mut reader).ok_or(Error::Malformed("redirect"))?;
    }
    if version >= 3 {
        fields.coding = read_coding(&mut reader).ok_or(Error::Malformed("coding"))?;
    }
    if version >= 4 {
        fields.links = read_links(&mut reader).ok_or(Error::Malformed("link"))?;
    }
    if version >= 5 {
        fields.notices = read_notices(&mut reader).ok_or(Error::Malformed("notice"))?;
    }
    if reader.is_empty() { Ok(fields) } else { Err(Error::Malformed("header length")) }
}

fn read_status(reader: &mut RecordReader<'_>) -> Option<StatusCode> {
    StatusCode::from_u16(reader.u16()?).ok()
}

fn read_token(reader: &mut RecordReader<'_>) -> Option<Option<Fingerprint>> {
    if reader.presence()? { Some(Some(Fingerprint::from_bits(reader.u64()?))) } else { Some(None) }
}

fn read_moved(reader: &mut RecordReader<'_>) -> Option<Option<Moved>> {
    if reader.presence()? {
        Some(Some(Moved { to: reader.text()?, seen_at: reader.time()? }))
    } else {
        Some(None)
    }
}

fn read_links(reader: &mut RecordReader<'_>) -> Option<Option<Links>> {
    if !reader.presence()? {
        return Some(None);
    }
    let mut urls = [const { None }; Relation::ALL.len()];
    for url in &mut urls {
        *url = reader.optional_text()?;
    }
    Some(Some(Links::from_urls(urls)))
}

fn read_notices(reader: &mut RecordReader<'_>) -> Option<Notices> {
    Some(Notices { deprecation: reader.optional_text()?, sunset: reader.optional_text()? })
}

/// Reads the coding. Rejects a length that no body has: inflating reserves memory for it.
fn read_coding(reader: &mut RecordReader<'_>) -> Option<StoredCoding> {
    if !reader.presence()? {
        return Some(StoredCoding::Raw);
    }
    let length = usize::try_from(reader.u64()?).ok()?;
    let tag = EntityTag::from_bits(reader.array()?);
    (length <= LARGEST_PERSISTED_BODY).then_some(StoredCoding::Gzip { length, tag })
}
