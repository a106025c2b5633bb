"""What the tests of the command share: calling it on some ranks, small models, files on full disks.

The command is in the environment variable STC, the sources in STC_SOURCE_DIR. A test file ends with
command.main(). Without numpy and h5py it is skipped (exit code 77).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SOURCE = os.environ.get("STC_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
STC = os.environ.get("STC", os.path.join(SOURCE, "build/release/bin/stc"))
DIGITS = os.path.join(SOURCE, "examples/digits")
MODEL = os.path.join(DIGITS, "model.h5")
TEST = os.path.join(DIGITS, "test.h5")
TEXT = h5py.string_dtype()

os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")


class Outcome:
    """Exit code, stdout, stderr and duration of one call."""

    def __init__(self, words, code, out, err, seconds):
        self.words, self.code, self.out, self.err, self.seconds = words, code, out, err, seconds

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"{' '.join(self.words)}\nexit code {self.code}\n{self.out}{self.err}"


def stc(*words, ranks=1, timeout=30, file_limit=None, env=None, binary=STC):
    """Run `stc words` on this many ranks. file_limit: largest file in KiB that it may write.
    env: changes of the environment, None removes a variable. binary: another build of stc."""
    call = [binary, *map(str, words)]
    changed = {**os.environ, **(env or {})}
    environment = {name: value for name, value in changed.items() if value is not None}
    if file_limit is not None:
        call = ["sh", "-c", f'ulimit -f {2 * file_limit}; exec "$0" "$@"', *call]
        environment["OMPI_MCA_btl"] = "self,tcp"  # shared memory of ranks would count as a file
    if ranks > 1 or file_limit is not None:  # what mpirun itself writes is not limited
        call = ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks), *call]
    start = time.monotonic()
    try:
        done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, env=environment)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{' '.join(call)}\nstill running after {timeout} s\n"
                             f"{late.stdout}{late.stderr}") from None
    return Outcome(call, done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def write_model(path, nodes, time_steps=4):
    """nodes: [(name, type, [operands], {parameter: value})]"""
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "SpikeGraph"
        file.attrs["format_version"] = 1
        graph = file.create_group("graph")
        graph.attrs["name"] = "small"
        graph.attrs["time_steps"] = time_steps
        edges = []
        for name, kind, operands, parameters in nodes:
            group = graph.create_group("nodes/" + name)
            group["type"] = kind
            group.create_dataset("inputs", data=operands, dtype=TEXT, shape=(len(operands),))
            for key, value in parameters.items():
                group[key] = value
            edges += [(operand, name) for operand in operands]
        graph.create_dataset("edges", data=edges, dtype=TEXT, shape=(len(edges), 2))
    return path


def small_nodes(weight=None):
    """image (1, 4, 4) -> conv1 -> lif1 -> output"""
    if weight is None:
        weight = np.linspace(-0.5, 1.0, 16 * 9, dtype=np.float32).reshape(16, 1, 3, 3)
    return [
        ("image", "Input", [], {"shape": np.array([1, 4, 4])}),
        ("conv1", "Conv2d", ["image"], {"weight": weight, "padding": np.array([1, 1])}),
        ("lif1", "DiscreteLIF", ["conv1"], {"tau": 2.0, "v_threshold": 1.0}),
        ("output", "Output", ["lif1"], {}),
    ]


def network_nodes(**parameters):
    """noise -> afferent -> cells, which feed each other by recurrent, and a current; 20 of each.
    parameters: {node: {parameter: value}} over those that are here; None: without it."""
    nodes = [
        ("noise", "PoissonGenerator", [], {"n": 20, "rate": 5000.0}),
        ("current", "StepCurrent", [], {"n": 20, "amplitude_values": np.array([300.0, 100.0]),
                                        "amplitude_times": np.array([0.1, 1.0])}),
        ("afferent", "Projection", ["noise"],
         {"rule": "one_to_one", "n": 20, "weight": 50.0, "delay": 0.5}),
        ("recurrent", "Projection", ["cells"],
         {"rule": "fixed_indegree", "number": 5, "n": 20, "weight": 30.0, "delay": 1.0}),
        ("cells", "iaf_psc_exp", ["afferent", "recurrent", "current"], {"n": 20}),
    ]
    for name, _, _, own in nodes:
        own.update(parameters.get(name, {}))
        for key in [key for key, value in own.items() if value is None]:
            del own[key]
    return nodes


def write_input(path, values, name="image", labels=None, **attributes):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("inputs/" + name, data=values)
        data.attrs.update(attributes)
        if labels is not None:
            file["labels"] = labels
    return path


def small_input(path, samples=3):
    values = np.arange(samples * 16, dtype=np.float32).reshape(samples, 1, 4, 4) / (16 * samples)
    return write_input(path, values)


def truncate(source, path):
    with open(source, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    return path


class SmallDisk:
    """A folder on a file system of this many KiB; folder is None where mounting is not possible."""

    def __init__(self, size):
        self.size, self.folder = size, None

    def __enter__(self):
        folder = tempfile.mkdtemp()
        options = f"size={self.size}k,mode=777"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
            self.folder = folder
        else:
            os.rmdir(folder)
        return self

    def __exit__(self, *_):
        if self.folder:
            subprocess.run(["umount", self.folder], check=True)
            os.rmdir(self.folder)


class CommandTest(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stc-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def works(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.err, "", outcome)
        return outcome

    def fails(self, outcome, code, *texts):
        """Ended in time with one message that holds these texts, and printed no result."""
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(outcome.out, "", outcome)
        lines = outcome.err.splitlines()
        self.assertEqual(sum(line.startswith("stc") for line in lines), 1, outcome)
        self.assertTrue(lines[0].startswith("stc"), outcome)
        self.assertLessEqual(len(lines), 3, outcome)
        for text in texts:
            self.assertIn(text.lower(), outcome.err.lower(), outcome)


def main():
    unittest.main(verbosity=2)
