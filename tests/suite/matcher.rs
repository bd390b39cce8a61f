//! Tests of `matcher`: evaluation, evidence, explanations, scanning in any chunks, and the naive reference it must agree with.

mod costs;
mod differential;
mod evaluation;
mod evidence;
mod make;
mod naive;
mod scanning;
mod watching;
