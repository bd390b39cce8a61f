//! Tests of `dashboards`: to be filled with the part.
