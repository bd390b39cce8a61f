//! Tests of `http`: to be filled with the part.
