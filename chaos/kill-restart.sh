#!/usr/bin/env bash
# A cluster on this machine, whose nodes are killed and started again at random while two people
# share a photo with the real client. At the end the checker says whether every view and every
# change of rights is accounted for, and the history lies beside it, as JSON rows and as EDN.
#
#   chaos/kill-restart.sh [SECONDS [SEED [NODES]]]
#
# It needs nothing but what builds Cameo, and leaves nothing but the folder that it names.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-30}
seed=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
nodes=${3:-3}
folder=$(mktemp -d "${TMPDIR:-/tmp}/cameo-kill-restart-XXXXXX")

echo "seed $seed: $nodes nodes, $seconds seconds; everything goes into $folder"
cargo build --workspace --bins --quiet
chaos=${CARGO_TARGET_DIR:-target}/debug/cameo-chaos

# Neither command may end the script: the history is worth most when something is wrong.
ran=0
"$chaos" run --nodes "$nodes" --seconds "$seconds" --seed "$seed" \
  --faults kill --workload journey --out "$folder/run" || ran=$?
judged=0
"$chaos" check "$folder/run/history.jsonl" --edn "$folder/history.edn" || judged=$?

echo "history: $folder/run/history.jsonl and $folder/history.edn"
[ "$ran" = 0 ] && [ "$judged" = 0 ]
