#!/usr/bin/env python3
"""Spiking transformers of the literature through stc, compared with PyTorch spike by spike.

    zoo.py                              names of the models
    zoo.py MODEL... [--tiny] [--samples N] [--chips N] [--threads N] [--time] [--keep FOLDER]

Each model is built with random weights (fixed seeds), its batch norms calibrated (calibrate.py),
exported, compiled, run on N images with the statistics of photographs, and compared (compare.py).
One JSON object per line on stdout; exit code 1 if a difference is not explained. --tiny: a few
channels, small images, seconds. --time: ms per image of both. --keep: leave model, program and
result there. Needs torch, h5py, the Python package of stc and the command `stc` (PATH or $STC);
SpikingJelly for two of the models.
"""
import argparse
import importlib
import json
import os
import statistics
import sys
import tempfile
import time

import h5py
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../python")]

import spike_transformer_compiler as stc  # noqa: E402
from calibrate import calibrate, images, reset  # noqa: E402
from compare import compare  # noqa: E402
from neurons import MultiSpike  # noqa: E402
from spike_transformer_compiler.export import DiscreteLIF  # noqa: E402

# name: (file, function, arguments, tiny arguments, images)
MODELS = {
    "spikformer-4-384": ("spikformer", "cifar", {}, dict(depth=1, dim=32, heads=2), 32),
    "spikformer-8-512": ("spikformer", "imagenet", {}, dict(depth=1, dim=32, heads=2, classes=10),
                         224),
    "spikformer-second": ("spikformer_second", "cifar", dict(depth=4),
                          dict(depth=1, dim=32, heads=2), 32),
    "spike-driven-v1-2-512": ("spike_driven_v1", "cifar", {}, dict(depth=1, dim=32), 32),
    "spike-driven-v1-8-512": ("spike_driven_v1", "imagenet", {},
                              dict(depth=1, dim=32, classes=10), 224),
    "spike-driven-v2-31m": ("spike_driven_v2", "imagenet", {},
                            dict(dim=8, heads=2, classes=10, depths=(1, 1)), 224),
    "spike-driven-v2-55m": ("spike_driven_v2", "imagenet", dict(dim=128),
                            dict(dim=12, heads=2, classes=10, depths=(1, 1)), 224),
    "spike-driven-v3-5m": ("spike_driven_v3", "small", {},
                           dict(dims=(8, 16, 32, 40), heads=2, classes=10, depths=(1, 1)), 224),
    "spike-driven-v3-19m": ("spike_driven_v3", "large", {},
                            dict(dims=(8, 16, 40, 56), heads=4, classes=10, depths=(1, 1)), 224),
    "qkformer-4-384": ("qkformer", "cifar", {}, dict(depths=(1, 1, 1), dim=32, heads=2), 32),
    "qkformer-10-384": ("qkformer", "imagenet", {},
                        dict(depths=(1, 1, 1), dim=32, heads=2, classes=10), 224),
    "spikingformer-4-384": ("spikingformer", "cifar", {}, dict(depth=1, dim=32, heads=2), 32),
    "spikingformer-8-512": ("spikingformer", "imagenet", {},
                            dict(depth=1, dim=32, heads=2, classes=10), 224),
    "spikingjelly-spikformer-4-384": ("spikingjelly_spikformer", "cifar", {},
                                      dict(depth=1, dim=32, heads=2, size=16), 32),
    "spikingjelly-spikformer-4-256": ("spikingjelly_spikformer", "imagenet", {},
                                      dict(depth=1, dim=32, heads=2, classes=10, size=32), 224),
}
IMAGE_SEED, WEIGHT_SEED = 1, 0


def build(name, tiny=False):
    """(calibrated model, size of its images)"""
    file, function, arguments, small, size = MODELS[name]
    if tiny:
        arguments, size = {**arguments, **small}, 16 if size == 32 else 32
        if "size" in small:
            arguments["size"] = size
    torch.manual_seed(WEIGHT_SEED)
    model = getattr(importlib.import_module(file), function)(**arguments)
    number = 8 if size < 100 or getattr(model, "steps", 4) == 1 else 4  # the others take gigabytes
    return calibrate(model, images(number, size, IMAGE_SEED)), size


def to_file(model, x, path):
    """Export with what the exporter has to be told: neurons that no library has. Returns
    {neuron layer: its node in the file}."""
    from spikformer_second import SpikeNeuron
    stc.register_neuron(SpikeNeuron, lambda m: DiscreteLIF(tau=m.leak, v_threshold=m.threshold))
    stc.register_neuron(MultiSpike, lambda m: DiscreteLIF(
        tau=1, max_count=m.levels, output_scale=1 / m.levels))
    x = torch.as_tensor(x[:1 if x.shape[-1] > 100 else 2])  # their spikes travel in the file
    exported = stc.export(model, x[:1], path, test_inputs=x, quiet=True)
    return {layer: node for node, (layer, _, _) in exported.neurons.items()}


def parameters(model):
    """Those that take part: published models hold layer norms that are never called."""
    return sum(p.numel() for name, p in model.named_parameters() if ".norm" not in name)


def milliseconds(model, program, given, x, threads):
    """Per image, median of three: stc and PyTorch in turn, one image at a time."""
    mine, theirs = [], []
    with torch.no_grad():
        for k in range(3):
            result = stc.run(program, given, record="none", threads=threads)
            mine.append(1e3 * result.metrics["seconds_simulate"] / len(result.samples))
            began = time.perf_counter()
            for image in x:
                reset(model)
                model(torch.as_tensor(image[None]))
            theirs.append(1e3 * (time.perf_counter() - began) / len(x))
    return {"stc_ms": statistics.median(mine), "torch_ms": statistics.median(theirs)}


def measure(name, options, folder):
    """One line: from the class to the comparison."""
    began = time.perf_counter()
    seconds = lambda: round(time.perf_counter() - began, 1)
    model, size = build(name, options.tiny)
    x = images(options.samples, size, IMAGE_SEED)
    line = {"model": name + (" (tiny)" if options.tiny else ""), "parameters": parameters(model),
            "calibrated_s": seconds()}
    path = os.path.join(folder, name + ".h5")
    nodes = to_file(model, x, path)
    line["exported_s"] = seconds()
    program = stc.compile(path, os.path.join(folder, name + ".program.h5"), chips=options.chips,
                          threads=options.threads)
    graph = program.report["graph"]
    line |= {"nodes": graph["nodes"], "neurons": graph["neurons"], "chips": options.chips,
             "compiled_s": seconds()}
    given = os.path.join(folder, name + ".input.h5")
    with h5py.File(given, "w") as file:
        file["inputs/input"] = x
    if options.time:
        line |= milliseconds(model, program, given, x, options.threads)
    runs = (stc.run(program, given, record="spikes", samples=range(k, k + 1),
                    threads=options.threads) for k in range(len(x)))
    line |= compare(model, x, runs, nodes)
    line["compared_s"] = seconds()
    return line


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--chips", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    unknown = [name for name in options.models if name not in MODELS]
    if unknown or not options.models:
        print(*MODELS, sep="\n", file=sys.stderr if unknown else sys.stdout)
        return 2 if unknown else 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        for name in options.models:
            line = measure(name, options, options.keep or folder)
            failed |= line["unexplained"] > 0 or (
                line["replay"]["differences"] > line["replay"]["near_threshold"])
            print(json.dumps(line), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
