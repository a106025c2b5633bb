"""NIR models: the published ones give the published spikes on any number of ranks, files of every
spelling are read, faulty ones are refused by name, and what is exported reads back the same."""
import os
import shutil

import command
import h5py
import numpy as np
from command import SOURCE, TEXT, stc

BAD_INPUT, WRONG_USE = 1, 2
DATA = os.path.join(SOURCE, "tests/data/nir")
PACK = os.path.join(SOURCE, "conformance/nir")
PAPER = os.path.join(PACK, "paper")
LIF, LIF_INPUT = os.path.join(PAPER, "lif_norse.nir"), os.path.join(PAPER, "lif_input.h5")
BRAILLE = os.path.join(PAPER, "braille_noDelay_bias_zero.nir")
BRAILLE_INPUT = os.path.join(PAPER, "braille_input.h5")
CNN, CNN_INPUT = os.path.join(PAPER, "cnn_sinabs.nir"), os.path.join(PAPER, "cnn_input.h5")
QUIET = ("--log-level", "error")
RANKS = (1, 2, 4)


def fixtures():
    folder = os.path.join(DATA, "fixtures")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def spike_steps(result, node, dt_ms):
    with h5py.File(result) as file:
        return np.rint(file[f"spikes/{node}/timestamps"][:] / dt_ms).astype(int)


def csv_column(name, column=1):
    return np.loadtxt(os.path.join(DATA, name), delimiter=",")[:, column]


class Published(command.CommandTest):
    def run_model(self, model, given, *words, ranks=1):
        result = self.path("result.h5")
        ran = self.works(stc("run", model, "--input", given, "-o", result, "--json", *QUIET, *words,
                             ranks=ranks)).json()
        return ran, result

    def membrane(self, result, node="1"):
        with h5py.File(result) as file:
            return file[f"report/{node}/data"][:, 0]

    def test_lif_under_three_rules(self):
        rules = [(("--reset", "zero"), [460, 510, 710, 760], "lif_norse.csv", None),
                 (("--integrator", "exact"), [460, 510, 710, 760], "lif_exact.csv", 459),
                 (("--integrator", "decay", "--reset", "subtract"), [450, 500, 710, 760],
                  "lif_sinabs.csv", None)]
        for words, spikes, trace, end in rules:
            for ranks in RANKS:
                with self.subTest(words=words, ranks=ranks):
                    _, result = self.run_model(LIF, LIF_INPUT, "--dt", "1e-4", "--record",
                                               "spikes,v", *words, ranks=ranks)
                    self.assertEqual(spike_steps(result, "1", 0.1).tolist(), spikes)
                    difference = np.abs(self.membrane(result) - csv_column(trace))[:end]
                    self.assertLess(difference.max(), 1e-6)

    def braille(self, given, *words, ranks=1):
        ran, result = self.run_model(BRAILLE, given, "--dt", "0.1ms", "--integrator", "euler",
                                     "--compare", "gt", "--reset", "zero", "--recurrent-delay", 1,
                                     *words, ranks=ranks)
        self.assertEqual(ran["outputs"]["output"], [10, 160, 112, 113, 103, 68, 121])
        self.assertEqual(ran["nodes"]["lif1.lif"], 119)
        with h5py.File(result) as file:
            group = file["spikes/lif1.lif"]
            steps = np.rint(group["timestamps"][:] / 0.1).astype(int)
            return np.stack([steps, group["node_ids"][:].astype(int)], 1).tolist()

    def test_braille_as_snntorch(self):
        golden = np.loadtxt(os.path.join(PAPER, "golden_braille_noDelay_bias_zero_hidden.csv"),
                            delimiter=",", dtype=int).tolist()
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                self.assertEqual(self.braille(BRAILLE_INPUT, ranks=ranks), golden)
        for name in ("sonata", "nirdata"):
            given = os.path.join(DATA, f"braille_test0_{name}.h5")
            for ranks in RANKS:
                with self.subTest(input=name, ranks=ranks):
                    self.assertEqual(self.braille(given, "--time-steps", 256, ranks=ranks), golden)

    def test_braille_as_norse_and_spikingjelly_start_it(self):
        for word in ("--recurrent-start=silent", "--as=norse"):
            ran, _ = self.run_model(BRAILLE, BRAILLE_INPUT, "--dt", "1e-4", word)
            self.assertEqual(ran["outputs"]["output"], [8, 159, 108, 114, 104, 67, 126])

    def test_cnn_of_sinabs(self):
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                ran, _ = self.run_model(CNN, CNN_INPUT, "--dt", 1, "--integrator", "euler",
                                        "--compare", "gt", "--reset", "zero", ranks=ranks)
                self.assertEqual([ran["nodes"][name] for name in ("1", "3", "6", "10", "12")],
                                 [5183, 8758, 3996, 2799, 149])
                self.assertEqual(ran["outputs"]["output"], [1, 0, 1, 0, 146, 1, 0, 0, 0, 0])

    def test_conformance_pack(self):
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                outcome = stc("conformance", PACK, "--json", ranks=ranks, timeout=120)
                ran = outcome.json()
                self.assertEqual([c for c in ran["cases"] if not c["agrees"]], [])
                self.assertGreater(ran["passed"], 100)
                self.assertEqual(outcome.code, 0)

    def test_a_case_that_differs_is_a_failure(self):
        pack = shutil.copytree(PACK, self.path("pack"))
        with h5py.File(os.path.join(pack, "expected/lif_euler_gt_value.h5"), "r+") as file:
            file["spikes/neuron"][7, 1] ^= 1
        outcome = stc("conformance", pack, "--only", "lif_euler_gt_value")
        self.assertEqual(outcome.code, 1)
        self.assertIn("/spikes/neuron: 1 of 192 values differ; the first at step 7, element 1",
                      outcome.out)


class Fixtures(command.CommandTest):
    def test_every_fixture_is_verified_and_runs(self):
        for model in fixtures():
            name = os.path.basename(model)
            with self.subTest(model=name):
                outcome = stc("verify", model)
                if "lzf" in name:
                    self.fails(outcome, BAD_INPUT, "/node/nodes/", 'filter "lzf"', "gzip")
                    continue
                self.assertEqual(outcome.code, 0, outcome)
                self.assertIn("good", outcome.out)
                self.assertIn("NIR read with dt 0.0001 s, integrator euler, compare gt, "
                              "reset value, recurrent_delay 1", outcome.err)
                self.assertEqual("is there twice" in outcome.err, name == "duplicate_edge.nir")
                self.runs_alike(model)

    def runs_alike(self, model):
        given = self.path("input.h5")
        with h5py.File(model) as file, h5py.File(given, "w") as out:
            for name, node in file["node/nodes"].items():
                if node["type"][()] == b"Input":
                    values = np.random.default_rng(5).random((1, 20, *node["shape"][:])) * 40
                    out[f"inputs/{name}"] = values.astype(np.float32)
        ran = [self.works(stc("run", model, "--input", given, "--json", *QUIET, ranks=ranks)).json()
               for ranks in (1, 2)]
        for key in ("spike_checksum", "output_checksum"):
            self.assertEqual(ran[0][key], ran[1][key])

    def test_faulty_files_are_refused_by_name(self):
        faults = {"partial_scalar_0d.nir": ["/node/nodes/lif/type", "missing"],
                  "partial_scalar_params_no_type_no_edges.nir": ["/node/nodes/lif/type", "missing"],
                  "lif_rockpool.nir": ["node output (output)", "(1, 1, 1)"],
                  "braille_noDelay_bias_zero_subgraph.nir":
                      ["/node/nodes/lif1/edges", 'from "input" to "lif"', "did you mean lif1?"],
                  "braille_noDelay_noBias_subtract_subgraph.nir":
                      ["/node/nodes/lif1/edges", 'from "input" to "lif"', "did you mean lif1?"]}
        self.assertEqual(sorted(faults), sorted(os.listdir(os.path.join(DATA, "broken"))))
        for name, texts in faults.items():
            for ranks in (1, 4):
                with self.subTest(model=name, ranks=ranks):
                    outcome = stc("verify", os.path.join(DATA, "broken", name), ranks=ranks)
                    self.fails(outcome, BAD_INPUT, name, *texts)

    def test_export_reads_back_the_same(self):
        for model in [LIF, BRAILLE, *fixtures()]:
            if "lzf" in model:
                continue
            with self.subTest(model=model):
                said = [self.works(stc("export", model, "-o", self.path(name), "--json", *QUIET))
                        for name in ("1.nir", "model.h5", "model.dot")][0].json()
                self.works(stc("export", self.path("1.nir"), "-o", self.path("2.nir"), *QUIET,
                               *said["rules"].split()))
                self.works(stc("verify", self.path("model.h5")))
                with open(self.path("model.dot"), encoding="utf-8") as file:
                    self.assertIn("digraph", file.read())
                self.assertEqual(contents(self.path("1.nir")), contents(self.path("2.nir")))

    def test_export_names_what_nir_cannot_say(self):
        outcome = stc("export", command.MODEL, "-o", self.path("x.nir"))
        self.fails(outcome, BAD_INPUT, "maxpool2d", "cannot be written as NIR", "sums and averages")
        self.assertEqual(os.listdir(self.folder), [])

    def test_rules_of_programs_and_spikegraphs_are_refused(self):
        program = self.path("program.h5")
        self.works(stc("compile", LIF, "-o", program, *QUIET))
        self.fails(stc("run", program, "--input", LIF_INPUT, "--reset", "zero"), WRONG_USE,
                   "--reset")
        self.fails(stc("verify", command.MODEL, "--compare", "gt"), WRONG_USE, "--compare",
                   "is a SpikeGraph")
        self.fails(stc("verify", LIF, "--as", "nors"), WRONG_USE, "did you mean norse?")
        self.fails(stc("verify", LIF, "--as", "nengo"), WRONG_USE, "interpolated")
        self.fails(stc("verify", LIF, "--dt", "-1"), WRONG_USE, "--dt")
        self.fails(stc("export", LIF), WRONG_USE, "-o FILE is missing")
        self.fails(stc("export", LIF, "-o", self.path("x.txt")), WRONG_USE, "--to FORM")


def contents(path):
    """Everything in a file, edges as a set."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]})
                        if isinstance(item, h5py.Dataset) else None)
    return {name: sorted(map(tuple, value.tolist())) if name.endswith("edges") else
            (value if isinstance(value, bytes) else (np.shape(value), np.ravel(value).tolist()))
            for name, value in found.items()}


class Rewritten(command.CommandTest):
    """The same network told in another way gives the same spikes."""

    def setUp(self):
        super().setUp()
        with h5py.File(BRAILLE) as file:
            self.nodes = {name: {key: item[()] for key, item in node.items()}
                          for name, node in file["node/nodes"].items()}
            self.edges = [tuple(end.decode() for end in edge) for edge in file["node/edges"][:]]
        self.right = self.spikes(BRAILLE)

    def spikes(self, model, names=None):
        result = self.path("result.h5")
        self.works(stc("run", model, "--input", BRAILLE_INPUT, "-o", result, *QUIET))
        found = {}
        with h5py.File(result) as file:
            for name, group in file["spikes"].items():
                found[(names or {}).get(name, name)] = (group["timestamps"][:].tolist(),
                                                        group["node_ids"][:].tolist())
        return found

    def write(self, nodes, edges, name="model.nir", **storage):
        path = self.path(name)
        with h5py.File(path, "w") as file:
            file["version"] = "1.0.8"
            self.write_graph(file.create_group("node"), nodes, edges, storage)
        return path

    def write_graph(self, group, nodes, edges, storage):
        group.create_dataset("type", data="NIRGraph", dtype=TEXT)
        group.create_dataset("edges", data=edges, dtype=TEXT, shape=(len(edges), 2))
        for name, node in nodes.items():
            child = group.create_group("nodes/" + name)
            if isinstance(node, tuple):
                self.write_graph(child, *node, storage)
                continue
            for key, value in node.items():
                array = isinstance(value, np.ndarray)
                child.create_dataset(key, data=value, **(storage if array else {}))

    def test_other_names(self):
        names = {"lif1.lif": "z", "lif2": "a", "fc1": "m.n", "fc2": "1", "lif1.w_rec": "b"}
        to = {name: names.get(name, name) for name in self.nodes}
        model = self.write({to[name]: node for name, node in self.nodes.items()},
                           [(to[a], to[b]) for a, b in self.edges])
        self.assertEqual(self.spikes(model, {new: old for old, new in names.items()}), self.right)

    def test_other_order_of_edges(self):
        for seed in range(3):
            edges = [self.edges[i] for i in np.random.default_rng(seed).permutation(7)]
            self.assertEqual(self.spikes(self.write(self.nodes, edges)), self.right)

    def test_compressed_chunks(self):
        self.assertEqual(self.spikes(self.write(self.nodes, self.edges, compression="gzip")),
                         self.right)

    def test_float64_weights(self):
        nodes = {name: {key: value.astype(np.float64) if isinstance(value, np.ndarray) and
                        value.dtype == np.float32 else value for key, value in node.items()}
                 for name, node in self.nodes.items()}
        self.assertEqual(self.spikes(self.write(nodes, self.edges)), self.right)

    def test_a_layer_in_a_subgraph(self):
        width = {"shape": np.array([38])}
        inner = {"in": {"type": "Input", **width}, "lif": self.nodes["lif1.lif"],
                 "w_rec": self.nodes["lif1.w_rec"], "out": {"type": "Output", **width}}
        loop = [("in", "lif"), ("w_rec", "lif"), ("lif", "w_rec"), ("lif", "out")]
        outer = {name: node for name, node in self.nodes.items() if not name.startswith("lif1")}
        for ends in (("rnn", "rnn"), ("rnn.in", "rnn.out")):
            edges = [("input", "fc1"), ("fc1", ends[0]), (ends[1], "fc2"), ("fc2", "lif2"),
                     ("lif2", "output")]
            model = self.write({**outer, "rnn": (inner, loop)}, edges)
            self.assertEqual(self.spikes(model, {"rnn.lif": "lif1.lif"}), self.right)
            deeper = self.write({"input": self.nodes["input"], "output": self.nodes["output"], "g": (
                {**outer, "rnn": (inner, loop)}, edges)}, [("input", "g"), ("g", "output")])
            names = {"g.rnn.lif": "lif1.lif", "g.lif2": "lif2"}
            self.assertEqual(self.spikes(deeper, names), self.right)

    def test_fixed_length_ascii_text(self):
        model = self.write(self.nodes, self.edges)
        with h5py.File(model, "r+") as file:
            for name in self.nodes:
                kind = file[f"node/nodes/{name}/type"][()]
                del file[f"node/nodes/{name}/type"]
                file[f"node/nodes/{name}/type"] = np.array([kind], dtype="S20")
            edges = file["node/edges"][:].astype("S12")
            del file["node/edges"]
            file["node/edges"] = edges
        self.assertEqual(self.spikes(model), self.right)


command.main()
