#!/usr/bin/env bash
# The proxies of docs/clients.md, as they stand there but for addresses and paths, where they are
# installed: reads of repositories go to svm, the rest to GitHub with the client's own token.
#
# proxies.sh FOLDER: with tls.crt, tls.key, bundle.pem and the file of the simulation's requests.
set -euo pipefail

work=$1
trap 'kill "$proxy" 2>/dev/null || true' EXIT

# The example in this language.
example() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" docs/clients.md | sed '1d;$d'; }

nginx_proxy() {
    mkdir -p "$work/nginx"
    {
        echo "pid $work/nginx/pid; error_log $work/nginx/error; daemon off; user root;"
        # A worker would change its groups, which no namespace allows.
        echo "master_process off;"
        echo "events {} http { access_log off;"
        # The system's folders are of a user whom the namespace does not know.
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $work/nginx/$kind;"
        done
        # No name server here: the address is looked up once.
        example nginx | sed -e "s|/etc/nginx/tls|$work/tls|; s|listen 443|listen $1:443|" \
            -e "s|/etc/ssl/certs/ca-certificates.crt|$work/bundle.pem|" \
            -e '/resolver /d; s|proxy_pass $github|proxy_pass https://api.github.com|'
        echo "}"
    } > "$work/nginx/conf"
    exec nginx -c "$work/nginx/conf" -e "$work/nginx/error"
}

caddy_proxy() {
    {
        echo "{"
        echo "	admin off"
        echo "	auto_https disable_redirects"
        echo "}"
        example caddyfile | sed "1a\\	bind $1\\n	tls $work/tls.crt $work/tls.key"
    } > "$work/Caddyfile"
    exec caddy run --adapter caddyfile --config "$work/Caddyfile" 2> "$work/caddy.err"
}

check() {
    local address=$1 base=https://github-api.example
    ask() {
        curl -s --max-time 10 --cacert "$work/bundle.pem" -H 'Authorization: Bearer ghp_own' \
            --resolve "github-api.example:443:$address" "$@"
    }
    for _ in {1..50}; do
        ask -o "$work/answer" "$base/repos/octo/many/releases/latest" && break
        sleep 0.1
    done
    # From svm, with addresses that lead to the proxy.
    grep -qF "\"url\":\"$base/api/v3/repos/octo/many/releases/" "$work/answer"
    [[ $(ask -o "$work/answer" -w '%{http_code}' "$base/api/v3/repos/octo/many/releases") = 200 ]]
    # From GitHub, which knows the token: the user, and the refusal of a write.
    ask "$base/user" | grep -q '"login"'
    ask -X POST -d '{}' "$base/repos/octo/many/releases" |
        grep -qF 'Resource not accessible by personal access token'
}

for program in nginx caddy; do
    if ! command -v $program > /dev/null; then
        echo "$program: not installed"
        continue
    fi
    address=127.0.0.$((${#program} + 10))
    ${program}_proxy "$address" &
    proxy=$!
    if check "$address"; then
        echo "$program: reads by svm, the rest by GitHub"
    else
        echo "$program: FAILED" >&2
        tail -n 5 "$work/nginx/error" "$work/caddy.err" 2>/dev/null >&2 || true
        exit 1
    fi
    kill "$proxy" && wait "$proxy" || true
done
