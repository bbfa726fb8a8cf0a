//! Clocks that are wrong, and clocks that are corrected while the service runs.

mod offset;
mod set_back;
