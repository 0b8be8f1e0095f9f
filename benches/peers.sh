#!/usr/bin/env bash
# Times rdp-triage beside its peers on the same files, in turn, with a warm cache, and
# prints Markdown tables: medians of the runs, the ratio to the peer, peak memory.
#
#   benches/peers.sh [--size MIB] [--runs N] [--tshark-runs N] [--tickets N]
#                    [--repeat LOG]... [--folder DIR] [--keep]
#
# --size MIB        of every generated file (1024)
# --runs N          pairs whose median counts (5)
# --tshark-runs N   the same for tshark, which takes minutes (1); 0 leaves it out
# --tickets N       cases for `batch` (5000); 0 leaves it out
# --repeat LOG      a real .evtx log, repeated to the size (may be given several times)
# --folder DIR      where the files go ($TMPDIR/rdp-triage-bench); --keep keeps them
#
# Peers: tcpdump, tshark and capinfos (Debian: tcpdump, tshark), evtx_dump 0.15.1
# (installed below the folder if it is not on the PATH), and a walk over nothing but the
# headers. Needs GNU time (Debian: time).
set -euo pipefail
cd "$(dirname "$0")/.."

size=1024 runs=5 tshark_runs=1 tickets=5000 folder=${TMPDIR:-/tmp}/rdp-triage-bench keep=no
repeat=()
while [ $# -gt 0 ]; do
    case $1 in
    --size) size=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    --tshark-runs) tshark_runs=$2 && shift 2 ;;
    --tickets) tickets=$2 && shift 2 ;;
    --repeat) repeat+=("$2") && shift 2 ;;
    --folder) folder=$2 && shift 2 ;;
    --keep) keep=yes && shift ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
done
for needed in tcpdump tshark capinfos; do
    command -v "$needed" >/dev/null || { echo "$needed is not installed" >&2 && exit 2; }
done
[ -x /usr/bin/time ] || { echo "GNU time is not installed" >&2 && exit 2; }
mkdir -p "$folder"
cleanup() {
    rm -rf "$folder"/{ours,peer,before,report-*,results}
    [ "$keep" = yes ] || rm -rf "$folder"/*.{evtx,pcap,pcapng} "$folder/tickets"
}
trap cleanup EXIT

cargo build --quiet --release --locked --bin rdp-triage --example make_load
tool=$PWD/target/release/rdp-triage
load=$PWD/target/release/examples/make_load
dump=$(command -v evtx_dump || true)
if [ -z "$dump" ]; then
    dump=$folder/tools/bin/evtx_dump
    [ -x "$dump" ] || cargo install --quiet evtx --version 0.15.1 --locked --root "$folder/tools"
fi

# Runs a command once; prints wall seconds and peak KiB.
once() {
    local begin=$EPOCHREALTIME memory
    memory=$(/usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1)
    awk -v a="$begin" -v b="$EPOCHREALTIME" -v m="$memory" 'BEGIN { print b - a, m }'
}

# median FIELD FILE
median() { awk -v f="$1" '{ print $f }' "$2" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

warm() { cat "$1" >/dev/null; }

# pair RUNS LABEL PEER_NAME FILE -- OURS... -- PEER...
pair() {
    local runs=$1 label=$2 peer=$3 file=$4
    shift 5
    local ours=()
    while [ "$1" != -- ]; do ours+=("$1") && shift; done
    shift
    : >"$folder/ours" && : >"$folder/peer"
    warm "$file"
    [ "$runs" -lt 3 ] || { once "${ours[@]}" && once "$@"; } >/dev/null
    for _ in $(seq "$runs"); do
        once "${ours[@]}" >>"$folder/ours"
        once "$@" >>"$folder/peer"
    done
    awk -v label="$label" -v peer="$peer" \
        -v a="$(median 1 "$folder/ours")" -v b="$(median 1 "$folder/peer")" \
        -v m="$(median 2 "$folder/ours")" -v n="$(median 2 "$folder/peer")" \
        'BEGIN { printf "| %s | %s | %.2f s | %.2f s | %.*f | %d MiB | %d MiB |\n", label, peer, a, b, a / b < 0.1 ? 4 : 2, a / b, m / 1024, n / 1024 }'
}

analyze() { echo "$tool" analyze --quiet --format json --output "$folder/report-$1.json" --jobs "$1" "$2"; }

# make KIND FILE: a generated file of the size, unless it is there.
make() {
    [ -s "$2" ] || "$load" "$1" "$size" "$2"
    # The first lines of a table must not wait for the disk.
    sync "$2"
}

# against_itself LABEL FILE KIND: one thread against two, and twice the size.
against_itself() {
    local label=$1 file=$2 kind=$3 double
    double=$folder/double.${file##*.}
    "$load" $kind $((size * 2)) "$double"
    : >"$folder/ours" && : >"$folder/peer" && : >"$folder/before"
    warm "$file" && warm "$double"
    for _ in $(seq "$runs"); do
        # shellcheck disable=SC2046
        once $(analyze 1 "$file") >>"$folder/before"
        # shellcheck disable=SC2046
        once $(analyze 2 "$file") >>"$folder/ours"
        cmp --quiet "$folder/report-1.json" "$folder/report-2.json" || echo "$label: one thread and two differ" >&2
        # shellcheck disable=SC2046
        once $(analyze 2 "$double") >>"$folder/peer"
    done
    rm "$double"
    awk -v label="$label" -v a="$(median 1 "$folder/before")" -v b="$(median 1 "$folder/ours")" \
        -v c="$(median 1 "$folder/peer")" -v m="$(median 2 "$folder/ours")" -v n="$(median 2 "$folder/peer")" \
        'BEGIN { printf "| %s | %.2f s | %.2f s | %.2f | %.2f | %.2f |\n", label, a, b, b / a, c / b, n / m }'
}

echo "$(date -u +%F), $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $size MiB a file, medians of $runs (tshark: $tshark_runs), warm cache"
echo
echo "| input | peer | rdp-triage | peer | ratio | memory | peer's |"
echo "|---|---|---|---|---|---|---|"
for kind in mixed rdp; do
    file=$folder/$kind.pcap
    make "capture-$kind" "$file"
    case $kind in
    mixed) label="capture, mixed traffic with 200 tries" ;;
    rdp) label="capture, nothing but RDP" ;;
    esac
    # shellcheck disable=SC2046
    {
        pair "$runs" "$label" "tcpdump -w /dev/null 'tcp port 3389'" "$file" -- $(analyze 2 "$file") -- tcpdump -n -r "$file" -w /dev/null 'tcp port 3389'
        pair "$runs" "$label" "walk over the headers" "$file" -- $(analyze 2 "$file") -- "$load" walk "$file"
        pair "$runs" "$label" "capinfos -c" "$file" -- $(analyze 2 "$file") -- capinfos -c "$file"
        [ "$tshark_runs" = 0 ] || pair "$tshark_runs" "$label" "tshark -Y rdp -T fields" "$file" -- $(analyze 2 "$file") -- tshark -n -r "$file" -Y rdp -T fields -e frame.number
    }
done
make capture-mixed "$folder/mixed.pcapng"
# shellcheck disable=SC2046
pair "$runs" "the mixed traffic as pcapng" "tcpdump -w /dev/null 'tcp port 3389'" "$folder/mixed.pcapng" -- $(analyze 2 "$folder/mixed.pcapng") -- tcpdump -n -r "$folder/mixed.pcapng" -w /dev/null 'tcp port 3389'
logs() {
    local label=$1 file=$2
    for jobs in 1 2; do
        # shellcheck disable=SC2046
        pair "$runs" "$label" "evtx_dump, threads: $jobs" "$file" -- $(analyze "$jobs" "$file") -- "$dump" --threads "$jobs" --format jsonl "$file"
    done
    # shellcheck disable=SC2046
    pair "$runs" "$label" "walk over the headers" "$file" -- $(analyze 2 "$file") -- "$load" walk "$file"
}
for kind in rare flood; do
    make "logs-$kind" "$folder/$kind.evtx"
    case $kind in
    rare) logs "generated log, 0.5 % of the records wanted" "$folder/$kind.evtx" ;;
    flood) logs "generated log, every record wanted" "$folder/$kind.evtx" ;;
    esac
done
number=0
for log in "${repeat[@]}"; do
    number=$((number + 1))
    file=$folder/repeated-$number.evtx
    [ -s "$file" ] || "$load" repeat "$log" "$size" "$file"
    logs "$(basename "$log"), repeated" "$file"
done

echo
echo "| input | 1 thread | 2 threads | ratio | twice the input: time | memory |"
echo "|---|---|---|---|---|---|"
against_itself "capture, mixed traffic" "$folder/mixed.pcap" capture-mixed
against_itself "capture, nothing but RDP" "$folder/rdp.pcap" capture-rdp
against_itself "log, 0.5 % wanted" "$folder/rare.evtx" logs-rare
against_itself "log, every record wanted" "$folder/flood.evtx" logs-flood

echo
: >"$folder/ours"
for _ in $(seq $((runs * 2))); do
    once "$tool" analyze --quiet samples/tls-no-shared-cipher >>"$folder/ours"
done
awk -v a="$(median 1 "$folder/ours")" -v m="$(median 2 "$folder/ours")" \
    'BEGIN { printf "A sample ticket, start to answer: %.0f ms, %d MiB.\n", a * 1000, m / 1024 }'
[ "$tickets" != 0 ] || exit 0
[ -d "$folder/tickets" ] || { mkdir -p "$folder/tickets" && "$load" tickets "$tickets" "$folder/tickets"; }
: >"$folder/ours"
for _ in $(seq "$runs"); do
    rm -rf "$folder/results"
    once "$tool" batch --quiet --jobs 2 --output "$folder/results" "$folder/tickets" >>"$folder/ours"
done
awk -v n="$(find "$folder/tickets" -mindepth 1 -maxdepth 1 | wc -l)" -v a="$(median 1 "$folder/ours")" -v m="$(median 2 "$folder/ours")" \
    'BEGIN { printf "batch of %d small tickets: %.2f s, %.0f a second, %d MiB.\n", n, a, n / a, m / 1024 }'
