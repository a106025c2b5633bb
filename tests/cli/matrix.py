"""The ways to get one answer: the values of every factor, cases that cover them, and how to compile
and run a case. Used by test_determinism.py and bench/determinism.py.

Binaries built by other compilers or for other processors are named by the environment variable
STC_VARIANTS, "clang=PATH,clang-native=PATH"; STC itself is called "stc".
"""
import itertools
import os
import random

import command
import h5py
import numpy as np
from command import stc

FACTORS = {  # of one binary; kernel: those that the processor has
    "ranks": [1, 2, 3, 4, 8],
    "kernel": ["scalar", "avx2", "avx512", "amx"],
    "chips": [1, 4, 8],
    "partition": ["auto", "contiguous", "random"],
    "threads": [1, 2],
    "level": [0, 1, 2],
    "block": [1, 3, 4],
    "node": [0, 1, 2],  # ranks of a node; 0: all of the machine
}
PROVENANCE = ("command", "utc")  # attributes that tell two compilations apart


def binaries():
    """Name and path of every binary that the environment gives."""
    found = {"stc": command.STC}
    for pair in filter(None, os.environ.get("STC_VARIANTS", "").split(",")):
        name, _, path = pair.partition("=")
        found[name] = path
    return found


def pairs_of(case, names):
    return {((a, case[a]), (b, case[b])) for a, b in itertools.combinations(names, 2)}


def pairwise(factors):
    """Cases that together hold every pair of values: greedy, always the same."""
    names = list(factors)
    missing = set()
    for a, b in itertools.combinations(names, 2):
        missing |= {((a, x), (b, y)) for x in factors[a] for y in factors[b]}
    cases = []
    while missing:
        (a, x), (b, y) = min(missing, key=str)
        case = {a: x, b: y}
        for name in names:
            if name not in case:
                case[name] = max(factors[name], key=lambda value: len(
                    pairs_of({**case, name: value}, [n for n in names if n in case or n == name])
                    & missing))
        missing -= pairs_of(case, names)
        cases.append(case)
    return cases


def product(factors, multiplied):
    """Every combination of the values of the multiplied factors; the others are drawn, always the
    same."""
    others, draw = [name for name in factors if name not in multiplied], random.Random(1)
    for values in itertools.product(*(factors[name] for name in multiplied)):
        drawn = {name: draw.choice(factors[name]) for name in others}
        yield {**dict(zip(multiplied, values)), **drawn}


def contents(path):
    """All attributes and datasets of a file but the two that say when and by which command."""
    found = {}

    def visit(name, item):
        for key, value in item.attrs.items():
            if key not in PROVENANCE:
                found[f"{name}@{key}"] = np.asarray(value).tobytes()
        if isinstance(item, h5py.Dataset):
            values = item[...]
            held = values.tolist() if item.dtype.hasobject else values.tobytes()
            found[name] = (str(item.dtype), item.shape, held)

    with h5py.File(path, "r") as file:
        visit("/", file)
        file.visititems(visit)
    return found


class Matrix:
    """Compiles and runs cases of one model and input; binaries: name and path."""

    def __init__(self, folder, model, given, samples, binaries):
        self.folder, self.model, self.given, self.samples = folder, model, given, samples
        self.binaries = binaries
        self.first = {}  # what a program of these settings holds, from whoever compiled it first
        self.programs = set()

    def factors(self):
        """All factors, with the binaries that there are and the kernels that run here."""
        names = list(self.binaries)
        kernels = [name for name in FACTORS["kernel"] if self.has_kernel(name)]
        return {"binary": names, **FACTORS, "kernel": kernels, "compiled_by": names}

    def has_kernel(self, name):
        any_binary = next(iter(self.binaries.values()))
        outcome = stc("run", self.model, "--input", self.given, "--samples", "0:1", "--kernel",
                      name, binary=any_binary, timeout=120)
        assert outcome.code in (0, 1), outcome
        return outcome.code == 0

    def compile(self, case):
        """Path of the program; every binary and number of ranks must write the same one."""
        settings = tuple(case[name] for name in ("chips", "partition", "level"))
        name = "chips{}-{}-O{}".format(*settings)
        path = os.path.join(self.folder, f"{name}-{case['compiled_by']}.h5")
        if path not in self.programs:
            done = stc("compile", self.model, "-o", path, "--chips", case["chips"], "--partition",
                       case["partition"], f"-O{case['level']}", ranks=min(case["ranks"], 4),
                       binary=self.binaries[case["compiled_by"]], timeout=300)
            assert done.code == 0, done
            held = contents(path)
            first = self.first.setdefault(settings, held)
            differs = [key for key in held.keys() | first.keys() if held.get(key) != first.get(key)]
            assert not differs, f"{path} differs from what was compiled before in {differs}"
            self.programs.add(path)
        return path

    def run(self, case, *words):
        """What a run prints: a dictionary."""
        if case["node"]:
            words = ("--node-ranks", case["node"], *words)
        ran = stc("run", self.compile(case), "--input", self.given, "--samples", self.samples,
                  "--kernel", case["kernel"], "--threads", case["threads"], "--block-steps",
                  case["block"], "--json", *words, ranks=case["ranks"],
                  binary=self.binaries[case["binary"]], timeout=300)
        assert ran.code == 0, ran
        answer = ran.json()
        for name in ("ranks", "kernel", "chips", "threads"):
            assert answer[name] == case[name], f"{name} is {answer[name]}, expected {case[name]}"
        return answer
