//! Real Python services on loopback whose logs a running sidecar follows, and the wording of every interpreter against the shipped
//! catalog. Receives `RELAPSE_TEST_PYTHON`, an interpreter with the packages of `tests/generate/requirements.txt`.

mod builds;
mod live;
mod service;
mod watched;
mod wording;
