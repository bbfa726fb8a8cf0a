//! Hostile requests: what is refused, what is answered all the same, and that nothing else comes of
//! either.

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
