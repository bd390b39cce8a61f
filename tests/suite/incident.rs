//! Tests of `incident`: to be filled with the part.
