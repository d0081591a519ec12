# Commands of the project. `just` lists them. `just verify` is the gate: it changes no tracked file, and `.ci/run`
# runs its recipes one by one. `just fix` writes. Tools besides Rust: cargo-deny and cargo-shear, which `.ci/run`
# installs; cargo-mutants for `mutants`; a nightly toolchain and cargo-fuzz for `fuzz`.

set shell := ["bash", "-euo", "pipefail", "-c"]

export CARGO_TERM_COLOR := env("CARGO_TERM_COLOR", "auto")

[private]
default:
    @just --list --unsorted

# Everything that has to hold before anything lands.
verify: format licences advisories unused imports wording clippy docs build test product demo-cases chaos-kill chaos-jobs chaos-sim chaos-real chaos-selftest chaos-upgrade

# The format of the code, unchanged.
format:
    cargo fmt --all --check

# Licences, bans and sources of the dependencies (deny.toml).
licences:
    cargo deny check licenses bans sources

# Known vulnerabilities. Where their database cannot be fetched, it says so and passes.
advisories:
    if timeout 60 cargo deny fetch db >/dev/null 2>&1; then cargo deny check advisories; \
    else echo 'skipped: advisories (their database cannot be fetched here)'; fi

# Dependencies that nothing uses.
unused:
    cargo shear

# The import order of docs/ARCHITECTURE.md, and circles.
imports:
    python3 .ci/imports.py

# Words, module heads and line widths, as docs/GLOSSARY.md has them; and the attacks of docs/THREATS.md.
wording:
    python3 .ci/prose.py
    python3 .ci/threats.py

# Lints, as errors.
clippy:
    cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

# The documentation of the code, without broken links.
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet

# All programs and tests, built.
build:
    cargo build --locked --workspace --all-targets --quiet

# All tests.
test:
    cargo test --locked --workspace

# The programs as they ship, without the features that only tests switch on. What follows runs these.
product:
    cargo clippy --locked --workspace --quiet -- -D warnings
    cargo build --locked --workspace --bins --quiet

# The demo on what `product` has built, judged from outside.
demo-cases:
    target/debug/cameo demo --json

# Three rounds of killed nodes on what `product` has built.
chaos-kill:
    target/debug/cameo-chaos kill --rounds 3 --seed 1

# Sixty image jobs under faults on what `product` has built.
chaos-jobs:
    target/debug/cameo-chaos jobs --jobs 60 --photos 2 --seed 1

# Fifty simulated clusters under all simulated faults, ten with liars, ten with old folders put back, on what `product` has built.
chaos-sim:
    target/debug/cameo-chaos sim --seeds 0..50
    target/debug/cameo-chaos sim --seeds 0..10 --seconds 15 --faults withholds,false-answers,forges
    target/debug/cameo-chaos sim --seeds 0..10 --seconds 20 --nodes 3 --faults old-folder,kill,isolate

# A minute of five real nodes, killed, paused, cut off and with wrong clocks, on what `product` has built.
chaos-real:
    target/debug/cameo-chaos run --nodes 5 --seconds 60 --seed 1 --faults kill,pause,partition,clock --no-skips --out "$(mktemp -d)/run"

# Each planted bug at the seed that is known to show it, in programs of their own.
chaos-selftest:
    cargo build --locked --workspace --features cameo-chaos/mutants --bin cameo-chaos-mutants --bin cameod-mutants --quiet
    target/debug/cameo-chaos-mutants selftest --short

# The same, with further seeds and more real nodes.
chaos-selftest-all:
    cargo build --locked --workspace --features cameo-chaos/mutants --bin cameo-chaos-mutants --bin cameod-mutants --quiet
    target/debug/cameo-chaos-mutants selftest

# A rolling update to a later version of entries, while users register, on what `chaos-selftest` has built.
chaos-upgrade:
    cargo build --locked --workspace --features cameo-chaos/mutants --bin cameo-chaos-mutants --bin cameod-mutants --quiet
    target/debug/cameo-chaos-mutants upgrade

# Format, apply what clippy can mend, drop unused dependencies.
fix:
    cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets --quiet
    cargo shear --fix
    cargo fmt --all

# The demo for people: `just demo --photo FILE --nodes 5 --keep DIR`.
demo *arguments:
    cargo run --release --bin cameo -- demo {{ arguments }}

# Nodes and jobs under faults: `just chaos SEED ROUNDS JOBS`.
chaos seed=`od -An -N4 -tu4 /dev/urandom | tr -d ' '` rounds="10" jobs="200":
    cargo build --workspace --bins --quiet
    target/debug/cameo-chaos kill --rounds {{ rounds }} --seed {{ seed }}
    target/debug/cameo-chaos jobs --jobs {{ jobs }} --seed {{ seed }}

# A benchmark, as in `just bench growth --quick`: codec, placement, dispatch, core, failover, growth, rolling, sessions.
bench what *arguments:
    cargo run --release --bin cameo-bench -- {{ what }} {{ arguments }}

# Each fuzz target for so many seconds, or the named ones.
fuzz seconds="60" *targets:
    sh fuzz/run {{ seconds }} {{ targets }}

# Planted changes in the machine and in rights that a test must notice (.cargo/mutants.toml).
mutants *arguments:
    cargo mutants {{ arguments }}
