//! svm.
fn main() {}
