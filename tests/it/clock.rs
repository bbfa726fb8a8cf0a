//! Clocks that are wrong, and clocks that are set right while the service runs.

mod set_back;
