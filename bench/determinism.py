#!/usr/bin/python3
"""One answer everywhere: the full product of ranks, threads, chips, partitions, kernels and binaries.

usage: bench/determinism.py [--quick] [--model MODEL --input INPUT] [--samples A:B]
                            [--multiply FACTOR,...|all] [NAME=STC ...]

Run by hand; tests/cli/test_determinism.py covers every pair of values in CI. Build the binaries by

    for p in ci gcc-native clang clang-native; do cmake --preset $p && cmake --build --preset $p; done

Those found in build/PRESET/bin are taken unless some are named; the first one is the baseline.
--multiply says which factors are multiplied with each other, by default those of the promise; for
each run the others (who compiled, optimisation level, steps of a block) are drawn. "all": every
factor, which takes a day. --quick: every pair of values only. Programs of the same settings must
have the same content, whoever compiled them.

stderr: the number of runs first, then progress. stdout: one JSON object per answer that differs from
the first one (the case can be repeated by hand from its words), at the end one with the summary.
Exit code 1 when there is a difference.
"""
import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/cli"))
import matrix  # noqa: E402

PRESETS = ("ci", "gcc-native", "clang", "clang-native")
PROMISED = "ranks,threads,chips,partition,kernel,binary"
CHECKSUMS = ("spike_checksum", "output_checksum")


def parse():
    digits = os.path.join(ROOT, "examples/digits")
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--model", default=os.path.join(digits, "model.h5"))
    parser.add_argument("--input", default=os.path.join(digits, "test.h5"))
    parser.add_argument("--samples", default="0:12")
    parser.add_argument("--multiply", default=PROMISED)
    parser.add_argument("binaries", nargs="*", metavar="NAME=STC")
    options = parser.parse_args()
    if not options.binaries:
        built = [f"{name}={ROOT}/build/{name}/bin/stc" for name in PRESETS]
        options.binaries = [pair for pair in built if os.path.exists(pair.partition("=")[2])]
    options.binaries = {name: path for name, _, path in
                        (pair.partition("=") for pair in options.binaries)}
    if not options.binaries:
        parser.error("no binary is given and none is in build/; see the head of this file")
    return parser, options


def choose(factors, options, parser):
    """The cases and their number."""
    if options.quick:
        cases = matrix.pairwise(factors)
        return cases, len(cases)
    multiplied = list(factors) if options.multiply == "all" else options.multiply.split(",")
    for name in multiplied:
        if name not in factors:
            parser.error(f"unknown factor {name}; known are {', '.join(factors)}")
    return matrix.product(factors, multiplied), math.prod(len(factors[n]) for n in multiplied)


def run_all(ways, cases, number):
    """Seconds of each run, the number of answers that differ, and the first answer."""
    seconds, different, first = [], 0, {}
    for case in cases:
        start = time.monotonic()
        try:
            answer = ways.run(case)
            answer = {name: answer[name] for name in CHECKSUMS}
            first = first or answer
        except AssertionError as failure:
            answer = {"failure": str(failure)}
        seconds.append(time.monotonic() - start)
        if answer != first:
            different += 1
            print(json.dumps({**case, **answer, "expected": first}), flush=True)
        if sys.stderr.isatty() or len(seconds) % 100 == 0:
            left = (number - len(seconds)) * statistics.fmean(seconds) / 60
            print(f"{len(seconds)} of {number} runs, {different} differ, {left:.0f} min left ",
                  end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    return seconds, different, first


def main():
    parser, options = parse()
    with tempfile.TemporaryDirectory(prefix="stc-") as folder:
        ways = matrix.Matrix(folder, options.model, options.input, options.samples,
                             options.binaries)
        cases, number = choose(ways.factors(), options, parser)
        print(f"{number} runs; binaries {', '.join(options.binaries)}", file=sys.stderr, flush=True)
        seconds, different, first = run_all(ways, cases, number)
    params = {"model": os.path.basename(options.model), "samples": options.samples,
              "multiply": "pairs" if options.quick else options.multiply,
              "binaries": list(options.binaries), **first}
    print(json.dumps({"bench": "determinism", "params": params, "different": different, "unit": "s",
                      "median": round(statistics.median(seconds), 3),
                      "min": round(min(seconds), 3), "reps": len(seconds),
                      "commit": os.environ.get("STC_COMMIT", ""), "host": platform.node()}))
    sys.exit(1 if different else 0)


main()
