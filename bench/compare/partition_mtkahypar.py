#!/usr/bin/env python3
"""Volume that Mt-KaHyPar (pip install mtkahypar) reaches on an hMETIS hypergraph, next to which
`stc partition graph.hgr` is judged. Its objective km1 is the multicast volume: the source of a net
is a pin like any other.

    partition_mtkahypar.py graph.hgr [--chips 2,4,8,16,64] [--weight 2] [--imbalance 1.05]
                           [--preset default] [--seeds 3] [--unit 0.001]

--weight: which weight of a vertex is balanced, from 0 (it knows one only). --unit: spikes per step
of a net weight of 1. One JSON object per line.
"""
import argparse
import json
import os
import tempfile
import time

import mtkahypar


def single_weight(path, column):
    """The graph with one weight per vertex, in a temporary file."""
    with open(path) as file:
        lines = [line for line in file if not line.startswith("%")]
    head = lines[0].split()
    nets, ncon = int(head[0]), int(head[3]) if len(head) > 3 else 1
    vertices = [line.split()[column] if ncon > 1 else line for line in lines[1 + nets:]]
    out = tempfile.NamedTemporaryFile("w", suffix=".hgr", delete=False)
    out.write(" ".join(head[:3]) + "\n")
    out.writelines(lines[1:1 + nets])
    out.write("\n".join(w.strip() for w in vertices) + "\n")
    out.close()
    return out.name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph")
    parser.add_argument("--chips", default="2,4,8,16,64")
    parser.add_argument("--weight", type=int, default=2)
    parser.add_argument("--imbalance", type=float, default=1.05)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--unit", type=float, default=0.001)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    kahypar = mtkahypar.initialize(args.threads)
    preset = getattr(mtkahypar.PresetType, args.preset.upper())
    path = single_weight(args.graph, args.weight)
    context = kahypar.context_from_preset(preset)
    graph = kahypar.hypergraph_from_file(path, context, mtkahypar.FileFormat.HMETIS)
    os.unlink(path)
    for k in map(int, args.chips.split(",")):
        volumes, start = [], time.monotonic()
        imbalance = 0.0
        for seed in range(args.seeds):
            mtkahypar.set_seed(seed)
            context.set_partitioning_parameters(k, args.imbalance - 1, mtkahypar.Objective.KM1)
            found = graph.partition(context)
            volumes.append(found.km1() * args.unit)
            imbalance = max(imbalance, found.imbalance(context))
        seconds = (time.monotonic() - start) / args.seeds
        print(json.dumps({"partitioner": f"mt-kahypar {args.preset}", "chips": k,
                          "multicast_volume": {"best": min(volumes),
                                               "mean": sum(volumes) / len(volumes)},
                          "imbalance": 1 + imbalance, "seeds": args.seeds,
                          "seconds": round(seconds, 3), "threads": args.threads}), flush=True)


if __name__ == "__main__":
    main()
