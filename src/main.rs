//! relapse.
fn main() {}
