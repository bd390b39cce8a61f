//! What survives a restart: positions, tracks, evidence, live releases and owed notices, in one SQLite database and one
//! transaction a batch.
