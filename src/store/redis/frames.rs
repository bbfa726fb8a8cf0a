//! An incremental reader of Redis' protocol (RESP2) that knows how large a reply will be before it
//! is in memory.
//!
//! The client's own parser believes each length that the server names, and waits for the end of
//! each line. This one looks at the bytes first and keeps none of them. It reads commands as well,
//! which have the same form, to know how many replies are due.
//!
//! Pure: no I/O, no clock.

/// The bounds of a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyBounds {
    /// Bytes of a line, which is a status, an error, a number or a length.
    pub(super) line: u64,
    /// Bytes of a text whose length is named.
    pub(super) text: u64,
    /// Parts of a reply, in all its lists, and the lists among them.
    pub(super) parts: u64,
    /// Bytes of all of it.
    pub(super) reply: u64,
}

impl ReplyBounds {
    /// None.
    pub(super) const NONE: Self =
        Self { line: u64::MAX, text: u64::MAX, parts: u64::MAX, reply: u64::MAX };
}

/// The depth of lists in lists; ours stay below it.
const DEPTH: usize = 4;

/// Digits of a length, with its sign.
const LONGEST_NUMBER: usize = 20;

/// The reason for which a reply is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    /// A line is too long.
    #[error("the server sends an endless line")]
    Line,
    /// A text is too long.
    #[error("the server sends a text that is too long")]
    Text,
    /// A list has too many parts, or too many lists in it.
    #[error("the server sends a list that is too long")]
    List,
    /// All of it is too long.
    #[error("the server sends a reply that is too long")]
    Reply,
    /// It is no reply.
    #[error("the server does not speak the protocol of Redis")]
    Foreign,
}

/// A sequence of replies, or of commands, as far as it has come.
#[derive(Debug)]
pub(super) struct RespFrames {
    bounds: ReplyBounds,
    state: FrameState,
    /// The parts that are still to come of each list that has begun.
    lists: Vec<u64>,
    /// The parts and bytes of the reply that has begun.
    parts: u64,
    bytes: u64,
    whole: u64,
}

#[derive(Debug)]
enum FrameState {
    /// A reply or a part of one is to begin.
    Start,
    /// A line.
    Line(FrameLine),
    /// A text with the end of its line, of which so many bytes are still to come.
    Text(u64),
}

#[derive(Debug)]
struct FrameLine {
    kind: u8,
    bytes: u64,
    length: Length,
    ends: bool,
}

/// The number in a line.
#[derive(Debug, Default)]
struct Length {
    digits: [u8; LONGEST_NUMBER],
    count: usize,
}

impl RespFrames {
    /// A sequence that has not begun.
    pub(super) fn new(bounds: ReplyBounds) -> Self {
        let (state, lists) = (FrameState::Start, Vec::new());
        Self { bounds, state, lists, parts: 0, bytes: 0, whole: 0 }
    }

    /// Returns how many have come as a whole.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Takes note of the next bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while let Some((first, rest)) = bytes.split_first() {
            let taken = match &mut self.state {
                FrameState::Start => {
                    self.begin(*first)?;
                    1
                }
                FrameState::Line(line) => {
                    let (taken, ended) = line.read(bytes, self.bounds.line)?;
                    if ended {
                        self.end_line()?;
                    }
                    taken
                }
                FrameState::Text(left) => {
                    let taken =
                        usize::try_from(*left).map_or(bytes.len(), |it| it.min(bytes.len()));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.end_part();
                    }
                    taken
                }
            };
            self.bytes = self.bytes.saturating_add(taken as u64);
            if self.bytes > self.bounds.reply {
                return Err(Excess::Reply);
            }
            if self.lists.is_empty() && matches!(self.state, FrameState::Start) {
                self.bytes = 0;
            }
            bytes = &bytes[taken..];
            debug_assert!(taken > 0 && bytes.len() <= rest.len());
        }
        Ok(())
    }

    fn begin(&mut self, kind: u8) -> Result<(), Excess> {
        if !b"+-:$*".contains(&kind) {
            return Err(Excess::Foreign);
        }
        if self.lists.is_empty() {
            self.parts = 0;
        }
        self.parts += 1;
        if self.parts > self.bounds.parts {
            return Err(Excess::List);
        }
        self.state =
            FrameState::Line(FrameLine { kind, bytes: 0, length: Length::default(), ends: false });
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Excess> {
        let FrameState::Line(line) = &self.state else { return Ok(()) };
        let length = match line.kind {
            b'$' | b'*' => line.length.value().ok_or(Excess::Foreign)?,
            _ => None,
        };
        match (line.kind, length) {
            (b'$', Some(length)) if length > self.bounds.text => return Err(Excess::Text),
            (b'$', Some(length)) => self.state = FrameState::Text(length.saturating_add(2)),
            (_, None | Some(0)) => self.end_part(),
            (_, Some(length)) => {
                let left = self.bounds.parts - self.parts;
                if length > left || self.lists.len() == DEPTH {
                    return Err(Excess::List);
                }
                self.lists.push(length);
                self.state = FrameState::Start;
            }
        }
        Ok(())
    }

    /// The end of a part may be that of its list.
    fn end_part(&mut self) {
        self.state = FrameState::Start;
        while let Some(left) = self.lists.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.lists.pop();
        }
        self.whole += 1;
    }
}

impl FrameLine {
    /// Reads up to the end of the line; gives the number of bytes, and whether it has ended.
    fn read(&mut self, bytes: &[u8], longest: u64) -> Result<(usize, bool), Excess> {
        let holds_length = matches!(self.kind, b'$' | b'*');
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.ends => return Ok((index + 1, true)),
                b'\r' => self.ends = true,
                _ if holds_length && self.ends => return Err(Excess::Foreign),
                digit if holds_length => self.length.push(*digit)?,
                _ => self.ends = false,
            }
            self.bytes += 1;
            if self.bytes > longest {
                return Err(Excess::Line);
            }
        }
        Ok((bytes.len(), false))
    }
}

impl Length {
    fn push(&mut self, digit: u8) -> Result<(), Excess> {
        let place = self.digits.get_mut(self.count).ok_or(Excess::Line)?;
        *place = digit;
        self.count += 1;
        Ok(())
    }

    /// The outer `None` stands for what is no number, the inner one for a negative number, which
    /// says that there is nothing.
    fn value(&self) -> Option<Option<u64>> {
        let text = str::from_utf8(&self.digits[..self.count]).ok()?;
        if text.starts_with('+') {
            return None;
        }
        let number: i64 = text.parse().ok()?;
        Some(u64::try_from(number).ok())
    }
}

#[cfg(test)]
mod tests;
