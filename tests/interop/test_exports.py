"""What `stc export --to nir` writes: nir reads it with its type check, all parameters and edges are
there, and Norse, snnTorch, Sinabs and SpikingJelly run it with the spikes that stc gives."""
import json
import os

import h5py
import nir
import numpy as np

from interop import Draw, InteropTest, PACK
import simulators

STEPS = 100
# nir 1.0.8 infers wrong shapes for these: it takes kernels for square and leaves out groups.
WRONG_IN_NIR = ("conv1d_groups", "conv2d", "conv2d_groups", "conv2d_valid")


def cases():
    with open(os.path.join(PACK, "manifest.json"), encoding="utf-8") as file:
        return json.load(file)["cases"]


def models():
    return sorted({case["model"] for case in cases()})


def flatten(graph, prefix=""):
    """{path: node} of all nodes but subgraphs and their Inputs and Outputs."""
    nodes = {}
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            nodes.update(flatten(node, f"{prefix}{name}."))
        elif not prefix or not isinstance(node, (nir.Input, nir.Output)):
            nodes[prefix + name] = node
    return nodes


PARAMETERS = ("weight", "bias", "scale", "stride", "dilation", "groups", "kernel_size", "delay",
              "threshold", "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset",
              "w_in")


class Exports(InteropTest):
    def export(self, model, *options):
        path = self.path("exported.nir")
        if os.path.exists(path):
            os.remove(path)
        self.stc("export", model, "-o", path, *options)
        return path

    def options(self, case):
        words = ["--as", case["preset"]] if "preset" in case else []
        for rule, value in {"gain": "ode", **case["rules"]}.items():
            if rule != "start":
                words += ["--" + rule.replace("_", "-"), str(value)]
        return words

    def test_every_primitive_keeps_its_parameters(self):
        seen = set()
        for model in models():
            with self.subTest(model):
                before = flatten(nir.read(os.path.join(PACK, model), type_check=False))
                name = os.path.basename(model).removesuffix(".nir")
                after = flatten(nir.read(self.export(os.path.join(PACK, model)),
                                         type_check=name not in WRONG_IN_NIR))
                self.assertEqual(sorted(before), sorted(after))
                for name, node in before.items():
                    self.assertIs(type(after[name]), type(node), name)
                    self.assert_same_parameters(name, node, after[name])
                    seen.add(type(node))
        self.assertEqual(len(seen), 18)  # all primitives but NIRGraph

    def assert_same_parameters(self, name, first, second):
        for key in PARAMETERS:
            if hasattr(first, key):
                a, b = np.asarray(getattr(first, key)), np.asarray(getattr(second, key))
                np.testing.assert_allclose(np.broadcast_to(a, np.shape(b)), b, rtol=1e-6,
                                           err_msg=f"{name}.{key}")

    def test_every_model_runs_the_same_after_a_round_trip(self):
        for case in {case["model"]: case for case in cases()}.values():
            with self.subTest(case["name"]):
                model = self.export(os.path.join(PACK, case["model"]), *self.options(case))
                results = []
                for path in (os.path.join(PACK, case["model"]), model):
                    self.stc("run", path, "--input", os.path.join(PACK, case["input"]), "-o",
                             self.path("result.h5"), "--time-steps", case["steps"],
                             *self.options(case))
                    with h5py.File(self.path("result.h5")) as file:
                        results.append([file["metrics"].attrs[f"{what}_checksum"]
                                        for what in ("spike", "output")])
                self.assertEqual(*results)

    def check_in(self, prefix, run, tried):
        """Exported models of the pack give in a simulator (run(graph, x, dt)) the spikes that the
        pack expects."""
        names = []
        for case in cases():
            if not case["name"].startswith(prefix) or not tried(case):
                continue
            names.append(case["name"])
            with self.subTest(case["name"]):
                model = self.export(os.path.join(PACK, case["model"]), *self.options(case))
                with h5py.File(os.path.join(PACK, case["input"])) as file:
                    x = file["inputs/input"][0]
                got = run(nir.read(model), x, case["rules"]["dt"])
                with h5py.File(os.path.join(PACK, case["expected"])) as file:
                    for node in case["spikes"]:
                        np.testing.assert_array_equal(got[node].reshape(len(x), -1),
                                                      file["spikes"][node][()].reshape(len(x), -1))
        self.assertTrue(names)

    def test_norse_runs_what_is_exported(self):
        self.check_in(("norse_", "paper_braille_silent", "paper_lif_euler"),
                      simulators.norse_import, lambda case: case["rules"]["reset"] == "zero")

    def test_snntorch_runs_what_is_exported(self):
        self.check_in(("snntorch_lif", "snntorch_cubalif", "paper_lif_euler"),
                      lambda graph, x, dt: simulators.snntorch_import(graph, x), lambda case: True)

    def test_sinabs_runs_what_is_exported(self):
        self.check_in(("sinabs_", "paper_cnn_sinabs"),
                      lambda graph, x, dt: simulators.sinabs_import(graph, x),
                      lambda case: case.get("preset") == "sinabs-import" or "cnn" in case["name"])

    def test_spikingjelly_runs_what_is_exported(self):
        self.check_in(("spikingjelly_", "paper_braille_silent"), simulators.spikingjelly_import,
                      lambda case: True)

    def test_spikegraph_runs_in_two_simulators(self):
        """A model that never was NIR: written as SpikeGraph, run here, exported, run there."""
        draw, text = Draw(1), h5py.string_dtype()
        weights = {"a": draw.numbers(32, 16, scale=1), "b": draw.numbers(8, 32, scale=1)}
        with h5py.File(self.path("model.h5"), "w") as file:
            nodes = file.create_group("graph/nodes")
            file["graph"]["edges"] = np.array(
                [("input", "a"), ("a", "first"), ("first", "b"), ("b", "second"),
                 ("second", "output")], dtype=text)
            for name, kind in (("input", "Input"), ("a", "Linear"), ("first", "LIF"),
                               ("b", "Linear"), ("second", "LIF"), ("output", "Output")):
                nodes.create_dataset(f"{name}/type", data=kind, dtype=text)
            nodes["input/shape"], nodes["output/shape"] = [16], [8]
            for name, weight in weights.items():
                nodes[f"{name}/weight"] = weight
            for name in ("first", "second"):
                for key, value in (("tau", 4e-4), ("v_threshold", 0.25), ("dt", 1e-4)):
                    nodes[f"{name}/{key}"] = value
        x = draw.spikes(STEPS, 16)
        here = self.run_stc(self.path("model.h5"), x)
        model = self.export(self.path("model.h5"))
        for there in (simulators.norse_import(nir.read(model), x, 1e-4),
                      simulators.snntorch_import(nir.read(model), x)):
            self.assertEqual(sorted(here), sorted(there))
            for node, z in there.items():
                self.assertGreater(z.sum(), 0)
                np.testing.assert_array_equal(here[node], z)
