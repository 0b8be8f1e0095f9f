#!/usr/bin/env bash
# Times rdp-triage beside its peers on the same files, in turn, with a warm cache, and
# prints a Markdown table: medians of the runs, the ratio to the peer, peak memory.
#
#   benches/peers.sh [--size MIB] [--runs N] [--folder DIR] [--keep]
#
# Peers: evtx_dump 0.15.1 (installed below the folder if it is not on the PATH) and a
# walk over nothing but the record headers. Needs GNU time (Debian: time).
set -euo pipefail
cd "$(dirname "$0")/.."

size=1024 runs=5 folder=${TMPDIR:-/tmp}/rdp-triage-bench keep=no
while [ $# -gt 0 ]; do
    case $1 in
    --size) size=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    --folder) folder=$2 && shift 2 ;;
    --keep) keep=yes && shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
done
mkdir -p "$folder"
[ "$keep" = yes ] || trap 'rm -f "$folder"/*.evtx' EXIT

cargo build --quiet --release --locked --bin rdp-triage
cargo build --quiet --release --locked --example make_load
tool=$PWD/target/release/rdp-triage
load=$PWD/target/release/examples/make_load
dump=$(command -v evtx_dump || true)
if [ -z "$dump" ]; then
    dump=$folder/tools/bin/evtx_dump
    [ -x "$dump" ] || cargo install --quiet evtx --version 0.15.1 --locked --root "$folder/tools"
fi

# Runs a command once; prints wall seconds and peak KiB.
once() { /usr/bin/time -f '%e %M' "$@" 2>&1 >/dev/null | tail -n 1; }

# median FIELD FILE
median() { awk -v f="$1" '{ print $f }' "$2" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# pair LABEL PEER_NAME FILE -- OURS... -- PEER...
pair() {
    local label=$1 peer=$2 file=$3
    shift 4
    local ours=()
    while [ "$1" != -- ]; do ours+=("$1") && shift; done
    shift
    : >"$folder/ours" && : >"$folder/peer"
    cat "$file" >/dev/null
    once "${ours[@]}" >/dev/null
    once "$@" >/dev/null
    for _ in $(seq "$runs"); do
        once "${ours[@]}" >>"$folder/ours"
        once "$@" >>"$folder/peer"
    done
    awk -v label="$label" -v peer="$peer" \
        -v a="$(median 1 "$folder/ours")" -v b="$(median 1 "$folder/peer")" \
        -v m="$(median 2 "$folder/ours")" -v n="$(median 2 "$folder/peer")" \
        'BEGIN { printf "| %s | %s | %.2f s | %.2f s | %.2f | %d MiB | %d MiB |\n", label, peer, a, b, a / b, m / 1024, n / 1024 }'
}

analyze() { echo "$tool" analyze --quiet --format json --output "$folder/report.json" --jobs "$1" "$2"; }

echo "$(date -u +%F), $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $size MiB a file, medians of $runs, warm cache"
echo
echo "| input | peer | rdp-triage | peer | ratio | memory | peer's |"
echo "|---|---|---|---|---|---|---|"
for kind in rare flood; do
    file=$folder/$kind.evtx
    [ -s "$file" ] || "$load" "logs-$kind" "$size" "$file"
    case $kind in
    rare) label="logs, 0.5 % of the records wanted" ;;
    flood) label="logs, every record wanted" ;;
    esac
    for jobs in 1 2; do
        # shellcheck disable=SC2046
        pair "$label" "evtx_dump, threads: $jobs" "$file" -- $(analyze "$jobs" "$file") -- "$dump" --threads "$jobs" --format jsonl "$file"
        # shellcheck disable=SC2046
        pair "$label" "walk over the headers; jobs: $jobs" "$file" -- $(analyze "$jobs" "$file") -- "$load" walk "$file"
    done
done
