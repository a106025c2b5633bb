#!/bin/bash
# From nothing to a result, on Debian 12 (root, or a user with sudo): install what is missing, build,
# compile the trained digits transformer for 4 chips on 4 ranks, run its 360 test images on 4 ranks.
#   ./quickstart.sh [FOLDER]    files go to FOLDER (default: build/quickstart)

set -eu
case "${1:-}" in
-*)
    echo "usage: ./quickstart.sh [FOLDER]" >&2
    exit 2
    ;;
esac
output=$(realpath -m "${1:-$(dirname "$0")/build/quickstart}")
cd "$(dirname "$0")"

source .ci/install_packages
install_packages build

# Debian's own tools where they exist: other versions in PATH need not know its packages.
export PATH="/usr/bin:$PATH"
mkdir -p "$output"
log=$output/build.log
echo "Building (log: $log) ..."
if ! { cmake --preset release && cmake --build --preset release -j "$(nproc)"; } </dev/null >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "The build failed; all of its output: $log" >&2
    exit 1
fi

stc=build/release/bin/stc
digits=examples/digits
if [ "$(id -u)" = 0 ]; then # mpirun refuses root unless it is told that this is meant
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMPI_MCA_rmaps_base_oversubscribe=1 # 4 ranks on fewer cores are fine here

show() { # print a command, then run it
    printf '\n$ %s\n' "$*"
    "$@" </dev/null
}
show mpirun -q --bind-to none -n 4 "$stc" compile "$digits/model.h5" -o "$output/digits.h5"
show mpirun -q --bind-to none -n 4 "$stc" run "$output/digits.h5" --input "$digits/test.h5" \
    -o "$output/result.h5"

cat <<END

The result lies in $output/result.h5. To go on, in $PWD:
  $stc info $output/result.h5
  /usr/bin/python3 $digits/check_fidelity.py $output/result.h5      # spike by spike against PyTorch
  $stc info $digits/model.h5
  $stc --help
END
