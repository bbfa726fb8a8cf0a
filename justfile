# The commands of this repository. `.ci/run` and the workflow call `just ci` and nothing else.
#
# They need bash, cargo and a C compiler. Where `cargo-nextest` is installed it runs the tests.

target := env("CARGO_TARGET_DIR", "target")

# List the recipes.
[private]
default:
    @just --list --unsorted

# Run the service on port 8000: against GitHub if GITHUB_PATS is set, else against a simulation.
[positional-arguments]
run *arguments:
    #!/usr/bin/env bash
    set -euo pipefail

    # The first word of a variable's value, as the service will see it: the environment wins over
    # the .env of this folder, and an empty value is unset.
    setting() {
        if [[ ${!1:-} =~ [^[:space:]] ]]; then
            echo "${!1}"
        elif [[ -f .env ]]; then
            local line="^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*['\"]?([^'\"#[:space:]]+).*"
            sed -nE "/$line/{s/$line/\2/p;q}" .env
        fi
    }

    # Another service may use that Redis, under the same keys.
    if [[ -z $(setting GITHUB_PATS) && -n $(setting REDIS_HOST) ]]; then
        echo "just run: REDIS_HOST is set; a simulation stores invented documents, so unset it, in .env too" >&2
        exit 1
    fi

    # One command for both: cargo would build all of it again for another set of targets.
    cargo build --release --bin svm --example simulated-github
    if [[ -n $(setting GITHUB_PATS) ]]; then
        [[ -n $(setting API_USAGE_THRESHOLD) ]] || export API_USAGE_THRESHOLD=100
        exec "{{ target }}/release/svm" "$@"
    fi

    # For the banner, which names the port.
    PORT=$(setting PORT)
    export PORT
    # A store for this run alone: invented documents never mix with real ones, nor with those of
    # another run.
    exec "{{ target }}/release/examples/simulated-github" --store "{{ target }}/simulated-data" "$@" \
        -- "{{ target }}/release/svm"

# Run all tests.
[positional-arguments]
test *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    if cargo nextest --version >/dev/null 2>&1; then
        cargo test --doc
        cargo nextest run --no-fail-fast "$@"
    else
        cargo test --no-fail-fast "$@"
    fi

# Play so many random sequences to the service and to its model; `just test` plays 256.
model cases:
    PROPTEST_CASES={{ cases }} cargo test --test it model::

# New inputs go to the target folder; the corpus in fuzz/corpus only grows by hand. No sanitizer:
# our code has nothing unsafe in which it could find a fault, and without it a target runs several
# times as often. Needs a nightly compiler and cargo-fuzz.
#
# Run each fuzz target, or those named, for so many seconds, two at a time.
fuzz seconds *targets:
    #!/usr/bin/env bash
    set -euo pipefail
    run() {
        local found="{{ target }}/fuzz/corpus/$1" log="{{ target }}/fuzz/$1.log"
        mkdir -p "$found" "{{ target }}/fuzz/artifacts/$1"
        "$built/$1" "$found" "fuzz/corpus/$1" "-dict=fuzz/dictionaries/$1.dict" \
            "-artifact_prefix={{ target }}/fuzz/artifacts/$1/" \
            -max_total_time={{ seconds }} -timeout=10 -print_final_stats=1 >"$log" 2>&1 || {
            tail -n 30 "$log"
            echo "$1: failed"
            return 1
        }
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions," \
            "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1), $(grep -c NEW "$log" || true) new inputs"
    }
    cargo +nightly fuzz build --sanitizer none --target-dir "{{ target }}/fuzz"
    built=$(echo "{{ target }}"/fuzz/*/release)
    export built
    export -f run
    chosen="{{ targets }}"
    [[ -n $chosen ]] || chosen=$(ls fuzz/corpus)
    xargs -n 1 -P 2 bash -euo pipefail -c 'run "$0"' <<<"$chosen"

# Check formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Build the documentation of the code.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Time a hit in layers; with a layer's name, that one alone.
[positional-arguments]
bench *arguments:
    cargo bench --bench hit "$@"

# Of the simulated GitHub's documents, or of these files and folders.
#
# Print the cost and the savings of the gzip forms of documents.
[positional-arguments]
compression *paths:
    cargo bench --bench hit -- compression "$@"

# Fail if a hit costs more than is allowed.
bench-guard:
    cargo bench --bench guard

# Build the service and a program of benches/rigs, both as they are released.
[private]
rig program:
    cargo build --release --package svm-cache --bin svm --package svm-rigs --bin {{ program }}

# Freeze Redis under a load of hits and misses, which must go on: 5 rounds of 2 times 30 s.
[positional-arguments]
chaos *arguments: (rig "chaos")
    "{{ target }}/release/chaos" freeze "$@"

# Count the requests of three replicas on one Redis to GitHub, against one alone: 6 minutes.
[positional-arguments]
replicas *arguments: (rig "chaos")
    "{{ target }}/release/chaos" replicas "$@"

# Count the requests to GitHub after a restart of all processes, against before: 9 minutes.
[positional-arguments]
restart-burst *arguments: (rig "chaos")
    "{{ target }}/release/chaos" restart "$@"

# Needs cargo-llvm-cov with llvm-tools.
#
# Measure the line coverage of the tests, and fail where it is too low: 10 minutes.
coverage:
    cargo llvm-cov clean --workspace
    cargo llvm-cov nextest --no-report --no-fail-fast --lib --bins --test it
    cargo llvm-cov report --lcov --output-path {{ target }}/coverage.lcov
    cargo llvm-cov report --html --output-dir {{ target }}/coverage
    tests/coverage.sh {{ target }}/coverage.lcov

# Needs cargo-mutants.
#
# Break the modules that must not be wrong, one place at a time, and run their tests: 2 hours.
[positional-arguments]
mutants *arguments:
    cargo mutants --output {{ target }} "$@"

# Pour a million unknown URLs, three times over, into a full cache under hits: some 10 minutes.
[positional-arguments]
flood *arguments: (rig "chaos")
    "{{ target }}/release/chaos" flood "$@"

# Installs nginx, Varnish and wrk from Debian's packages where they are missing.
#
# Compare a hit with nginx, Varnish and the bare libraries, on one core, in turns: some 15 minutes.
[positional-arguments]
bench-peers *arguments: (rig "peers")
    benches/rigs/peers/install.sh
    PATH="$PATH:/usr/sbin" "{{ target }}/release/peers" "$@"

# A million entries, 10,000 connections, a crowd for one cold key, a storm of misses.
#
# Measure the cost of a hit, an entry and a connection when there are many: some 10 minutes.
[positional-arguments]
scale *arguments: (rig "chaos")
    "{{ target }}/release/chaos" scale "$@"

# Without optimisation: nothing is measured, and to link one of them with it takes more than a
# minute of a core.
#
# Build the benches and the rigs without running them.
bench-build:
    cargo build --workspace --bench '*' --bin '*'

# Needs jq and Debian's package prometheus.
#
# Run all queries of the dashboard and of the alerts on a real Prometheus.
dashboard-check:
    cargo build --bin svm --example simulated-github
    deploy/check-dashboard.sh

# Needs curl, openssl, Python and npm. Of Debian's packages gh, hub, ruby-octokit, and golang with
# golang-github-google-go-github-dev take part, and nginx and caddy, where they are installed.
#
# Run real clients of GitHub's API against the service, in a network of their own.
clients:
    tests/clients/run.sh "{{ target }}/clients"

# Needs curl and Python with venv; schemathesis comes from PyPI.
#
# Check /openapi.json against the schema of OpenAPI 3.1, and the running service against it.
[positional-arguments]
openapi-check *arguments:
    cargo build --bin svm --example simulated-github
    tests/openapi/check.sh "{{ target }}/tools/openapi" "$@"

# Needs Debian's package chromium, Python and npm.
#
# Look at the status page in a real browser: contents, form, updates, policy, contrast, widths.
[positional-arguments]
page-check *arguments:
    cargo build --bin svm --example simulated-github
    tests/page/run.sh "{{ target }}/page" "$@"

# Run the clients that need no installation.
client-test:
    cargo test --workspace --test clients

# Needs curl and Debian's package bubblewrap.
#
# Run the service as its container does, without a container engine.
sandbox-check:
    cargo build --bin svm --example simulated-github
    deploy/check-sandbox.sh

# Check the licences, origins and duplicates of the dependencies; needs cargo-deny.
deny:
    cargo deny --locked --workspace check --hide-inclusion-graph --deny warnings bans licenses sources

# Look the dependencies up among known vulnerabilities; needs cargo-audit and the network.
audit:
    cargo audit --deny warnings

# Write the bill of materials to target/svm.cdx.json, in CycloneDX; needs cargo-cyclonedx.
sbom:
    cargo cyclonedx --format json --spec-version 1.5 --describe binaries --no-build-deps
    rm -f benches/rigs/*_bin.cdx.json tests/simulated-github/*_bin.cdx.json
    mv svm_bin.cdx.json {{ target }}/svm.cdx.json

# Needs python3 with pip, and wrk, curl and rustup for the profile that the compiler goes by.
# Another target than the default needs its standard library, and a machine of its kind for the
# profile.
#
# Build the binary of a release and its archive in target/packages, for any glibc since 2.17.
portable triple="x86_64-unknown-linux-gnu":
    deploy/release/binary.sh {{ triple }}

# Needs wrk: installs Debian's where it is missing.
#
# Fail if a hit of the portable binary costs more than 0.95 of the ordinary one's: 8 minutes.
portable-check: portable
    cargo build --release --bin svm
    cargo build --example simulated-github
    deploy/release/check-binary.sh
    deploy/release/check-speed.sh

# Build the Debian package in target/packages.
deb: portable
    deploy/release/deb.sh

# Needs root. The roots of Debian come from its mirror, once.
#
# Install, start, upgrade, remove and purge the Debian package in a bare Debian 12 with systemd.
deb-check: deb
    cargo build --example simulated-github
    deploy/release/check-deb.sh

# Needs root.
#
# Try install.sh against a release that is served on the loopback.
install-check: portable
    deploy/release/check-install.sh

# Needs python3 with pip, which brings Helm's library.
#
# Render the Helm chart and validate its objects.
chart-check:
    deploy/release/check-chart.sh

# Needs curl and python3.
#
# Run the examples of the simulated GitHub, and compare it with the rule of ETags.
simulated-check:
    cargo build --package simulated-github
    tests/simulated-github/check.sh

# Needs root and Debian's packages shellcheck and ruby, and installs them where they are missing.
#
# Run all that the release workflow does and that needs no account: some 15 minutes.
release-check: portable-check deb-check install-check chart-check simulated-check
    deploy/release/check-scripts.sh
    deploy/release/check-publishing.sh
    cargo package --allow-dirty

# Run all checks of a change; the tests come last, so that their summary ends the output.
ci: lint deny docs bench-build client-test bench-guard test
