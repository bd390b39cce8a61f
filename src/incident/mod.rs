//! The judge: release order, live releases, contains-fix, verdict, state machine, episodes. Pure and synchronous:
//! `handle(event, now, &mut Vec<Effect>)`; no clock, no I/O.
