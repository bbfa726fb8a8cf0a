//! A property of the stored form of an entry.

use bytes::Bytes;
use http::StatusCode;
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::entry::{Body, Entry, Extras, Moved, Persisted, Times, Validators};
use crate::gzip::inflate;
use crate::secret::Fingerprint;
use crate::store::record::{decode, encode, gives_way, peek};
use crate::target::Key;

/// The position of the fields that the header of every version has; see the format.
const HEADER: usize = 24;
const URL: usize = HEADER + 8 + 8 + 8 + 8 + 2;

/// Chooses a test by the first byte: the rest is a record as it is, a record whose checksum is
/// corrected first, or the fields of an entry.
pub fn record(data: &[u8]) {
    match data.split_first() {
        Some((0, record)) => assert_miss_or_true(&Bytes::copy_from_slice(record)),
        Some((1, record)) => assert_miss_or_true(&sealed(record)),
        Some((_, fields)) => assert_round_trip(&mut FuzzedFields(fields)),
        None => {}
    }
}

/// Checks that a record is either unreadable or an undamaged entry for this key, which can be
/// written and read again.
fn assert_miss_or_true(record: &Bytes) {
    let key = Key::of(&url(record).unwrap_or_default());
    let _seen = (peek(record), gives_way(record, Timestamp::from_secs(1), Timestamp::from_secs(2)));
    let Ok(entry) = decode(key, record) else { return };
    assert_eq!(entry.key(), key);
    assert_eq!(sealed(record), record);
    let form = entry.body.gzip().filter(|form| record.ends_with(form));
    match form {
        Some(form) => assert_eq!(inflate(form, entry.body.len()).as_deref(), Some(&*entry.body)),
        None => assert_eq!(entry.body, Body::from(entry.body.bytes().clone())),
    }
    assert!(record.ends_with(form.unwrap_or(entry.body.bytes())));
    let keep_until = peek(record).expect("what is decoded can be peeked at").keep_until;
    assert_eq!(decode(key, &encode(&entry, keep_until).into()).as_ref(), Ok(&entry));
    assert!(decode(Key::of("https://another.example/"), record).is_err());
}

/// Checks that a written record can be read for its own key, and no more after one bit has changed.
fn assert_round_trip(fields: &mut FuzzedFields<'_>) {
    let (entry, keep_until, flip) = (fields.entry(), fields.time(), fields.number());
    let mut record = encode(&entry, keep_until);
    let read = decode(entry.key(), &Bytes::copy_from_slice(&record));
    assert_eq!(read.as_ref(), Ok(&entry));
    assert_eq!(read.ok().as_ref().and_then(|read| read.body.gzip()), entry.body.gzip());
    let seen = peek(&record).expect("it can be peeked at");
    assert_eq!((seen.checked_at, seen.keep_until), (entry.times.checked_at, keep_until));

    let bit = usize::try_from(flip).unwrap_or_default() % (record.len() * 8);
    record[bit / 8] ^= 1 << (bit % 8);
    assert!(decode(entry.key(), &record.into()).is_err(), "bit {bit}");
}

/// Returns the record with the correct checksum of its bytes, by the format.
fn sealed(record: &[u8]) -> Bytes {
    let mut record = record.to_vec();
    if let Some(header) = header_length(&record).filter(|end| *end <= record.len()) {
        let body = Sha256::digest(&record[header..]);
        let sum = Sha256::new()
            .chain_update(&record[..8])
            .chain_update(&record[HEADER..header])
            .chain_update(body)
            .finalize();
        record[8..HEADER].copy_from_slice(&sum[..16]);
    }
    record.into()
}

/// Returns the length of a record's header, as the header states it.
fn header_length(record: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(record.get(4..8)?.try_into().ok()?);
    HEADER.checked_add(usize::try_from(length).ok()?)
}

/// Returns the URL of a record, by its position.
fn url(record: &[u8]) -> Option<String> {
    let token = if *record.get(URL)? == 0 { 1 } else { 9 };
    let (length, text) = record.get(URL + token..)?.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let text = text.get(..usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Bytes for the fields of an entry; after their end, every field is empty or zero.
struct FuzzedFields<'a>(&'a [u8]);

impl FuzzedFields<'_> {
    fn entry(&mut self) -> Entry {
        let mut times = || self.time();
        let times = Times {
            fetched_at: times(),
            checked_at: times(),
            fully_checked_at: times(),
            expires_at: times(),
        };
        let status = 100 + self.number() % 900;
        let validators = Validators {
            etag: self.optional(),
            last_modified: self.optional(),
            follows_rule: self.byte() & 1 == 1,
        };
        let (token, moved_to) = (self.number(), self.optional());
        let seen_at = self.time();
        let url = self.text();
        // Some of these bodies have a gzip form.
        let body = Bytes::from(self.0.repeat(1 + self.0.len() % 8));
        Entry {
            url,
            status: StatusCode::from_u16(u16::try_from(status).unwrap_or(200)).unwrap_or_default(),
            body: body.into(),
            validators,
            token: (token != 0).then(|| Fingerprint::from_bits(token)),
            times,
            has_adopted_check: false,
            persisted: Persisted::until(times.expires_at),
            extras: Extras::new(moved_to.map(|to| Moved { to, seen_at }), None),
        }
    }

    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_millis(self.number())
    }

    fn text(&mut self) -> Box<str> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into()
    }

    fn optional(&mut self) -> Option<Box<str>> {
        (self.byte() & 1 == 1).then(|| self.text())
    }
}
