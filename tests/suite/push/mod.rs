//! Messages that Pub/Sub pushes: who may push, what a push must say, and what becomes of it; by hand and from Google's own emulator.

mod emulator;
mod issuer;
mod keys;
mod requests;
mod rig;
mod tokens;
