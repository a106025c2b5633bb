#!/usr/bin/env python3
"""Compare the results of a simulator with the pack.

    python compare.py RESULTS [CASE...]

RESULTS/<case>.h5 has the layout of expected/<case>.h5; objects that it lacks are not compared, but
spikes or outputs must be there. Needs h5py and numpy. Exit code: 0 if every case that has a file
agrees (and there is one), else 1.
"""
import json
import os
import sys

import h5py
import numpy as np


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item[()]})
                    if isinstance(item, h5py.Dataset) else None)
    return found


def difference(name, expected, got, tolerance):
    """What is wrong with a dataset, or None."""
    if got.shape != expected.shape:
        return f"/{name}: shape {got.shape}, expected {expected.shape}"
    expected, got = expected.astype(np.float64), got.astype(np.float64)
    close = expected == got if name.startswith("spikes/") else (
        np.abs(got - expected) <= tolerance * np.maximum(1, np.abs(expected)))
    if close.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~close)[0])
    return (f"/{name}: {np.count_nonzero(~close)} of {close.size} values differ; the first at step "
            f"{at[0]}, neuron {at[1:]}: {got[at]:.9g}, expected {expected[at]:.9g}")


def compare(case, expected, got):
    """Lines about a case; none if it agrees."""
    if not any(name.startswith(("spikes/", "outputs/")) for name in got):
        return ["no /spikes and no /outputs"]
    lines = [f"/{name}: the pack has no such dataset" for name in got if name not in expected]
    lines += [difference(name, expected[name], got[name], case["tolerance"])
              for name in expected if name in got]
    return [line for line in lines if line]


def main(results, *names):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "manifest.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    agree, differ, missing = 0, 0, 0
    for case in cases:
        path = os.path.join(results, case["name"] + ".h5")
        if names and case["name"] not in names:
            continue
        if not os.path.exists(path):
            missing += 1
            continue
        with h5py.File(os.path.join(here, case["expected"])) as first, h5py.File(path) as second:
            lines = compare(case, datasets(first), datasets(second))
        agree, differ = agree + (not lines), differ + bool(lines)
        for line in lines:
            print(f"{case['name']}: {line}")
    print(f"{agree} cases agree, {differ} differ, {missing} have no result")
    return 0 if agree and not differ else 1


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
