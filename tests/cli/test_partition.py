"""stc partition: what it prints of models, programs and hypergraphs; parts go to files and come
back; a network that no partition helps is recognised."""
import os

import command
import h5py
import numpy as np
from command import MODEL, TEST, stc, write_model

METHODS = ["contiguous", "even", "random", "metis-cut", "multilevel", "auto"]


def column_nodes(n=200, generators=True):
    """Two populations that draw their sources from all of both; each neuron with a generator."""
    nodes = []
    for to in ("e", "i"):
        operands = []
        for source in ("e", "i"):
            name = f"{source}_to_{to}"
            nodes.append((name, "Projection", [source],
                          {"rule": "fixed_indegree", "number": 50, "n": n, "weight": 10.0,
                           "delay": 1.5}))
            operands.append(name)
        if generators:
            nodes.append((f"noise_{to}", "PoissonGenerator", [], {"n": n, "rate": 8000.0}))
            nodes.append((f"external_{to}", "Projection", [f"noise_{to}"],
                          {"rule": "one_to_one", "n": n, "weight": 50.0, "delay": 1.5}))
            operands.append(f"external_{to}")
        nodes.append((to, "iaf_psc_exp", operands, {"n": n}))
    return nodes


def write_ring(path, n=64):
    """Vertex i sends to its 4 next ones."""
    with open(path, "w") as file:
        file.write(f"{n} {n} 11 1\n")
        for i in range(n):
            pins = " ".join(str((i + k) % n + 1) for k in range(5))
            file.write(f"{i % 3 + 1} {pins}\n")
        file.write("1\n" * n)
    return path


class Partition(command.CommandTest):
    def partition(self, *words, ranks=1):
        return self.works(stc("partition", *words, "--json", ranks=ranks)).json()

    def test_all_methods_of_a_model(self):
        shown = self.partition(MODEL, "--chips", 4, "--methods", "all")
        self.assertEqual([m["method"] for m in shown["methods"]], METHODS)
        for method in shown["methods"]:
            for key in ("multicast_volume", "broadcast_share", "messages", "edge_cut", "max_send",
                        "max_receive", "pairs", "seconds"):
                self.assertGreaterEqual(method[key], 0, key)
            self.assertEqual(set(method["imbalance"]), {"neurons", "synapse_bytes", "work"})
            self.assertFalse(method["no_gain"])
        volume = {m["method"]: m["multicast_volume"] for m in shown["methods"]}
        self.assertLessEqual(volume["auto"], volume["contiguous"])
        self.assertLess(volume["auto"], volume["random"])
        text = self.works(stc("partition", MODEL, "--chips", 4, "--methods", "all")).out
        for method in METHODS:
            self.assertIn(method, text)
        self.assertNotIn("no partition helps", text)

    def test_parts_go_to_files_and_come_back(self):
        text, binary = self.path("parts.txt"), self.path("parts.h5")
        shown = self.partition(MODEL, "--chips", 4, "-o", text)
        self.partition(MODEL, "--chips", 4, "-o", binary)
        parts = np.loadtxt(text, dtype=int)
        with h5py.File(binary) as file:
            np.testing.assert_array_equal(file["part"][:], parts)
        self.assertEqual(set(parts), set(range(4)))
        self.assertEqual(len(parts), shown["vertices"])
        back = self.partition(MODEL, "--chips", 4, "--methods", f"file:{text}")
        program = self.path("program.h5")
        compiled = self.works(stc("compile", MODEL, "-o", program, "--chips", 4, "--partition",
                                  f"file:{text}", "--json")).json()["partition"]
        for one in (back["methods"][0], compiled):
            self.assertEqual(one["multicast_volume"], shown["methods"][0]["multicast_volume"])

    def test_the_same_parts_on_any_number_of_ranks(self):
        found = set()
        for ranks in (1, 2, 3):
            path = self.path(f"{ranks}.txt")
            self.partition(MODEL, "--chips", 5, "--seed", 3, "-o", path, ranks=ranks)
            with open(path) as file:
                found.add(file.read())
        self.assertEqual(len(found), 1)

    def test_programs_and_hypergraphs(self):
        program = self.path("program.h5")
        self.works(stc("compile", MODEL, "-o", program, "--chips", 2))
        of_model, of_program = (self.partition(file, "--chips", 4, "--target", "generic")
                                for file in (MODEL, program))
        for key in ("vertices", "nets", "pins"):
            self.assertEqual(of_model[key], of_program[key])
        self.assertEqual(of_model["methods"][0]["multicast_volume"],
                         of_program["methods"][0]["multicast_volume"])
        ring = write_ring(self.path("ring.hgr"))
        shown = self.partition(ring, "--chips", 4, "--constraints", "work")
        self.assertEqual((shown["vertices"], shown["nets"], shown["pins"]), (64, 64, 256))
        self.assertLessEqual(shown["methods"][0]["multicast_volume"], 4 * 4 * 3)

    def test_measured_rates(self):
        profile = self.path("profile.h5")
        program = self.path("program.h5")
        self.works(stc("profile", MODEL, "--input", TEST, "--samples", "0:8", "-o", profile))
        compiled = self.works(stc("compile", MODEL, "-o", program, "--chips", 4, "--json", "--rates",
                                  profile, "--partition", "contiguous")).json()["partition"]
        estimated = self.partition(MODEL, "--chips", 4, "--methods", "contiguous")["methods"][0]
        for file in (MODEL, program):
            shown = self.partition(file, "--chips", 4, "--methods", "contiguous,random", "--rates",
                                   profile)
            first, random = shown["methods"]
            self.assertEqual(first["predicted"]["spike_copies"],
                             round(first["multicast_volume"] * 8 * 4))
            self.assertGreater(random["predicted"]["spike_copies"],
                               first["predicted"]["spike_copies"])
            self.assertNotEqual(first["multicast_volume"], estimated["multicast_volume"])
        self.assertGreater(compiled["predicted"]["spike_copies"], 0)
        text = self.works(stc("partition", MODEL, "--chips", 4, "--rates", profile)).out
        self.assertIn("8 samples of 4 steps", text)

    def test_a_network_that_no_partition_helps_is_recognised(self):
        for generators in (False, True):
            model = write_model(self.path("column.h5"), column_nodes(generators=generators))
            words = (model, "--chips", 4, "--tile-neurons", 5)
            shown = self.partition(*words)
            self.assertGreaterEqual(shown["vertices"], 80)
            self.assertTrue(shown["methods"][0]["no_gain"], shown)
            self.assertIn("no partition helps", self.works(stc("partition", *words)).out)
            compiled = stc("compile", *words, "-o", self.path("program.h5"), "--json")
            self.assertTrue(self.works(compiled).json()["partition"]["no_gain"])
            text = self.works(stc("compile", *words, "-o", self.path("program.h5"))).out
            self.assertIn("no partition helps", text)

    def test_generators_stay_with_the_neurons_that_they_feed(self):
        model = write_model(self.path("column.h5"), column_nodes())
        parts = self.path("parts.txt")
        shown = self.partition(model, "--chips", 4, "--tile-neurons", 10, "-o", parts)
        # 1e-3 spikes per neuron and step to three other chips
        self.assertLessEqual(shown["methods"][0]["multicast_volume"], 400 * 1e-3 * 3 * 1.01)

    def test_wrong_use_is_refused(self):
        ring = write_ring(self.path("ring.hgr"))
        program = self.path("program.h5")
        self.works(stc("compile", MODEL, "-o", program))
        for words, code, texts in (
                ((), 2, ["model, program or .hgr file"]),
                ((MODEL,), 2, ["--chips K is missing"]),
                ((MODEL, "--chips", 2, "--imbalance", "5"), 2, ["--imbalance", "5%"]),
                ((MODEL, "--chips", 2, "--constraints", "size"), 2, ["--constraints", "size"]),
                ((MODEL, "--chips", 100000), 1, ["100000"]),
                ((TEST, "--chips", 2), 1, [TEST, "'input'"]),
                ((ring, "--chips", 2, "--rates", "p.h5"), 2, ["--rates", ring]),
                ((ring, "--chips", 2, "--tile-neurons", 3), 2, ["--tile-neurons", ring]),
                ((program, "--chips", 2, "--tile-neurons", 3), 2, ["--tile-neurons", program]),
                ((MODEL, "--chips", 2, "--rates", MODEL), 1, [MODEL, "stc-profile"]),
                ((MODEL, "--chips", 2, "-o", MODEL), 2, [MODEL]),
                ((MODEL, "--chips", 2, "-o", self.path("no/parts.txt")), 3, ["folder"])):
            with self.subTest(words=words):
                self.fails(stc("partition", *words), code, *texts)
        self.assertEqual(sorted(os.listdir(self.folder)), ["program.h5", "ring.hgr"])


if __name__ == "__main__":
    command.main()
