#!/usr/bin/env python3
"""Recompute the two checksums of a result from its spikes and outputs.

usage: recompute_checksum.py RESULT.H5

The definition is in docs/formats.md: the sum modulo 2^64, over all records, of a hash of (sample,
step, id, value). Prints spike_checksum and output_checksum; exit code 1 when the file says
otherwise.
"""
import sys

import h5py
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def checksum(sample, step, identity, value):
    sample, step, identity, value = (np.asarray(a).astype(np.uint64)
                                     for a in (sample, step, identity, value))
    key = mix(mix(sample + GOLDEN) + step)
    return int(np.sum(mix(key + identity * GOLDEN + (value << np.uint64(32))), dtype=np.uint64))


def spike_checksum(result, metrics):
    total = 0
    for population in result["spikes"].values():
        if not population.attrs["counted"]:
            continue
        node_ids = population["node_ids"][...]
        step = np.rint(population["timestamps"][...] / metrics["step_ms"])
        one = np.ones_like(node_ids)  # columns that would hold the same number are left out
        sample = population["sample"] if "sample" in population else metrics["first_sample"] * one
        value = population["value"] if "value" in population else one
        total += checksum(sample, step, node_ids + population.attrs["first_id"], value)
    return total % 2**64


def output_checksum(result, metrics):
    total = 0
    for output in result["outputs"].values():
        values = output[...].astype(np.float32)
        steps = max(int(output.attrs["steps"]), 1)  # 0: one value per sample
        bits = values.view(np.uint32).reshape(values.shape[0], steps, -1)
        sample, step, element = np.indices(bits.shape)
        total += checksum(sample + metrics["first_sample"], step,
                          element + output.attrs["first_id"], bits)
    return total % 2**64


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with np.errstate(over="ignore"), h5py.File(sys.argv[1], "r") as result:
        metrics = result["metrics"].attrs
        found = {"spike_checksum": f"{spike_checksum(result, metrics):016x}",
                 "output_checksum": f"{output_checksum(result, metrics):016x}"}
        same = all(metrics[name] == value for name, value in found.items())
    for name, value in found.items():
        print(name, value)
    sys.exit(0 if same else 1)


main()
