# `just` lists the recipes; `just check` is everything that is checked before a change is taken.

_list:
    @just --list --unsorted

# Everything CI runs, and the dependency rules.
check: full deny

# What CI runs: installs what the tests need, then formats, lints, tests, documents and checks the catalog.
full:
    scripts/test

# The tests alone; words filter: just test dashboards
test *words:
    cargo test --locked -- {{words}}

# Lints of all targets, warnings refused.
lint:
    cargo clippy --all-targets --locked -- -D warnings
    cargo clippy --locked --no-default-features -- -D warnings

# Formats the source.
fmt:
    cargo fmt

# Speed of the parts: Criterion's benchmarks, optimised; words filter: just bench scan/json
bench *words:
    cargo bench --locked --benches -- {{words}}

# kill -9, 500 times each: of a receiver of OTLP under a sender that comes again, and over files that are written and rotated: nothing lost, nothing
# double. Takes minutes.
kills kills="500":
    RELAPSE_TEST_KILLS={{kills}} cargo test --locked --test suite -- --nocapture otlp::crash::kill_9 run::kills::kill_9

# Speed of the whole program beside its peers; prints the tables of docs/performance.md. Parts: scan tracks delay idle storm
bench-process *parts:
    scripts/bench {{parts}}

# Pulling from Google's Pub/Sub emulator beside a client that only acknowledges; prints the table of docs/performance.md.
bench-pubsub *arguments:
    scripts/bench-pubsub {{arguments}}

# Matching beside its peers (vectorscan, ripgrep, GNU grep, mtail), 5 to 10,000 signatures; `--write` puts the table into docs/performance.md.
bench-match *arguments:
    scripts/bench-match {{arguments}}

# Real logrotate under 40,000 numbered lines a second beside rsyslog and mtail: what each loses and takes twice; `--write` puts the table into
# docs/comparison.md.
bench-rotate *arguments:
    scripts/bench-rotate {{arguments}}

# Following files beside rsyslog, mtail and tail: delays, idle files, a backlog; `--write` puts the tables into docs/performance.md. Parts: delay idle
# throughput
bench-tail *arguments:
    scripts/bench-tail {{arguments}}

# Instructions that a scan takes, by callgrind, beside those kept in benches/instructions.json; `--write` keeps the new ones.
instructions *arguments:
    scripts/instructions {{arguments}}

# The API documentation.
doc:
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked

# Licences, advisories and banned crates. Installs cargo-deny when it is missing, which takes minutes.
deny:
    command -v cargo-deny >/dev/null || cargo install cargo-deny --locked --version '^0.20'
    cargo deny check

# Writes docs that are generated from code anew.
docs-generated:
    UPDATE_DOCS=1 cargo test --locked --test suite -- dashboards::the_documentation

# Takes the texts of all snapshots as they are now; look at the difference before you commit it.
snapshots:
    INSTA_UPDATE=always cargo test --locked
