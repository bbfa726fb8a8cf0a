//! What the gzip forms of bodies cost, and what they save.

use prometheus::IntCounter;

use super::families::Families;

/// The counters of it.
pub(crate) struct Gzip {
    made: [IntCounter; 2],
    dropped: IntCounter,
    answers: IntCounter,
    saved_bytes: IntCounter,
}

impl Gzip {
    pub(super) fn new(families: &Families<'_>) -> Self {
        Self {
            made: families.counters(
                "svm_gzip_made_total",
                "Bodies that were compressed in the background, by whether it pays",
                "result",
                ["smaller", "no-smaller"],
            ),
            dropped: families.counter(
                "svm_gzip_dropped_total",
                "Bodies that were not compressed because too many waited",
            ),
            answers: families.counter("svm_gzip_answers_total", "Documents sent as gzip"),
            saved_bytes: families.counter(
                "svm_gzip_saved_bytes_total",
                "Bytes that these would have been more without it",
            ),
        }
    }

    /// A body was compressed; whether its form is smaller by enough.
    pub(crate) fn made(&self, pays: bool) {
        self.made[usize::from(!pays)].inc();
    }

    /// A body was not compressed: too many waited.
    pub(crate) fn dropped(&self) {
        self.dropped.inc();
    }

    /// What was compressed so far: what paid, and what did not.
    #[cfg(test)]
    pub(crate) fn all_made(&self) -> [u64; 2] {
        [self.made[0].get(), self.made[1].get()]
    }

    /// What was dropped so far.
    #[cfg(test)]
    pub(crate) fn all_dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// A document was sent as gzip, which saved so many bytes. Who takes none is not counted, and pays nothing.
    pub(crate) fn sent(&self, saved: usize) {
        self.answers.inc();
        self.saved_bytes.inc_by(saved as u64);
    }
}
