//! Tests of `catalog`: to be filled with the part.
