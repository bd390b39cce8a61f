//! Tests of `matcher`: to be filled with the part.
