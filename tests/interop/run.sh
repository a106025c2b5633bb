#!/bin/bash
# Models and networks to and from the simulators themselves.
#   tests/interop/run.sh STC [models|networks [TEST...]]     STC: the command that was built
# models:   NIR files of snnTorch, Norse, Sinabs, SpikingJelly (test_*.py beside this script)
# networks: PyNEST and NEURON; results in libsonata, BMTK, pysonata (networks/test_*.py)
# Makes a virtual environment for each under build/ (kept; a few minutes and up to 2 GB for models,
# half a minute and 0.4 GB for networks the first time). Exit code: 0 if every test passed.
set -eu
[ $# -ge 1 ] || {
    sed -n '2,7s/^# //p' "$0" >&2
    exit 2
}
stc=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
groups=${2:-models networks}
shift $(($# < 2 ? $# : 2))

# environment KIND REQUIREMENTS PIP-COMMANDS...: each a list of words of pip install; prints the
# folder. All comes from the requirements: Debian's packages of python3 are not seen.
environment() {
    local kind=$1 file=$here/$2 words venv
    venv=$root/build/interop-$kind-$(sha256sum <"$file" | cut -c1-16)
    shift 2
    if [ ! -e "$venv/complete" ]; then
        rm -rf "$root/build/interop-$kind-"*
        python3 -m venv "$venv" >&2
        for words in "$@"; do
            # shellcheck disable=SC2086
            (cd "$here" && "$venv/bin/python" -m pip --disable-pip-version-check install -qq \
                $words) >&2
        done
        touch "$venv/complete"
    fi
    echo "$venv"
}

export STC=$stc PYTHONDONTWRITEBYTECODE=1 PYNEST_QUIET=1 NEURON_MODULE_OPTIONS=-nogui
# hundreds of short runs: no search for fast networks at each start, waiting ranks leave the cores
OMPI_MCA_orte_tmpdir_base=$(mktemp -d)
trap 'rm -rf "$OMPI_MCA_orte_tmpdir_base"' EXIT
export OMPI_MCA_pml=ob1 OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_orte_tmpdir_base
export OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
failed=0
for group in $groups; do
    case $group in
    models)
        folder=.
        venv=$(environment models requirements.txt \
            "$(grep '^torch==' "$here/requirements.txt")" \
            "-r requirements.txt" "--no-deps sinabs==3.1.3")
        ;;
    networks)
        folder=networks
        venv=$(environment networks requirements-networks.txt \
            "--no-deps -r requirements-networks.txt")
        ;;
    *)
        echo "no group $group: models or networks" >&2
        exit 2
        ;;
    esac
    echo "== $group"
    (cd "$here" && "$venv/bin/python" -W ignore -m interop $folder "$@") || failed=1
done
exit $failed
