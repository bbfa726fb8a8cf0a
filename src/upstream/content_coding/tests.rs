//! Bodies of one and of several members, whole and damaged, in pieces of any size.

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"the same words, the same words, the same words, the same words";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap()
}

/// Decodes a body that arrives in pieces of this size.
fn decode(form: &[u8], size: usize) -> io::Result<Vec<u8>> {
    let mut decoder = Decoder::new(Coding::Gzip, Vec::new());
    form.chunks(size).try_for_each(|piece| decoder.write(piece))?;
    decoder.finish()
}

#[track_caller]
fn check(lines: &[&str], want: Option<Coding>) {
    let headers = lines.iter().map(|line| (CONTENT_ENCODING, HeaderValue::from_str(line).unwrap()));
    assert_eq!(coding_of(&headers.collect()), want, "{lines:?}");
}

#[test]
fn gzip_has_two_names_in_any_case() {
    let gzip = Some(Coding::Gzip);
    for name in ["gzip", "GZIP", "GZip", "x-gzip", "X-GZIP", " gzip\t", "gzip,", ", gzip ,,"] {
        check(&[name], gzip);
    }
    check(&["gzip", "identity"], gzip);
    check(&["", "Identity, gzip"], gzip);
}

#[test]
fn no_coding_has_many_spellings() {
    for lines in [&[][..], &[""], &["identity"], &["IDENTITY, identity"], &[",", " "]] {
        check(lines, Some(Coding::Identity));
    }
}

#[test]
fn any_other_coding_is_not_read() {
    for name in ["br", "deflate", "gzip, gzip", "gzip;q=1", "gzipx", "x-x-gzip", "\"gzip\"", "*"] {
        check(&[name], None);
    }
    check(&["gzip", "x-gzip"], None);
    check(&["identity", "br"], None);
}

#[test]
fn a_body_ends_where_a_member_does() {
    let two = [gzip(TEXT), gzip(TEXT)].concat();
    let end = two.len() / 2;
    for size in [1, 7, two.len()] {
        assert_eq!(decode(&two, size).unwrap(), [TEXT, TEXT].concat(), "{size}");
        for cut in (1..two.len()).filter(|cut| *cut != end) {
            assert!(decode(&two[..cut], size).is_err(), "cut at {cut}");
        }
        assert_eq!(decode(&two[..end], size).unwrap(), TEXT);
        assert!(decode(&[], size).unwrap().is_empty());
    }
}

#[test]
fn nothing_may_stand_beside_the_members() {
    for junk in [&b"\0"[..], &[0; 512], b"x", b"\x1f\x8b", b"{\"tag_name\":\"v1\"}"] {
        for body in [[&gzip(TEXT), junk].concat(), [junk, &gzip(TEXT)].concat()] {
            assert!(decode(&body, body.len()).is_err(), "{junk:?}");
            assert!(decode(&body, 1).is_err(), "{junk:?}");
        }
    }
}

#[test]
fn each_member_matches_its_checksum_and_its_length() {
    let member = gzip(TEXT);
    for at in member.len() - 8..member.len() {
        let mut wrong = member.clone();
        wrong[at] ^= 1;
        assert!(decode(&[&wrong[..], &member].concat(), 64).is_err(), "the first, at {at}");
        assert!(decode(&[&member[..], &wrong].concat(), 64).is_err(), "the last, at {at}");
    }
}

#[test]
fn of_a_damaged_body_the_beginning_is_there() {
    let form = [gzip(TEXT), gzip(&TEXT.repeat(100))].concat();
    for cut in 0..form.len() {
        let mut decoder = Decoder::new(Coding::Gzip, Vec::new());
        decoder.write(&form[..cut]).unwrap();
        let beginning = decoder.into_beginning();
        assert!(TEXT.repeat(101).starts_with(&beginning), "cut at {cut}");
        let ended_first = cut >= gzip(TEXT).len();
        assert!(!ended_first || beginning.len() >= TEXT.len(), "cut at {cut}");
    }
    let mut decoder = Decoder::new(Coding::Gzip, Vec::new());
    assert!(decoder.write(&[&gzip(TEXT)[..], b"no member at all"].concat()).is_err());
    assert_eq!(decoder.into_beginning(), TEXT);
}

proptest! {
    #[test]
    fn all_members_come_back(bodies in vec(vec(any::<u8>(), 0..300), 1..6), size in 1..400usize) {
        let form: Vec<u8> = bodies.iter().flat_map(|body| gzip(body)).collect();
        prop_assert_eq!(decode(&form, size).unwrap(), bodies.concat());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200), at in 0..60usize) {
        let mut form = gzip(TEXT);
        let at = at.min(form.len());
        form.splice(at..at, bytes);
        let _ = decode(&form, 16);
    }
}
