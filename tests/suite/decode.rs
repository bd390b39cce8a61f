//! Tests of `decode`: to be filled with the part.
