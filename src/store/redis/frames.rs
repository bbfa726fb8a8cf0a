//! An incremental reader of Redis' protocol (RESP2) that knows the size of a reply before the reply
//! is in memory.
//!
//! The client's own parser trusts each length that the server names, and waits for the end of each
//! line. This reader sees the bytes first and keeps none of them. It also reads commands, which
//! have the same form, to know how many replies are due.
//!
//! Pure: no I/O, no clock.

/// The bounds of a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyBounds {
    /// The most bytes of a line: a status, an error, a number or a length.
    pub(super) line: u64,
    /// The most bytes of a text with a named length.
    pub(super) text: u64,
    /// The most parts of a reply, including those in its lists and the lists themselves.
    pub(super) parts: u64,
    /// The most bytes of the whole reply.
    pub(super) reply: u64,
}

impl ReplyBounds {
    /// No bounds.
    pub(super) const NONE: Self =
        Self { line: u64::MAX, text: u64::MAX, parts: u64::MAX, reply: u64::MAX };
}

/// The most levels of lists. The replies that svm requests have fewer.
const DEPTH: usize = 4;

/// The most characters of a length, with its sign.
const LONGEST_NUMBER: usize = 20;

/// The reason why svm stops reading a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    /// A line is too long.
    #[error("the server sends an endless line")]
    Line,
    /// A text is too long.
    #[error("the server sends a text that is too long")]
    Text,
    /// A list has too many parts, or too many levels.
    #[error("the server sends a list that is too long")]
    List,
    /// The whole reply is too long.
    #[error("the server sends a reply that is too long")]
    Reply,
    /// The bytes are no reply.
    #[error("the server does not speak the protocol of Redis")]
    Foreign,
}

/// A sequence of replies or of commands, as far as it has been read.
#[derive(Debug)]
pub(super) struct RespFrames {
    bounds: ReplyBounds,
    state: FrameState,
    /// The number of missing parts of each list that has begun.
    lists: Vec<u64>,
    /// The parts and bytes of the reply that has begun.
    parts: u64,
    bytes: u64,
    whole: u64,
}

#[derive(Debug)]
enum FrameState {
    /// The next byte begins a reply or a part of one.
    Start,
    /// A line.
    Line(FrameLine),
    /// A text and its line end, with the number of missing bytes.
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
    /// Creates the reader of a new sequence.
    pub(super) fn new(bounds: ReplyBounds) -> Self {
        let (state, lists) = (FrameState::Start, Vec::new());
        Self { bounds, state, lists, parts: 0, bytes: 0, whole: 0 }
    }

    /// Returns the number of whole replies or commands.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Reads the next bytes.
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

    /// Ends a part, and each list that ends with it.
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
    /// Reads up to the end of the line. Returns the number of bytes, and true if the line has
    /// ended.
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

    /// Returns the number. The outer `None` stands for a text that is no number, the inner one for
    /// a negative number, which means that there is no value.
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
