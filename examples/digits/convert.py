#!/usr/bin/env python3
"""Turn the trained digits network (digits_a.h5) into model.h5 and test.h5.

usage: convert.py DIGITS_A.H5 [FOLDER]

digits_a.h5 holds the op graph as JSON (`architecture_json`), the PyTorch weights, the data and the
reference spikes and logits of PyTorch. model.h5 is a SpikeGraph (docs/formats.md) with these test
vectors beside it in the group /test; test.h5 is an input file for `stc run`.
"""
import json
import os
import sys

import h5py
import numpy as np

TEXT = h5py.string_dtype()


def weight(name):
    return lambda node, weights: weights[node[name]][...].astype(np.float32)


def value(name, kind):
    return lambda node, weights: np.asarray(node[name], dtype=kind)


def bn_axis(node, weights):
    return np.int64({"channel_first": 0, "channel_last": -1}[node["layout"]])


LIF = {
    "tau": value("tau", np.float64),
    "v_threshold": value("v_threshold", np.float64),
    "v_reset": lambda node, weights: np.float64(node["v_reset"] or 0.0),
    "soft_reset": lambda node, weights: np.uint8(node["v_reset"] is None),
    "decay_input": value("decay_input", np.uint8),
    "v0": value("v0", np.float64),
}

# op of the JSON graph: type in the SpikeGraph, and how each of its parameters is found
OPS = {
    "input": ("Input", {"shape": value("shape", np.int64)}),
    "conv2d": ("Conv2d", {"weight": weight("weight"), "bias": weight("bias"),
                          "stride": value("stride", np.int64),
                          "padding": value("padding", np.int64),
                          "dilation": value("dilation", np.int64),
                          "groups": value("groups", np.int64)}),
    "linear": ("Affine", {"weight": weight("weight"), "bias": weight("bias")}),
    "batchnorm": ("BatchNorm", {"weight": weight("weight"), "bias": weight("bias"),
                                "running_mean": weight("running_mean"),
                                "running_var": weight("running_var"),
                                "eps": value("eps", np.float64), "axis": bn_axis}),
    "lif": ("DiscreteLIF", LIF),
    "maxpool2d": ("MaxPool2d", {"kernel_size": value("kernel", np.int64),
                                "stride": value("stride", np.int64),
                                "padding": value("padding", np.int64)}),
    "scale": ("Scale", {"factor": value("factor", np.float64)}),
    "add": ("Add", {}),
    "matmul": ("MatMul", {"transpose_b": value("transpose_b", np.uint8)}),
    "mean": ("Mean", {"axis": value("axis", np.int64), "keepdim": value("keepdim", np.uint8)}),
    "reshape": ("Reshape", {"shape": value("shape", np.int64)}),
    "permute": ("Permute", {"perm": value("perm", np.int64)}),
    "time_mean": ("TimeMean", {}),
}


def write_graph(group, architecture, weights):
    group.attrs["name"] = "digits"
    group.attrs["time_steps"] = np.int64(architecture["T"])
    edges = []
    for node in architecture["nodes"]:
        kind, parameters = OPS[node["op"]]
        out = group.create_group("nodes/" + node["id"])
        out["type"] = kind
        out.create_dataset("inputs", data=node["inputs"], dtype=TEXT, shape=(len(node["inputs"]),))
        for name, find in parameters.items():
            if name != "bias" or node["bias"] is not None:
                out[name] = find(node, weights)
        edges += [(source, node["id"]) for source in node["inputs"]]
    out = group.create_group("nodes/output")
    out["type"] = "Output"
    out.create_dataset("inputs", data=["logits"], dtype=TEXT)
    edges.append(("logits", "output"))
    group.create_dataset("edges", data=edges, dtype=TEXT)


def write_test_vectors(group, source):
    """Sample i of test.h5 is image index[i] of the data set; spikes are of samples spike_sample."""
    index = source["data/test_index"][...]
    reference = source["reference"]
    images = reference["spike_image_index"][...]
    group["index"] = index
    group["logits"] = reference["logits_test"][...]
    group["spike_sample"] = np.searchsorted(index, images).astype(np.int32)
    for name, spikes in reference["spikes"].items():
        packed = np.packbits(spikes[...].reshape(-1), bitorder="little")
        data = group.create_dataset("spikes/" + name, data=packed, compression="gzip",
                                    compression_opts=9)
        data.attrs["shape"] = np.array(spikes.shape, dtype=np.int64)  # steps, samples, node
    for name, near in reference["near_threshold"].items():
        group["near_threshold/" + name] = near[...]  # rows: step, row of spike_sample, index
    group.attrs["doc"] = ("PyTorch float32: spikes of every neuron node, bits in C order of `shape`, "
                          "least significant first; neuron-steps whose membrane is within 1e-5 of "
                          "the threshold but not on it; logits of every sample of test.h5")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = sys.argv[2] if len(sys.argv) == 3 else os.path.dirname(os.path.abspath(__file__))
    with h5py.File(sys.argv[1], "r") as source:
        architecture = json.loads(bytes(source["architecture_json"][...]).decode())
        with h5py.File(os.path.join(folder, "model.h5"), "w", libver=("v108", "v108")) as model:
            model.attrs["format"] = "SpikeGraph"
            model.attrs["format_version"] = np.int64(1)
            model.attrs["source"] = "trained on the UCI optical digits; see README.md"
            write_graph(model.create_group("graph"), architecture, source["weights"])
            write_test_vectors(model.create_group("test"), source)
        index = source["data/test_index"][...]
        with h5py.File(os.path.join(folder, "test.h5"), "w", libver=("v108", "v108")) as test:
            images = source["data/images"][...][index][:, None]
            data = test.create_dataset("inputs/image", data=images, compression="gzip")
            data.attrs["scale"] = 1.0 / 16.0
            test["labels"] = source["data/labels"][...][index].astype(np.int32)


main()
