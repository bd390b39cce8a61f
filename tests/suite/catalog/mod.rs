//! Tests of `catalog`: what loads, what is a problem and how problems read.

mod cases;
mod load;
mod practice;
mod robust;
mod schema;
mod shipped;
