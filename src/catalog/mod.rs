//! The catalog: YAML documents → checked, compiled signatures. Receives paths, gives a [`signature::Catalog`] and every problem
//! found on the way as a value; nothing is printed here.
//!
//! `yaml` keeps where every scalar stands, `spec` says what a document may hold, `compile` makes it a signature that cannot be wrong,
//! `lint` finds what is legal and still a mistake, `load` is the only place that reads files.

mod compile;
pub mod detection;
pub mod expression;
mod lint;
pub mod load;
pub mod practice;
pub mod problem;
pub mod schema;
pub mod signature;
pub(crate) mod source;
mod spec;
pub(crate) mod suggest;
pub(crate) mod yaml;
