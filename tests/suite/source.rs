//! Tests of `source`: to be filled with the part.
