//! A reader that gives the parser one line at a time, and so knows the parser's position, which the
//! parser does not report.
//!
//! A value may refer to a long value many times, and the parser has no limit. So the largest
//! possible size of a line's value is computed before the parser gets the line.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

/// The factor by which the estimate for one value may exceed the limit for all values: not each `$`
/// is a reference, and not each reference is to the longest value.
const ALLOWANCE: usize = 16;

/// The position of the parser.
pub(super) struct DotenvProgress {
    lines: Cell<usize>,
    /// The number of `$` since the last item.
    references: Cell<usize>,
    longest: Cell<usize>,
    most_bytes: usize,
    /// The next line, which is not part of the text.
    inserted: RefCell<Vec<u8>>,
}

impl DotenvProgress {
    pub(super) fn new(longest: usize, most_bytes: usize) -> Self {
        Self {
            lines: Cell::new(0),
            references: Cell::new(0),
            longest: Cell::new(longest),
            most_bytes,
            inserted: RefCell::default(),
        }
    }

    /// Returns the number of lines of the text that were read.
    pub(super) fn lines(&self) -> usize {
        self.lines.get()
    }

    /// Records the length of a value, and the line to insert before the next line of the text.
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

/// A reader that returns one line at a time.
pub(super) struct DotenvLines<'a> {
    rest: &'a [u8],
    progress: &'a DotenvProgress,
    /// True if the rest begins at the start of a line.
    at_start: bool,
}

impl<'a> DotenvLines<'a> {
    pub(super) fn new(text: &'a str, progress: &'a DotenvProgress) -> Self {
        Self { rest: text.as_bytes(), progress, at_start: true }
    }
}

impl Read for DotenvLines<'_> {
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
