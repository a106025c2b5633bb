"""What the tests share: calling stc, reading its results, comparing spikes; and running all tests.

The command is in the environment variable STC. `python -m interop FOLDER [TEST...]` runs the test
files of a folder, here or below; see run.sh.
"""
import os
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

STC = os.environ.get("STC", "stc")
HERE = os.path.dirname(os.path.abspath(__file__))
PACK = os.path.join(HERE, "../../conformance/nir")
RANKS = (1, 2, 4)
sys.path.insert(0, os.path.join(PACK, "generate"))  # simulators.py runs live networks for both

os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


class Draw:
    """Random multiples of 1/32, of which float32 sums are exact in any order, and spike trains."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)

    def numbers(self, *extents, scale=0.5, shift=0.0):
        return (np.round((self.random.normal(size=extents) * scale + shift) * 32) / 32).astype(
            np.float32)

    def spikes(self, steps, *extents, rate=0.3):
        return (self.random.random((steps, *extents)) < rate).astype(np.float32)

    def counts(self, steps, *extents, most=3):
        return self.random.integers(0, most + 1, (steps, *extents)).astype(np.float32)

    def fill(self, module, **how):
        """Draw the weights and biases of a PyTorch module."""
        import torch
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name.endswith("weight"):
                    parameter[:] = torch.tensor(self.numbers(*parameter.shape, **how))
                elif name.endswith("bias"):
                    parameter[:] = torch.tensor(self.numbers(*parameter.shape, scale=0.1))
        return module


class InteropTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def stc(self, *words, ranks=1, code=0):
        call = [STC, *map(str, words)]
        if ranks > 1:
            call = ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks), *call]
        done = subprocess.run(call, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{' '.join(call)}\n{done.stdout}{done.stderr}")
        return done

    def write(self, graph, name="model.nir", **how):
        """A NIR graph as its package writes it."""
        import nir
        nir.write(self.path(name), graph, **how)
        return self.path(name)

    def run_stc(self, model, x, *options, ranks=1):
        """Spikes of all neuron nodes {node: (steps, shape)} of a model on x (steps, shape)."""
        given, result = self.path("input.h5"), self.path("result.h5")
        with h5py.File(given, "w") as file:
            file["inputs/input"] = np.asarray(x, np.float32)[None]
        self.stc("run", model, "--input", given, "-o", result, "--time-steps", len(x), *options,
                 ranks=ranks)
        with h5py.File(result) as file:
            return {name.replace("%2F", "/"): dense(node, file["metrics"].attrs["step_ms"], len(x))
                    for name, node in file["spikes"].items()}

    def assert_same_spikes(self, model, x, expected, *options, ranks=RANKS):
        """stc gives these spikes for every node in expected, and there are some."""
        self.assertTrue(expected)
        for number in ranks:
            got = self.run_stc(model, x, *options, ranks=number)
            for node, z in expected.items():
                self.assertIn(node, list(got))
                mine, theirs = got[node].reshape(len(x), -1), z.reshape(len(x), -1)
                self.assertEqual(mine.shape, theirs.shape)
                wrong = np.argwhere(mine != theirs)
                self.assertEqual(len(wrong), 0, f"node {node}: {len(wrong)} of {mine.size} differ,"
                                 f" the first at (step, neuron) {wrong[:1].tolist()}")
                self.assertGreater(theirs.sum(), 0, f"node {node} is silent")
                self.assertTrue((theirs == 0).any(), f"node {node} always fires")


def dense(population, step_ms, steps):
    """A SONATA population as (steps, shape) counts."""
    shape = population.attrs["shape"]
    z = np.zeros((steps, int(np.prod(shape))))
    at = np.rint(population["timestamps"][:] / step_ms).astype(int)
    values = population["value"][:] if "value" in population else 1
    np.add.at(z, (at, population["node_ids"][:].astype(int)), values)
    return z.reshape(steps, *shape)


def main(folder, *names):
    folder = os.path.join(HERE, folder)
    sys.path[:0] = [HERE, folder]
    loader = unittest.TestLoader()
    suite = (loader.loadTestsFromNames(names) if names else
             loader.discover(folder, "test_*.py", top_level_dir=folder))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    # a subtest that failed counts for its test
    bad = len({getattr(test, "test_case", test) for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed")
    return 0 if result.testsRun and not bad and not result.skipped else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
