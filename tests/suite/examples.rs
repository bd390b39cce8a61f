//! Tests of `examples`: to be filled with the part.
