//! One file a subcommand: arguments in, exit code out.
