//! The reader of replies, compared with the parser of the client.

use proptest::prelude::*;
use redis::ErrorKind;

use super::*;

const BOUNDS: ReplyBounds = ReplyBounds { line: 40, text: 100, parts: 12, reply: 160 };

fn read(text: &str) -> Result<u64, Excess> {
    let mut frames = RespFrames::new(BOUNDS);
    frames.read(text.as_bytes()).map(|()| frames.whole())
}

#[test]
fn whole_replies_are_counted() {
    assert_eq!(read(""), Ok(0));
    assert_eq!(read("+OK\r\n-ERR no\r\n:1\r\n$2\r\nab\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n"), Ok(8));
    assert_eq!(read("*2\r\n*1\r\n$1\r\nx\r\n:1\r\n+OK\r"), Ok(1));
    assert_eq!(read("*2\r\n:1\r\n"), Ok(0));
    assert_eq!(read("+a\rb\nc\r\r\n"), Ok(1), "a line ends with both");
}

#[test]
fn a_reply_that_is_too_large_is_refused_before_it_comes() {
    for (text, excess) in [
        ("$101\r\n", Excess::Text),
        ("$9223372036854775807\r\n", Excess::Text),
        ("$9223372036854775808\r\n", Excess::Foreign),
        ("$111111111111111111111", Excess::Line),
        ("*12\r\n", Excess::List),
        ("*6\r\n*11\r\n", Excess::List),
        ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", Excess::List),
        ("*2\r\n$90\r\n", Excess::Reply),
    ] {
        let mut text = text.to_owned();
        if excess == Excess::Reply {
            text += &"x".repeat(90);
            text += "\r\n$90\r\n";
            text += &"x".repeat(90);
        }
        assert_eq!(read(&text), Err(excess), "{text}");
    }
    assert_eq!(read(&format!("+{}", "x".repeat(41))), Err(Excess::Line));
    assert_eq!(read(&format!("+{}\r\n", "x".repeat(39))), Ok(1));
}

#[test]
fn a_reply_outside_the_protocol_is_refused() {
    for text in ["x", "\r\n", "%1\r\n", "~1\r\n", ">1\r\n", "=1\r\n", "_\r\n", "#t\r\n", ",1\r\n"] {
        assert_eq!(read(text), Err(Excess::Foreign), "{text}");
    }
    for text in ["$\r\n", "$x\r\n", "$+1\r\n", "$ 1\r\n", "$1\rx", "*1.0\r\n", "*-\r\n"] {
        assert_eq!(read(text), Err(Excess::Foreign), "{text}");
    }
}

fn reply() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        "[+-][ -~]{0,30}".prop_map(|line| format!("{line}\r\n").into_bytes()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        Just(b"$-1\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|text| {
            let mut reply = format!("${}\r\n", text.len()).into_bytes();
            reply.extend(text);
            reply.extend(b"\r\n");
            reply
        }),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|parts| {
            let mut reply = format!("*{}\r\n", parts.len()).into_bytes();
            reply.extend(parts.concat());
            reply
        })
    })
}

/// Returns how many replies the client finds in these bytes, or `None` if it rejects them.
fn found_by_client(mut bytes: &[u8]) -> Option<u64> {
    let mut parser = redis::Parser::new();
    let mut found = 0;
    loop {
        match parser.parse_value(&mut bytes) {
            Ok(_) => found += 1,
            // The bytes have ended.
            Err(error) if error.kind() == ErrorKind::Io => return Some(found),
            Err(_) => return None,
        }
    }
}

proptest! {
    #[test]
    fn replies_are_counted_wherever_they_are_cut(
        replies in prop::collection::vec(reply(), 0..5),
        cut in 1_usize..50,
    ) {
        let bytes = replies.concat();
        let mut frames = RespFrames::new(ReplyBounds::NONE);
        for piece in bytes.chunks(cut) {
            frames.read(piece).unwrap();
        }
        prop_assert_eq!(frames.whole(), replies.len() as u64);
        prop_assert_eq!(Some(frames.whole()), found_by_client(&bytes));
    }

    #[test]
    fn no_bytes_are_taken_for_more_than_the_client_takes_them_for(
        bytes in prop::collection::vec(
            prop::sample::select(b"+-:$*012\r\nx".to_vec()), 0..40,
        ),
    ) {
        let mut frames = RespFrames::new(BOUNDS);
        if frames.read(&bytes).is_ok() && let Some(found) = found_by_client(&bytes) {
            prop_assert_eq!(frames.whole(), found);
        }
    }

    #[test]
    fn replies_that_are_read_stay_within_the_bounds(
        bytes in prop::collection::vec(prop::sample::select(b"+$*189\r\n".to_vec()), 0..400),
    ) {
        let mut frames = RespFrames::new(BOUNDS);
        let mut taken = 0;
        for byte in bytes {
            if frames.read(&[byte]).is_err() {
                break;
            }
            taken = if frames.lists.is_empty() && matches!(frames.state, FrameState::Start) {
                0
            } else {
                taken + 1
            };
            prop_assert!(taken <= BOUNDS.reply && frames.lists.len() <= DEPTH);
        }
    }
}
