//! Hostile requests: those that are refused, those that are answered, and their lack of side
//! effects.

mod bodies;
mod fragments;
mod framing;
mod heads;
mod literals;
mod locations;
mod pipelining;
mod queries;
mod slow;
mod table;
mod urls;
