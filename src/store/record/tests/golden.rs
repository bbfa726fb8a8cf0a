//! The golden records of each version, which every later version must read.

use super::*;

/// Both golden records in version 4, which has no notices.
const GOLDEN_V4: &[u8] = include_bytes!("../../../../testdata/records/v4-release.bin");
const GOLDEN_GZIP_V4: &[u8] = include_bytes!("../../../../testdata/records/v4-releases.bin");
/// Both golden records in version 3, which has no links.
const GOLDEN_V3: &[u8] = include_bytes!("../../../../testdata/records/v3-release.bin");
const GOLDEN_GZIP_V3: &[u8] = include_bytes!("../../../../testdata/records/v3-releases.bin");
/// The first golden record in version 1, which lacks the later fields.
const GOLDEN_V1: &[u8] = include_bytes!("../../../../testdata/records/v1-release.bin");

#[test]
fn the_golden_record_is_read() {
    let (entry, keep_until) = golden();
    let record = Bytes::from_static(GOLDEN);
    assert_eq!(decode(entry.key(), &record), Ok(entry.clone()));
    assert_eq!(peek(GOLDEN), Ok(Peek { checked_at: entry.times.checked_at, keep_until }));
}

#[test]
fn the_golden_record_with_a_gzip_form_is_read_with_both() {
    let (entry, keep_until) = golden_list();
    let record = Bytes::from_static(GOLDEN_GZIP);
    let read = decode(entry.key(), &record).unwrap();
    assert_eq!(read, entry);
    assert_eq!(read.body.tag(), EntityTag::of(&entry.body));
    let form = read.body.gzip().unwrap();
    assert!(record.as_ptr_range().contains(&form.as_ptr()), "the form is a slice of the record");
    assert_eq!(gzip::inflate(form, entry.body.len()).as_deref(), Some(&*entry.body));
    assert_eq!(encode(&read, keep_until), GOLDEN_GZIP, "the form is not made again");
}

#[test]
fn the_golden_records_of_version_4_are_read() {
    let (entry, keep_until) = golden();
    let record = Bytes::from_static(GOLDEN_V4);
    assert_eq!(decode(entry.key(), &record), Ok(entry.clone()));
    assert_eq!(peek(GOLDEN_V4), Ok(Peek { checked_at: entry.times.checked_at, keep_until }));
    let list = decode(entry.key(), &Bytes::from_static(GOLDEN_GZIP_V4)).unwrap();
    assert_eq!(list.extras.notices(), None);
    let extras = list.extras.clone().with_notices(notices());
    assert_eq!(Entry { extras, ..list }, golden_list().0);
}

#[test]
fn the_golden_records_of_version_3_are_read() {
    let (entry, keep_until) = golden();
    let record = Bytes::from_static(GOLDEN_V3);
    assert_eq!(decode(entry.key(), &record), Ok(entry.clone()));
    assert_eq!(peek(GOLDEN_V3), Ok(Peek { checked_at: entry.times.checked_at, keep_until }));
    let list = decode(entry.key(), &Bytes::from_static(GOLDEN_GZIP_V3)).unwrap();
    assert!(list.extras.lacks_links(), "nobody knows whether there are other pages");
    assert_eq!(list, Entry { extras: entry.extras.clone().lacking_links(), ..golden_list().0 });
    let again = decode(entry.key(), &encode(&list, keep_until).into());
    assert_eq!(again, Ok(list), "it is not forgotten that they are unknown");
}

#[test]
fn the_golden_record_of_version_2_is_read() {
    let (entry, keep_until) = golden();
    let record = Bytes::from_static(GOLDEN_V2);
    assert_eq!(decode(entry.key(), &record), Ok(entry.clone()));
    assert_eq!(peek(GOLDEN_V2), Ok(Peek { checked_at: entry.times.checked_at, keep_until }));
    assert!(!gives_way(GOLDEN_V2, Timestamp::default(), entry.times.checked_at));
}

#[test]
fn a_record_of_version_1_is_read_without_later_fields() {
    let (mut entry, keep_until) = golden();
    entry.validators.follows_rule = false;
    entry.extras = Extras::default();
    entry.times.fully_checked_at = entry.times.checked_at;
    let record = Bytes::from_static(GOLDEN_V1);
    assert_eq!(decode(entry.key(), &record), Ok(entry.clone()));
    assert_eq!(peek(GOLDEN_V1), Ok(Peek { checked_at: entry.times.checked_at, keep_until }));
    assert!(!gives_way(GOLDEN_V1, Timestamp::default(), entry.times.checked_at));
}

#[test]
fn a_record_is_written_as_it_always_was() {
    let (entry, keep_until) = golden();
    assert_eq!(encode(&entry, keep_until), GOLDEN);
}
