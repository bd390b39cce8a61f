//! Tests of `store`: to be filled with the part.
