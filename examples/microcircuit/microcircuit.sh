#!/bin/bash
# The cortical microcircuit: make the network, run it, plot what it did.
#   examples/microcircuit/microcircuit.sh [options]
#     --scale S         share of the 77,169 neurons, and of the synapses of each (default 0.1)
#     --time MS         biological time, of which the first 500 ms are left out (default 1500)
#     --ranks N         MPI ranks (default 1)
#     --threads N       threads per rank (default: the cores divided among the ranks)
#     --precision P     single or double (default single)
#     --seed N          of synapses, input and potentials (default 1)
#     --build DIR       where stc was built (default build/release)
#     -o DIR            where network.h5, result.h5, raster.png and rates.txt go (default ./microcircuit)
# Needs python3 with h5py and numpy, and matplotlib for the picture; PYTHON chooses another python3.
set -eu
here=$(dirname "$(realpath "$0")")
scale=0.1 time=1500 ranks=1 threads='' precision=single seed=1
build=$here/../../build/release out=microcircuit

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
}
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --scale | --time | --ranks | --threads | --precision | --seed | --build | -o)
        [ $# -ge 2 ] || { echo "$1 needs a value" >&2 && exit 2; }
        name=${1##*-}
        [ "$name" = o ] && name=out
        printf -v "$name" '%s' "$2"
        shift 2
        ;;
    *) echo "unknown option $1" >&2 && usage >&2 && exit 2 ;;
    esac
done

make=$build/examples/make_network stc=$build/bin/stc
[ -x "$make" ] && [ -x "$stc" ] || {
    echo "$build: make_network and stc are not there; build first, or give --build DIR" >&2
    exit 1
}
mkdir -p "$out"
"$make" microcircuit "$out/network.h5" "$scale" "$time" "$seed"
command=("$stc" run "$out/network.h5" -o "$out/result.h5" --precision "$precision" --seed "$seed")
[ -z "$threads" ] || command+=(--threads "$threads")
[ "$ranks" = 1 ] || command=(mpirun -q -n "$ranks" --bind-to none "${command[@]}")
"${command[@]}"

python=${PYTHON:-python3}
"$python" -c 'import h5py' 2>/dev/null || python=/usr/bin/python3
"$python" "$here/plot.py" "$out/result.h5" -o "$out/raster.png" | tee "$out/rates.txt"
