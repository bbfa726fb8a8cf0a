//! The binary as an operator has it: started, asked, signalled, killed.

mod commands;
mod crash;
mod environment;
mod log;
mod real_input;
mod secrets;
mod serving;
mod shutdown;
mod store;
