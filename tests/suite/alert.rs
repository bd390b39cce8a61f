//! Tests of `alert`: what people read, what receivers get, and receivers that misbehave.

mod alertmanager;
mod desk;
mod receiver;
mod texts;
mod webhook;
