//! The laws of the format, and the golden records of this version.

use bytes::Bytes;
use http::StatusCode;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Error, Peek, body_length, decode, encode, gives_way, peek};
use crate::clock::Timestamp;
use crate::entry::{
    EntityTag, Entry, Extras, LARGEST_PERSISTED_BODY, Links, Moved, Notices, Persisted, Times,
    Validators,
};
use crate::gzip;
use crate::secret::Fingerprint;
use crate::target::Key;

mod golden;

/// The encoding of [`golden`] in version 5. It never changes: a later version adds a golden record
/// of its own.
const GOLDEN: &[u8] = include_bytes!("../../../testdata/records/v5-release.bin");
/// The encoding of [`golden_list`]: a body with a gzip form, links to other pages, and notices.
const GOLDEN_GZIP: &[u8] = include_bytes!("../../../testdata/records/v5-releases.bin");
/// The encoding of [`golden`] in version 2, which has neither gzip forms nor links.
const GOLDEN_V2: &[u8] = include_bytes!("../../../testdata/records/v2-release.bin");

const GOLDEN_BODY: &[u8] =
    br#"{"id":1,"tag_name":"v1.2.3","name":"Example 1.2.3","draft":false,"prerelease":false,"assets":[]}"#;

fn golden() -> (Entry, Timestamp) {
    let entry = Entry {
        url: "https://api.github.com/repos/example/tool/releases/latest".into(),
        status: StatusCode::OK,
        body: Bytes::from_static(GOLDEN_BODY).into(),
        validators: Validators {
            etag: Some(r#"W/"5f2c9a""#.into()),
            last_modified: Some("Wed, 01 Jan 2025 00:00:00 GMT".into()),
            follows_rule: true,
        },
        token: Some(Fingerprint::from_bits(0x0123_4567_89ab_cdef)),
        times: Times {
            fetched_at: Timestamp::from_secs(1_735_689_600),
            checked_at: Timestamp::from_secs(1_735_693_200),
            fully_checked_at: Timestamp::from_secs(1_735_692_600),
            expires_at: Timestamp::from_secs(1_735_779_600),
        },
        has_adopted_check: false,
        persisted: Persisted::until(Timestamp::from_secs(1_735_779_600)),
        extras: Extras::new(
            Some(Moved {
                to: "https://api.github.com/repositories/17/releases/latest".into(),
                seen_at: Timestamp::from_secs(1_735_691_400),
            }),
            None,
        ),
    };
    (entry, Timestamp::from_secs(1_735_866_000))
}

fn notices() -> Notices {
    Notices {
        deprecation: Some("@1741564800".into()),
        sunset: Some("Fri, 10 Mar 2028 00:00:00 GMT".into()),
    }
}

/// Returns the entry of the second golden record: a list of releases.
fn golden_list() -> (Entry, Timestamp) {
    let (entry, keep_until) = golden();
    let list = vec![GOLDEN_BODY; 20].join(&b","[..]);
    let body = Bytes::from([&b"["[..], &list, b"]"].concat());
    let url = |page: u32| format!("https://api.github.com/repositories/17/releases?page={page}");
    let links = [None, Some(2), Some(9), None].map(|page| page.map(|page| url(page).into()));
    let extras = entry.extras.clone().with_links(Links::from_urls(links));
    let extras = extras.with_notices(notices());
    (Entry { body: body.into(), extras, ..entry }, keep_until)
}

fn sealed(mut record: Vec<u8>) -> Bytes {
    let start = super::body_start(&record).unwrap();
    let digest = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        &record[start..],
    ));
    let sum = super::checksum(&record[..start], &digest.into());
    record[super::CHECKSUM].copy_from_slice(&sum);
    record.into()
}

fn reseal_header(entry: &Entry, change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut record = encode(entry, Timestamp::default());
    let body = record.split_off(super::body_start(&record).unwrap());
    change(&mut record);
    let length = u32::try_from(record.len() - super::HEADER_START).unwrap();
    record[4..8].copy_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&body);
    sealed(record)
}

#[test]
fn the_body_is_a_slice_of_the_record() {
    let (entry, keep_until) = golden();
    let record = Bytes::from(encode(&entry, keep_until));
    let body = decode(entry.key(), &record).unwrap().body;
    assert!(record.as_ptr_range().contains(&body.as_ptr()));
}

#[test]
fn a_compressed_body_is_stored_so_and_any_other_raw() {
    let (list, keep_until) = golden_list();
    let record = encode(&list, keep_until);
    assert!(record.len() < list.body.len() / 2, "{} bytes", record.len());
    assert!(record.ends_with(list.body.gzip().unwrap()));

    let body = Bytes::from(noise(5_000));
    let noisy = Entry { body: body.clone().into(), ..list };
    let record = encode(&noisy, keep_until);
    assert!(record.ends_with(&body));
    let read = decode(noisy.key(), &record.into()).unwrap();
    assert!(!read.body.awaits_gzip(), "that it saves too little is known");
    assert_eq!((read.body.gzip(), read.body.tag()), (None, EntityTag::of(&body)));
}

#[test]
fn a_record_of_an_earlier_version_awaits_its_form() {
    let (list, _) = golden_list();
    // A body that is large enough for a form, behind the header of version 2.
    let head = GOLDEN_V2.strip_suffix(GOLDEN_BODY).unwrap();
    let mut record = [head, &list.body].concat();
    record[V2_FIELDS - 8..][..8].copy_from_slice(&(list.body.len() as u64).to_le_bytes());
    let read = decode(list.key(), &sealed(record)).unwrap();
    assert_eq!(read, Entry { extras: golden().0.extras.lacking_links(), ..list });
    assert!(read.body.awaits_gzip());
}

#[test]
fn the_largest_body_is_stored_and_one_byte_more_is_malformed() {
    let (list, keep_until) = golden_list();
    let recorded = |length: usize| {
        let entry = Entry { body: Bytes::from(vec![b' '; length]).into(), ..list.clone() };
        let record = Bytes::from(encode(&entry, keep_until));
        assert_eq!(body_length(&record), if entry.is_persistable() { length } else { 0 });
        (decode(entry.key(), &record), entry)
    };
    let (read, largest) = recorded(LARGEST_PERSISTED_BODY);
    assert_eq!(read, Ok(largest));
    let (read, _) = recorded(LARGEST_PERSISTED_BODY + 1);
    assert_eq!(read, Err(Error::Malformed("coding")));
}

#[test]
fn the_length_of_a_body_is_told_before_it_is_inflated() {
    for (entry, keep_until) in [golden(), golden_list()] {
        let record = encode(&entry, keep_until);
        assert_eq!(body_length(&record), entry.body.len());
        assert_eq!(body_length(&record[..super::HEADER_START]), 0);
    }
    assert_eq!(body_length(GOLDEN_V2), GOLDEN_BODY.len());
    assert_eq!(body_length(b"svm"), 0);
}

#[test]
fn a_form_that_is_not_what_the_header_says_is_malformed() {
    let (list, _) = golden_list();
    let check = |name, change: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)| {
        let mut header = encode(&list, Timestamp::default());
        let mut form = header.split_off(super::body_start(&header).unwrap());
        change(&mut header, &mut form);
        let stored = (form.len() as u64).to_le_bytes();
        header[V2_FIELDS - 8..][..8].copy_from_slice(&stored);
        let record = sealed([header, form].concat());
        assert_eq!(decode(list.key(), &record), Err(Error::Malformed(name)));
    };
    let claim = |header: &mut Vec<u8>, length: usize| {
        // The length follows the byte that marks the coding.
        let at = V3_FIELDS + 1;
        header[at..][..8].copy_from_slice(&(length as u64).to_le_bytes());
    };
    let length = list.body.len();
    check("gzip form", &|header, _| claim(header, length - 1));
    check("gzip form", &|header, _| claim(header, length + 1));
    check("gzip form", &|header, _| claim(header, 0));
    check("coding", &|header, _| claim(header, LARGEST_PERSISTED_BODY + 1));
    check("coding", &|header, _| claim(header, usize::MAX));
    check("gzip form", &|_, form| form.push(0));
    check("gzip form", &|_, form| form.extend_from_within(..));
    check("gzip form", &|_, form| form.truncate(form.len() - 1));
    check("gzip form", &|_, form| form.clear());
    check("gzip form", &|_, form| *form = list.body.to_vec());
    // A well-formed form that is longer than the bytes: a saving is never negative.
    check("gzip form", &|_, form| *form = gzip::compress_at(0, &list.body));
    check("gzip form", &|_, form| *form = gzip::compress(&vec![0; 64 << 20]));
}

#[test]
fn fields_that_are_not_stored_are_absent_after_decoding() {
    let (mut entry, keep_until) = golden();
    let failure = crate::entry::RecentFailure {
        retry_at: Timestamp::from_secs(1),
        pause: std::time::Duration::from_secs(10),
        reason: crate::entry::Reason::ServerError,
    };
    entry.extras = Extras::new(None, Some(failure));
    entry.persisted = Persisted::default();
    let decoded = decode(entry.key(), &encode(&entry, keep_until).into()).unwrap();
    assert_eq!(decoded.extras, Extras::default());
    assert_eq!(decoded.persisted.expiry(), entry.times.expires_at);
}

#[test]
fn another_documents_record_is_foreign() {
    let (entry, keep_until) = golden();
    let other = Key::of("https://api.github.com/repos/example/other");
    assert_eq!(decode(other, &encode(&entry, keep_until).into()), Err(Error::Foreign));
}

#[test]
fn a_later_version_is_named() {
    let (entry, keep_until) = golden();
    let mut record = encode(&entry, keep_until);
    record[3] = 7;
    assert_eq!(decode(entry.key(), &sealed(record)), Err(Error::LaterVersion(7)));
}

#[test]
fn a_header_with_more_fields_is_malformed() {
    let (entry, _) = golden();
    let record = reseal_header(&entry, |header| header.push(0));
    assert_eq!(decode(entry.key(), &record), Err(Error::Malformed("header length")));
}

/// The offset of the fields of version 2 in the golden record, and those of later versions.
const V2_FIELDS: usize = 71 + 57 + 1 + 4 + 10 + 1 + 4 + 29 + 8;
const V3_FIELDS: usize = V2_FIELDS + 8 + 1 + 1 + 4 + 54 + 8;
const V4_FIELDS: usize = V3_FIELDS + 1;
const V5_FIELDS: usize = V4_FIELDS + 1 + 4;

#[test]
fn every_field_that_makes_no_sense_is_named() {
    let check = |name, change: fn(&mut Vec<u8>)| {
        let (entry, _) = golden();
        let record = reseal_header(&entry, change);
        assert_eq!(decode(entry.key(), &record), Err(Error::Malformed(name)));
    };
    check("fetch time", |header| header.truncate(47));
    check("expiry time", |header| header.truncate(55));
    check("status", |header| header[56..58].copy_from_slice(&99u16.to_le_bytes()));
    check("token fingerprint", |header| header[58] = 2);
    check("URL", |header| header[71] = 0xff);
    check("ETag", |header| header[71 + 57] = 2);
    check("Last-Modified", |header| header[71 + 57 + 1 + 4 + 10] = 9);
    check("body length", |header| header[V2_FIELDS - 1] = 1);
    check("body length", |header| header.truncate(V2_FIELDS - 1));
    check("time of the full check", |header| header.truncate(V2_FIELDS + 7));
    check("rule of the ETag", |header| header[V2_FIELDS + 8] = 2);
    check("redirect", |header| header[V2_FIELDS + 9] = 2);
    check("redirect", |header| header.truncate(V3_FIELDS - 1));
    check("coding", |header| header.truncate(V3_FIELDS));
    check("coding", |header| header[V3_FIELDS] = 2);
    check("coding", |header| {
        header.truncate(V3_FIELDS + 1);
        header[V3_FIELDS] = 1;
    });
    check("link", |header| header.truncate(V4_FIELDS + 4));
    check("link", |header| header[V4_FIELDS] = 2);
    check("link", |header| header[V4_FIELDS + 1] = 2);
    check("notice", |header| header.truncate(V5_FIELDS + 1));
    check("notice", |header| header[V5_FIELDS] = 2);
    check("notice", |header| header[V5_FIELDS + 1] = 2);
}

#[test]
fn a_stored_record_gives_way_to_what_is_no_older() {
    let (entry, keep_until) = golden();
    let record = encode(&entry, keep_until);
    let checked = entry.times.checked_at;
    let moment = std::time::Duration::from_millis(1);
    assert!(gives_way(&record, checked + moment, checked + moment));
    assert!(gives_way(&record, checked, checked));
    assert!(!gives_way(&record, checked - moment, checked));
    assert!(gives_way(&record, checked - moment, checked - moment));
    assert!(gives_way(b"rubbish", Timestamp::default(), checked));
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// Generates bodies that are too small for a gzip form, that have one, and whose form would save
/// too little.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..300),
        (vec(any::<u8>(), 1..300), 5..20usize).prop_map(|(words, times)| words.repeat(times)),
        (1025..3000usize).prop_map(noise),
    ]
}

prop_compose! {
    fn entries()(
        path in "[a-z0-9/%?=&.-]{0,60}",
        status in 100u16..1000,
        body in bodies(),
        etag in option::of("[ -~]{0,40}"),
        last_modified in option::of("\\PC{0,20}"),
        token in option::of(any::<u64>()),
        fetched in any::<u64>(),
        checked in any::<u64>(),
        audited in any::<u64>(),
        expires in any::<u64>(),
        follows_rule in any::<bool>(),
        moved in option::of(("\\PC{0,60}", any::<u64>())),
        links in [(); 4].map(|()| option::of("[ -~]{0,40}")),
        notices in [(); 2].map(|()| option::of("[ -~]{0,40}")),
    ) -> Entry {
        let at = Timestamp::from_millis;
        let moved = moved.map(|(to, seen)| Moved { to: to.into(), seen_at: at(seen) });
        let [deprecation, sunset] = notices.map(|text| text.map(String::into_boxed_str));
        Entry {
            url: format!("https://api.github.com/{path}").into(),
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from(body).into(),
            validators: Validators {
                etag: etag.map(String::into_boxed_str),
                last_modified: last_modified.map(String::into_boxed_str),
                follows_rule,
            },
            token: token.map(Fingerprint::from_bits),
            times: Times {
                fetched_at: at(fetched),
                checked_at: at(checked),
                fully_checked_at: at(audited),
                expires_at: at(expires),
            },
            has_adopted_check: false,
            persisted: Persisted::default(),
            extras: Extras::new(moved, None)
                .with_links(Links::from_urls(links.map(|url| url.map(String::into_boxed_str))))
                .with_notices(Notices { deprecation, sunset }),
        }
    }
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in entries(), keep in any::<u64>()) {
        let keep_until = Timestamp::from_millis(keep);
        let record = Bytes::from(encode(&entry, keep_until));
        let tag = EntityTag::of(&entry.body);
        let expected = Entry { persisted: Persisted::until(entry.times.expires_at), ..entry.clone() };
        let read = decode(entry.key(), &record);
        prop_assert_eq!(read.as_ref(), Ok(&expected));
        let body = read.unwrap().body;
        prop_assert_eq!((body.tag(), body.gzip()), (tag, entry.body.gzip()));
        let checked_at = entry.times.checked_at;
        prop_assert_eq!(peek(&record), Ok(Peek { checked_at, keep_until }));
    }

    #[test]
    fn arbitrary_bytes_are_no_record(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(golden().0.key(), &bytes.into()).is_err());
    }

    #[test]
    fn arbitrary_bytes_behind_a_good_prefix_are_no_record(bytes in vec(any::<u8>(), 0..400)) {
        let record = [&b"svm\x01"[..], &bytes].concat();
        prop_assert!(decode(golden().0.key(), &record.into()).is_err());
    }

    #[test]
    fn arbitrary_fields_under_a_good_checksum_are_no_record(bytes in vec(any::<u8>(), 16..200)) {
        let (entry, _) = golden();
        let record = reseal_header(&entry, |header| {
            header.truncate(super::HEADER_START);
            header.extend_from_slice(&bytes);
        });
        prop_assert!(decode(entry.key(), &record).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused(entry in entries(), at in any::<prop::sample::Index>(), by in 1u8..) {
        let mut record = encode(&entry, Timestamp::default());
        let at = at.index(record.len());
        record[at] ^= by;
        prop_assert!(decode(entry.key(), &record.into()).is_err());
    }

    #[test]
    fn a_cut_record_is_refused(entry in entries(), at in any::<prop::sample::Index>()) {
        let mut record = encode(&entry, Timestamp::default());
        record.truncate(at.index(record.len()));
        prop_assert!(decode(entry.key(), &record.into()).is_err());
    }
}
