//! What the workers count for the metrics; the durable counts (owed, dead letters kept) are the store's.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Counters of one sink since the process started.
#[derive(Debug, Default)]
pub struct SinkStats {
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    failing: AtomicBool,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Notices accepted.
    pub delivered: u64,
    /// Attempts that failed and are repeated.
    pub failed: u64,
    /// Notices given up: dead letters.
    pub dead: u64,
    /// Whether the last attempt failed.
    pub failing: bool,
}

impl SinkStats {
    /// Reads all of them.
    pub fn counts(&self) -> SinkCounts {
        SinkCounts {
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
            failing: self.failing.load(Ordering::Relaxed),
        }
    }

    /// A notice was accepted.
    pub(in crate::alert) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// An attempt failed.
    pub(in crate::alert) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    /// A notice was given up.
    pub(in crate::alert) fn dead(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }

    /// The sink answers again.
    pub(in crate::alert) fn healthy(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }
}
