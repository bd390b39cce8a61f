//! The catalog: YAML documents → checked, compiled signatures. Receives paths, gives a [`signature::Catalog`] and every problem
//! found on the way as a value; nothing is printed here.

pub mod detection;
pub mod signature;
