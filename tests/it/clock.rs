//! Clocks that are wrong, and clocks that are set right while the service runs.

mod offset;
mod set_back;
