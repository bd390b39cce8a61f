//! Tests of `run`: to be filled with the part.
