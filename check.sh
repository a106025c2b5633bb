#!/bin/bash
# Check everything: install what is missing (Debian 12), formatting, layers, sizes, build with
# warnings as errors, by other compilers and for this processor too, all tests; models to and from
# the simulators themselves (from PyPI); then unit and MPI tests again under the sanitizers.
#   ./check.sh            all of it, about fifteen minutes on two cores
#   ./check.sh --quick    with one compiler, without other simulators and the sanitizers
# The exit code is 0 only if everything passed. Logs: build/check/.

set -u
cd "$(dirname "$0")" || exit 1

quick=no
case "${1:-}" in
"") ;;
--quick) quick=yes ;;
*)
    echo "usage: ./check.sh [--quick]" >&2
    exit 2
    ;;
esac

source .ci/install_packages
install_packages all || exit 1

logs=build/check
jobs=$(nproc)
rm -rf "$logs" && mkdir -p "$logs"
# Debian's own tools where they exist: other versions in PATH need not know its packages.
export PATH="/usr/bin:$PATH" CMAKE_BUILD_PARALLEL_LEVEL=$jobs
summary=()
failed=0

# step NAME COMMAND...: run with its output in a log; show the end of the log when it fails.
step() {
    local name=$1 log="$logs/${1// /-}.log" start=$SECONDS verdict=passed
    shift
    echo "== $name"
    if ! "$@" </dev/null >"$log" 2>&1; then
        verdict=FAILED
        failed=1
        tail -n 60 "$log"
        echo "== $name failed; all of its output: $log"
    fi
    summary+=("$(printf '%-28s %s  %4d s' "$name" "$verdict" $((SECONDS - start)))")
    [ "$verdict" = passed ]
}

formatting() {
    find include src partition sim io tests bench examples -name '*.[ch]' -print0 |
        xargs -0 -r clang-format-14 --dry-run --Werror
}

build() { # PRESET [OPTIONS of cmake --build]
    cmake --preset "$1" && cmake --build --preset "$@"
}

# One test more than there are cores: many wait for processes that start or end.
tests() { # PRESET
    ctest --preset "$1" -j $((jobs + 1))
}

# The command by other compilers and for this processor; the tests look whether all agree.
variants() {
    local preset
    export STC_VARIANTS=
    for preset in gcc-native clang clang-native; do
        step "$preset build" build $preset && step "$preset tests" tests $preset &&
            STC_VARIANTS+="${STC_VARIANTS:+,}$preset=$PWD/build/$preset/bin/stc"
    done
}

step "formatting" formatting
step "layers" .ci/check_layers
step "sizes" .ci/check_sizes && grep -v '^$' "$logs/sizes.log"
if step "build" build ci; then
    [ $quick = yes ] || variants
    step "tests" tests ci
    # models and results that other simulators wrote or read, those of PyPI themselves
    [ $quick = yes ] || step "interop" tests/interop/run.sh build/ci/bin/stc
fi
if [ $quick = no ]; then
    step "sanitizer build" build debug --target test_programs && step "sanitizer tests" tests debug
fi

echo
printf '%s\n' "${summary[@]}"
for log in tests sanitizer-tests; do
    [ -f "$logs/$log.log" ] && echo "$log: $(grep 'tests passed' "$logs/$log.log")"
done
[ -f "$logs/interop.log" ] && grep -E '^(Ran|OK|FAILED|[0-9]+ passed)' "$logs/interop.log"
if [ $failed = 0 ]; then
    echo "everything passed in $SECONDS s"
else
    echo "something failed: see above" >&2
fi
exit $failed
