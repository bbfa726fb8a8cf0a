//! A text that the parser gets line by line, for the parser does not say where it is.
//!
//! A value may repeat a long one many times. The most that a line can make of the longest value is
//! counted before the parser has it, since the parser has no bound of its own.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

/// How much more the parts of one value may seem to have than all values may: not each `$` is a
/// reference, and not each reference is to the longest value.
const ALLOWANCE: usize = 16;

/// Where the parser is.
pub(super) struct Progress {
    lines: Cell<usize>,
    /// The `$` since the last item.
    references: Cell<usize>,
    longest: Cell<usize>,
    most_bytes: usize,
    /// The line that comes next, which the text does not have.
    inserted: RefCell<Vec<u8>>,
}

impl Progress {
    pub(super) fn new(longest: usize, most_bytes: usize) -> Self {
        Self {
            lines: Cell::new(0),
            references: Cell::new(0),
            longest: Cell::new(longest),
            most_bytes,
            inserted: RefCell::default(),
        }
    }

    /// How many lines of the text were read.
    pub(super) fn lines(&self) -> usize {
        self.lines.get()
    }

    /// Notes the length of a value, and the line to read before the next of the text.
    pub(super) fn end_item(&self, length: usize, next: Option<String>) {
        self.references.set(0);
        self.longest.set(self.longest.get().max(length));
        self.inserted.replace(next.unwrap_or_default().into_bytes());
    }

    fn begin_line(&self, line: &[u8]) -> io::Result<()> {
        let references = line.iter().filter(|byte| **byte == b'$').count();
        self.references.set(self.references.get() + references);
        let most = self.references.get().saturating_mul(self.longest.get());
        if most > self.most_bytes * ALLOWANCE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }
}

/// Hands out one line at a time.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    progress: &'a Progress,
    /// Whether the rest begins with a line.
    at_start: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str, progress: &'a Progress) -> Self {
        Self { rest: text.as_bytes(), progress, at_start: true }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inserted = self.progress.inserted.borrow_mut();
        if !inserted.is_empty() {
            let count = inserted.len().min(buffer.len());
            buffer[..count].copy_from_slice(&inserted[..count]);
            inserted.drain(..count);
            return Ok(count);
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let line = end.unwrap_or(self.rest.len());
        if self.at_start {
            self.progress.lines.set(self.progress.lines.get() + usize::from(line > 0));
            self.progress.begin_line(&self.rest[..line])?;
        }
        let count = line.min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        self.at_start = count == line;
        Ok(count)
    }
}
