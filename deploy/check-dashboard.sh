#!/usr/bin/env bash
# Asks a real Prometheus everything that the dashboard and the alerts ask.
#
#   deploy/check-dashboard.sh
#
# The simulated GitHub, svm and Prometheus run on free ports of the loopback. Each query of the
# dashboard is to give a number, each alert to be understood and to be silent while all is well;
# alerts.test.yml says when they fire.
#
# Needs bash, curl, jq, prometheus and promtool, and beforehand
# `cargo build --bin svm --example simulated-github`.
set -euo pipefail

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dashboard=$deploy/grafana/dashboards/svm.json
target=$(realpath "${CARGO_TARGET_DIR:-$deploy/../target}")
patience=60

for program in curl jq prometheus promtool; do
    command -v "$program" >/dev/null || { echo "$program is missing; Debian has it: apt-get install $program" >&2; exit 69; }
done

# The steps ----------------------------------------------------------------------------------------

main() {
    check_files
    start_github
    start_svm
    start_prometheus
    make_traffic
    printf '\n%-9s %-30s %7s  %s\n' kind name series 'first value'
    check_variables
    check_panels
    check_alerts
    ((${#faults[@]} == 0)) || fail "$(printf '%s\n' "${#faults[@]} of $checks:" "${faults[@]}")"
    echo
    echo "$checks checks, all well"
}

# The checks that need no process.
check_files() {
    promtool check config "$deploy/prometheus.yml"
    promtool test rules "$deploy/alerts.test.yml"
}

start_github() {
    # It gives out tokens of its own only where there are none: real ones have no business here.
    unset GITHUB_PATS API_USAGE_THRESHOLD
    "$target/debug/examples/simulated-github" --quiet >environment 2>github.log &
    processes+=($!)
    wait_for "the simulated GitHub" grep -q API_USAGE_THRESHOLD environment
    set -a
    source environment
    set +a
}

start_svm() {
    free_port
    service=127.0.0.1:$port
    # Sweeps often enough to see some.
    HOST=127.0.0.1 PORT=$port CACHE_DIR=store REVALIDATE_INTERVAL=2s "$target/debug/svm" >svm.log 2>&1 &
    processes+=($!)
    wait_for svm curl --silent --fail --output /dev/null "http://$service/ping"
}

# The rules of the deployment, at another pace and with another target.
start_prometheus() {
    free_port
    prometheus=http://127.0.0.1:$port
    cat >prometheus.yml <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$deploy/alerts.yml]
scrape_configs:
  - job_name: svm
    static_configs: [{targets: ["$service"]}]
END
    prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address="127.0.0.1:$port" \
        >prometheus.log 2>&1 &
    processes+=($!)
    wait_for Prometheus curl --silent --fail --output /dev/null "$prometheus/-/ready"
    # Before there is traffic, so that every counter is seen to rise.
    wait_for "the first scrape" gives_a_number 'up{job="svm"} == 1'
}

# One of each: a miss, hits, a refresh, a document that does not exist, an answer that is a limit, a
# refused request.
make_traffic() {
    local cat=https://api.github.com/repos/octo/cat/releases/latest
    ask 200 MISS "$cat"
    for _ in {1..20}; do ask 200 HIT "$cat"; done
    ask 200 MISS https://api.github.com/repos/octo/zoo/releases/latest
    ask 200 REVALIDATED "$cat&refresh=true"
    ask 404 MISS https://api.github.com/repos/octo/nothing/releases/latest
    ask 429 MISS https://raw.githubusercontent.com/octo/limited/main/version.json
    ask 400 BYPASS https://example.com/
}

# The variables that ask Prometheus for their values; only label_values is understood here.
check_variables() {
    local name query metric label
    while IFS=$'\t' read -r name query; do
        [[ $query =~ ^label_values\((.*),\ *([a-z_]+)\)$ ]] || fail "the variable $name asks $query"
        metric=${BASH_REMATCH[1]} label=${BASH_REMATCH[2]}
        check_query variable "$name" "count by ($label) ($metric{$label!=\"\"})"
    done < <(jq -r '.templating.list[] | select(.type == "query") | [.name, .query.query] | @tsv' "$dashboard")
}

check_panels() {
    local title expression panels='.panels[] | (., .panels[]?) | select(.targets)'
    while IFS=$'\t' read -r title expression; do
        check_query panel "$title" "$(substituted "$expression")"
    done < <(jq -r "$panels | .title as \$title | .targets[] | [\$title, .expr] | @tsv" "$dashboard")
}

check_alerts() {
    local name expression loaded=0 state
    wait_for "the evaluation of every alert" all_alerts_are_ok
    while IFS=$'\t' read -r name expression; do
        query "$expression"
        state=silent
        ((count == 0)) || { state=active; faults+=("the alert $name is active: $expression"); }
        report alert "$name" "$state"
        loaded=$((loaded + 1))
    done < <(rules '.name, .query')
    ((loaded == $(grep -c -- '- alert:' "$deploy/alerts.yml"))) || fail "only $loaded alerts are loaded"
}

# Their means --------------------------------------------------------------------------------------

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

# wait_for WHAT COMMAND...: until the command succeeds, or for as long as the patience lasts.
wait_for() {
    local what=$1 process deadline=$((SECONDS + patience))
    shift
    until "$@"; do
        for process in "${processes[@]}"; do
            kill -0 "$process" 2>/dev/null || fail "a process has ended: $(tail --lines 5 ./*.log)"
        done
        ((SECONDS < deadline)) || fail "$what does not come: $(tail --lines 5 ./*.log)"
        sleep 0.2
    done
}

free_port() {
    while :; do
        port=$((20000 + RANDOM % 10000))
        { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 0
        exec 3>&- 3<&-
    done
}

# ask STATUS X-CACHE URL: a request to the service whose answer is known.
ask() {
    local told
    told=$(curl --silent --output /dev/null --dump-header - "http://$service/version?url=$3" | tr -d '\r')
    [[ $told == "HTTP/1.1 $1 "* && $told == *"x-cache: $2"* ]] || fail "$3 is no $1 $2: $told"
}

# The expression as Grafana would send it, for all replicas and a minute.
substituted() {
    local expression=${1//'$instance'/.*}
    expression=${expression//'$__rate_interval'/1m}
    [[ $expression != *'$'* ]] || fail "unknown variable in $expression"
    echo "$expression"
}

# Asks Prometheus: the number of series that are numbers goes to `count`, one of the values to
# `first`.
query() {
    local answer
    answer=$(curl --silent --get --data-urlencode "query=$1" "$prometheus/api/v1/query")
    [[ $(jq -r .status <<<"$answer") == success ]] || fail "Prometheus refuses $1: $(jq -r .error <<<"$answer")"
    read -r count first < <(jq -r '[.data.result[].value[1] | select(. != "NaN")] | "\(length) \(.[0] // "-")"' <<<"$answer")
}

gives_a_number() {
    query "$1"
    ((count > 0))
}

# check_query KIND NAME EXPRESSION: a number comes, at the latest when the patience of all queries
# together has ended.
check_query() {
    : "${queries_end:=$((SECONDS + patience))}"
    until gives_a_number "$3"; do
        ((SECONDS < queries_end)) || { faults+=("the $1 $2 gives no number: $3"); break; }
        sleep 0.2
    done
    report "$1" "$2" "$first"
}

report() {
    checks=$((checks + 1))
    printf '%-9s %-30s %7s  %s\n' "$1" "$2" "$count" "$3"
}

# The alerts as Prometheus has read them, a line each.
rules() {
    curl --silent "$prometheus/api/v1/rules?type=alert" | jq -r ".data.groups[].rules[] | [$1] | @tsv"
}

all_alerts_are_ok() {
    local health
    health=$(rules .health | sort -u)
    [[ $health != *err* ]] || fail "an alert cannot be evaluated: $(rules '.name, .lastError')"
    [[ $health == ok ]]
}

folder=$(mktemp -d)
processes=()
faults=()
checks=0
trap 'kill "${processes[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
main
