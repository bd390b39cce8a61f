//! What leaves: notices rendered for people and delivered to sinks until accepted.
