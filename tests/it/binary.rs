//! The binary as an operator has it: started, asked, signalled, killed.

mod crash;
mod serving;
mod shutdown;
mod store;
