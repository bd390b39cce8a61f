//! Builds the parts (no I/O), runs them (tasks, signals, drain) and offers the offline engine `scan` and `check` use.
