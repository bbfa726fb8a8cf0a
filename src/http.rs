//! What clients see: requests in, answers out.

pub mod query;
