//! Tests of `alert`: to be filled with the part.
