//! Tests of `cli`: to be filled with the part.
