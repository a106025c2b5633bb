#!/bin/bash
# Milliseconds per image of Spikformer with random weights and calibrated rates (examples/spikformer).
#   bench/spikformer.sh [BUILD FOLDER] [FORM...]     default: build/release, 4-384 and 8-512
# Lines: one rank with all cores, for 1 and 64 chips; two ranks of one thread next to one such rank.
set -eu
build=$(realpath "${1:-$(dirname "$0")/../build/release}")
shift $(($# > 0))
[ $# -gt 0 ] || set -- 4-384 8-512
make=$(find "$build" -name make_spikformer -type f)
bench=$(find "$build" -name bench_model -type f)
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
for form in "$@"; do
    images=64
    [ "$form" = 8-512 ] && images=8
    "$make" "$form" "$files/model.h5" "$files/images.h5" "$images" </dev/null >&2
    "$bench" "$files/model.h5" "$files/images.h5" --threads "$(nproc)" --chips 1,64 </dev/null
    mpirun -q -n 2 --bind-to core "$bench" "$files/model.h5" "$files/images.h5" --images "$images" \
        --chips 2 --threads 1 </dev/null
done
