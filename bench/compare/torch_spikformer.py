#!/usr/bin/env python3
"""Spikformer in PyTorch, with the weights of a model.h5 that make_spikformer wrote.

usage: torch_spikformer.py MODEL IMAGES [--threads N] [--images N] [--result RESULT]

Batch norms are folded, the image is presented at all T = 4 steps, layers run over all steps at once,
LIFs step by step: what a careful user of PyTorch would write. Prints one JSON line per batch size
(median over repetitions, ms per image). With --result it times nothing: it compares the spikes of
every layer with a result.h5 of stc, in float32 and in float64. Needs torch, numpy, h5py.
"""
import argparse
import json
import statistics
import time

import h5py
import numpy as np
import torch
import torch.nn.functional as F

T = 4


class Weights:
    """Rows of a weight layer with its batch norm folded in."""

    def __init__(self, file):
        self.nodes = file["graph/nodes"]

    def get(self, name):
        weight = torch.tensor(self.nodes[name]["weight"][...], dtype=torch.float64)
        bias = torch.zeros(weight.shape[0], dtype=torch.float64)
        if "bias" in self.nodes[name]:
            bias = torch.tensor(self.nodes[name]["bias"][...], dtype=torch.float64)
        if name + "_bn" in self.nodes:
            bn = {k: torch.tensor(v[...], dtype=torch.float64)
                  for k, v in self.nodes[name + "_bn"].items()
                  if k in ("weight", "bias", "running_mean", "running_var")}
            factor = bn["weight"] / torch.sqrt(bn["running_var"] + 1e-5)
            weight *= factor.reshape(-1, *[1] * (weight.dim() - 1))
            bias = (bias - bn["running_mean"]) * factor + bn["bias"]
        return weight, bias


seen = None  # a list: spikes of every call, for comparison


def lif(x, threshold=1.0):
    """x: [T, ...]; tau 2, hard reset to 0."""
    v = torch.zeros_like(x[0])
    spikes = torch.empty_like(x)
    for t in range(x.shape[0]):
        v = v + (x[t] - v) / 2.0
        s = (v >= threshold).to(x.dtype)
        v = v * (1.0 - s)
        spikes[t] = s
    if seen is not None:
        seen.append(spikes.reshape(T, -1).numpy() > 0)
    return spikes


class Spikformer:
    def __init__(self, file, heads, imagenet, dtype=torch.float32):
        names = list(file["graph/nodes"])
        weights = Weights(file)

        def get(name):
            return tuple(w.to(dtype) for w in weights.get(name))

        self.heads, self.imagenet = heads, imagenet
        self.depth = 1 + max(int(n.split(".")[0][5:]) for n in names if n.startswith("block"))
        self.stem = [get(f"sps.conv{i}") for i in range(4)]
        self.position = get("sps.position")
        self.blocks = [{k: get(f"block{i}.{k}") for k in ("q", "k", "v", "proj", "fc1", "fc2")}
                       for i in range(self.depth)]
        self.head = get("head")

    def conv(self, x, layer, repeat=False):
        t, b = x.shape[:2]
        y = F.conv2d(x.flatten(0, 1), *layer, padding=1)
        y = y.reshape(t, b, *y.shape[1:])
        return lif(y.expand(T, *y.shape[1:]) if repeat else y)

    def attention(self, x, w):
        t, b, n, c = x.shape
        q, k, v = (lif(F.linear(x, *w[i])).reshape(t, b, n, self.heads, c // self.heads)
                   .transpose(2, 3) for i in "qkv")
        if self.imagenet:
            o = q @ (k.transpose(-1, -2) @ v)
        else:
            o = (q @ k.transpose(-1, -2)) @ v
        o = (o * 0.125).transpose(2, 3).reshape(t, b, n, c)
        return lif(F.linear(lif(o, 0.5), *w["proj"]))

    @torch.no_grad()
    def __call__(self, image):
        x = image.unsqueeze(0)
        for i, layer in enumerate(self.stem):
            x = self.conv(x, layer, repeat=i == 0)
            if self.imagenet or i >= 2:
                y = F.max_pool2d(x.flatten(0, 1), 3, 2, 1)
                x = y.reshape(*x.shape[:2], *y.shape[1:])
        x = x + self.conv(x, self.position)
        x = x.flatten(-2).transpose(-1, -2)
        for w in self.blocks:
            x = x + self.attention(x, w)
            x = x + lif(F.linear(lif(F.linear(x, *w["fc1"])), *w["fc2"]))
        return F.linear(x.mean(2).mean(0), *self.head)


def measure(model, images, batch, seconds=4.0):
    times = []
    x = images[:batch]
    model(x)
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        model(x)
        times.append(time.perf_counter() - start)
    return statistics.median(times) / batch * 1e3, min(times) / batch * 1e3, len(times)


def compare(model, images, result):
    """Spikes that differ from the result, over all layers and images; and of how many."""
    global seen
    names = [f"sps.conv{i}" for i in range(4)] + ["sps.position"]
    for i in range(model.depth):
        names += [f"block{i}.{k}" for k in ("q", "k", "v", "attn", "proj", "fc1", "fc2")]
    differ, places = 0, 0
    for index, image in enumerate(images):
        seen = []
        model(image[None])
        for name, theirs in zip(names, seen):
            spikes = result["spikes"][name + "_lif"]
            mine = spikes["sample"][...] == index if "sample" in spikes else slice(None)
            ours = np.zeros_like(theirs)
            ours[np.rint(spikes["timestamps"][...][mine]).astype(int),
                 spikes["node_ids"][...][mine]] = True
            differ += int((ours != theirs).sum())
            places += theirs.size
    seen = None
    return differ, places


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", dest="count", type=int, default=16)
    parser.add_argument("--result")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with h5py.File(args.images) as file:
        images = torch.tensor(file["inputs/image"][: args.count])
    imagenet = images.shape[-1] == 224
    with h5py.File(args.model) as file:
        name = file["graph"].attrs["name"]
        heads = {256: 8, 384: 12, 512: 8}[file["graph/nodes/head/weight"].shape[1]]
        single = Spikformer(file, heads, imagenet)
        double = Spikformer(file, heads, imagenet, torch.float64)
    if args.result:
        with h5py.File(args.result) as result:
            for kind, model, x in (("float32", single, images), ("float64", double, images.double())):
                differ, places = compare(model, x, result)
                print(f"PyTorch in {kind}: {differ:,} of {places:,} neuron-steps differ", flush=True)
        return
    for batch in sorted({1, len(images)}):
        median, least, reps = measure(single, images, batch)
        print(json.dumps({"bench": "torch", "params": {"model": name, "images": batch}, "ranks": 1,
                          "threads": args.threads, "unit": "ms/image", "median": median,
                          "min": least, "reps": reps, "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
