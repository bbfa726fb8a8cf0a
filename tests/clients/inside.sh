#!/usr/bin/env bash
# The part of run.sh inside of the namespaces: GitHub and svm on port 443 of two loopback addresses,
# and the clients, twice each. First the clients have svm's address as their setting; then they have
# none, and the name api.github.com leads to svm.
set -euo pipefail

folder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ip link set lo up

github=127.0.0.1
svm=127.0.0.2
releases=250
python=$folder/python/bin/python

# Where each name leads.
names() {
    printf '%s\n' "127.0.0.1 localhost" "$svm svm svm.example" "$1 api.github.com" \
        "$github github.com" "$github codeload.github.com" \
        "$github release-assets.githubusercontent.com" > "$work/hosts"
}
names "$github"
mount --bind "$work/hosts" /etc/hosts

target/debug/examples/simulated-github --quiet --listen $github:443 \
    --requests "$work/requests" > "$work/environment" &
simulation=$!
for _ in {1..100}; do [[ -s $work/environment ]] && break; sleep 0.1; done
# shellcheck disable=SC1091
source "$work/environment"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
    -subj /CN=svm \
    -addext subjectAltName=DNS:svm.example,DNS:api.github.com,DNS:github-api.example \
    -addext basicConstraints=critical,CA:FALSE \
    -keyout "$work/tls.key" -out "$work/tls.crt" 2> "$work/openssl.log"
cat "$UPSTREAM_CA_FILE" "$work/tls.crt" > "$work/bundle.pem"

# Starts svm with this public address, in an empty folder.
serve() {
    mkdir "$work/$1"
    (cd "$work/$1" && exec env HOST=$svm PORT=443 PUBLIC_URL="https://$1" LOG_FORMAT=json \
        TLS_CERT_FILE="$work/tls.crt" TLS_KEY_FILE="$work/tls.key" "$OLDPWD/target/debug/svm" \
        > "$work/$1.log") &
    server=$!
    curl -sf --retry 50 --retry-delay 0 --retry-max-time 10 --retry-connrefused \
        --cacert "$work/bundle.pem" https://svm.example/ping > /dev/null
}

# The calls that svm has made.
calls() {
    curl -sf --cacert "$work/bundle.pem" https://svm.example/metrics |
        sed -n 's/^svm_upstream_requests_total //p'
}

failures=0
# Runs a client twice: each run reads all releases and an asset, and the second costs no call.
twice() {
    local name=$1 said before
    shift
    for run in first second; do
        before=$(calls)
        said=$(timeout 60 "$@" 2>&1 | tail -n 3) || said="failed: $said"
        said+=" calls=$(($(calls) - before))"
        case $run,$said in
            first,"releases=$releases distinct=$releases"*) ;;
            second,"releases=$releases distinct=$releases"*calls=0) ;;
            *) said+="  FAILED" failures=$((failures + 1)) ;;
        esac
        printf '%-22s %-7s %s\n' "$name" "$run" "$said"
    done
}

# The clients that are there, with an address of the API or without.
all() {
    twice PyGithub "$python" tests/clients/pygithub.py "$@"
    twice github3.py "$python" tests/clients/github3.py "$@"
    twice @octokit/rest env NODE_PATH="$folder/node_modules" node tests/clients/octokit.cjs "$@"
    twice gidgethub "$python" tests/clients/gidget.py "$@"
    twice mise env PATH="$folder/node_modules/.bin:$PATH" tests/clients/mise.sh "$@"
    if ruby -e 'require "octokit"' 2> /dev/null; then
        twice octokit.rb ruby -W0 tests/clients/octokit.rb "$@"
    else
        echo "octokit.rb: not installed"
    fi
    if [[ -x $folder/go-github ]]; then
        twice go-github "$folder/go-github" "$@"
    else
        echo "go-github: not installed"
    fi
    for program in gh hub; do
        if command -v $program > /dev/null; then
            twice $program tests/clients/$program.sh "$@"
        else
            echo "$program: not installed"
        fi
    done
}

export SSL_CERT_FILE=$work/bundle.pem REQUESTS_CA_BUNDLE=$work/bundle.pem \
    NODE_EXTRA_CA_CERTS=$work/bundle.pem HOME=$work GH_TOKEN=ghp_canary0123456789 \
    GITHUB_TOKEN=ghp_canary0123456789 GH_ENTERPRISE_TOKEN=ghp_canary0123456789

echo "svm as the address of the API:"
serve svm.example
all https://svm.example
kill $server && wait $server || true

echo "svm in GitHub's place:"
names "$svm"
serve api.github.com
all
kill $server && wait $server || true

echo "svm behind a proxy:"
names "$github"
mkdir "$work/proxied"
(cd "$work/proxied" && exec env HOST=$svm PORT=8000 PUBLIC_URL=https://github-api.example \
    LOG_FORMAT=json "$OLDPWD/target/debug/svm" > "$work/proxied.log") &
server=$!
tests/clients/proxies.sh "$work" || failures=$((failures + 1))
kill $server && wait $server || true

kill -INT $simulation && wait $simulation || true
# Requests to the API that svm did not make.
if grep -v -e ' svm/' -e '/user ' -e ^POST "$work/requests" | grep -F 'https://api.github.com'; then
    echo "clients: these requests went past svm" >&2
    failures=$((failures + 1))
fi
if grep -rqF canary "$work/requests" "$work/svm.example" "$work/api.github.com" "$work"/*.log; then
    echo "clients: a client's token is in a log, a store or a request" >&2
    failures=$((failures + 1))
fi
[[ $failures = 0 ]] || { echo "clients: $failures failed" >&2; exit 1; }
