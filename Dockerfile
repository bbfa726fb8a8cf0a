# The service in a container: docker build -t svm .

FROM rust:1.95-bookworm AS build
WORKDIR /svm

# The dependencies alone, in a layer that lasts until a manifest changes. The targets outside src
# are taken out of the manifests: cargo wants to see their files even where it does not build them.
# The other packages become empty libraries, since Cargo.lock knows them.
COPY Cargo.toml Cargo.lock ./
COPY benches/rigs/Cargo.toml benches/rigs/
COPY tests/simulated-github/Cargo.toml tests/simulated-github/
RUN for manifest in Cargo.toml benches/rigs/Cargo.toml tests/simulated-github/Cargo.toml; do \
        awk '/^\[/ { skip = /^\[\[(bench|example|test)\]\]/ || (/^\[\[bin\]\]/ && FILENAME != "Cargo.toml") } !skip' "$manifest" > manifest \
        && mv manifest "$manifest" || exit 1; \
    done \
    && mkdir src benches/rigs/src tests/simulated-github/src \
    && touch src/lib.rs benches/rigs/src/lib.rs tests/simulated-github/src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --bin svm \
    && rm -r src

# The service. Copied files keep their times, which may lie before the build above: touched, they
# count as changed.
ARG SVM_COMMIT
ARG SOURCE_DATE_EPOCH
COPY build.rs ./
COPY src src
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked --bin svm \
    && target/release/svm --version

FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/svm svm \
    && install --directory --owner svm --group svm --mode 0750 /var/lib/svm

COPY --from=build /svm/target/release/svm /usr/local/bin/svm

USER svm:svm
ENV CACHE_DIR=/var/lib/svm
# After the folder has its owner: a new volume starts as a copy of it.
VOLUME /var/lib/svm
EXPOSE 8000
STOPSIGNAL SIGTERM
# The start may wait 10 seconds for the process before this one to let go of the store.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["svm", "healthcheck"]
ENTRYPOINT ["svm"]
