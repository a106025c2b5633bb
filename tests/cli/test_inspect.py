"""info, verify, diff, targets, and the JSON that compile and run print."""
import os

import command
import h5py
from command import MODEL, TEST, stc


class Inspect(command.CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.model, cls.input = "small.h5", "input.h5"
        cls.program, cls.result = "program.h5", "result.h5"
        command.write_model(cls.model, command.small_nodes())
        command.small_input(cls.input)

    def compile_and_run(self, ranks=1, **more):
        compiled = self.works(stc("compile", self.model, "-o", self.program, "--json", "--chips", 1,
                                  ranks=ranks, **more))
        ran = self.works(stc("run", self.program, "--input", self.input, "-o", self.result,
                             "--json", **more))
        return compiled.json(), ran.json()

    def test_model_is_shown_as_a_table(self):
        for ranks in (1, 4):
            text = self.works(stc("info", MODEL, ranks=ranks)).out
            for part in ("85 nodes", "25,600 neurons", "165,466 weights", "4 steps per sample",
                         "block.1.mlp.fc2_lif", "(16, 256)", "matmul"):
                self.assertIn(part, text)

    def test_model_is_shown_as_json(self):
        shown = self.works(stc("info", MODEL, "--json")).json()
        self.assertEqual(shown["graph"]["neurons"], 25600)
        self.assertEqual(shown["graph"]["weights"], 165466)
        self.assertEqual(len(shown["nodes"]), 85)
        node = next(n for n in shown["nodes"] if n["name"] == "add_81")
        self.assertEqual(node["shape"], [16, 64])
        self.assertEqual(node["operands"], ["add_74", "block.1.mlp.fc2_lif"])

    def test_models_of_populations_are_shown_with_their_parameters(self):
        text = self.works(stc("info", "--models")).out
        for part in ("iaf_psc_exp", "tau_m", "mV", "glif_psc", "IntFire1", "V_m (mV)"):
            self.assertIn(part, text)
        model = self.works(stc("info", "--models", "--json")).json()["models"]["iaf_psc_exp"]
        params = {p["name"]: p for p in model["parameters"]}
        self.assertEqual(params["tau_m"]["default"], 10)

    def test_unknown_partition_methods_are_wrong_use(self):
        for line in (["compile", MODEL, "-o", "p.h5", "--chips", 2, "--partition", "metis"],
                     ["partition", MODEL, "--chips", 2, "--methods", "metis"]):
            self.fails(stc(*line), 2, "unknown partition method 'metis'")

    def test_every_kind_of_file_is_recognised(self):
        self.compile_and_run()
        for path, kind in ((self.model, "model"), (self.program, "program"),
                           (self.result, "result"), (self.input, "input")):
            with self.subTest(kind=kind):
                self.assertIn(kind, self.works(stc("info", path)).out.splitlines()[0])
                shown = self.works(stc("info", path, "--json")).json()
                self.assertEqual(shown["file"], path)

    def test_good_files_are_verified(self):
        self.compile_and_run()
        for path in (MODEL, self.program):
            for ranks in (1, 4):
                self.assertIn("good", self.works(stc("verify", path, ranks=ranks)).out)
        self.assertIs(self.works(stc("verify", MODEL, "--json")).json()["good"], True)

    def test_other_files_are_not_verified(self):
        self.fails(stc("verify", TEST), 1, "expected a model or a program")

    def test_compile_says_all_in_one_object(self):
        for ranks in (1, 4):
            compiled, _ = self.compile_and_run(ranks)
            self.assertEqual(compiled["graph"]["neurons"], 256)
            self.assertEqual(compiled["chips"], 1)
            self.assertEqual(compiled["ranks"], ranks)
            for key in ("multicast_volume", "broadcast_share", "edge_cut", "imbalance", "method"):
                self.assertIn(key, compiled["partition"])
            self.assertEqual(set(compiled["partition"]["imbalance"]),
                             {"neurons", "synapse_bytes", "work"})
            for key in ("cores_used", "estimated_utilization", "load_balance", "bottleneck"):
                self.assertIn(key, compiled["allocation"])
            for step in compiled["passes"]:
                self.assertLessEqual({"name", "ms", "nodes_before", "nodes_after"}, set(step))
            self.assertGreater(compiled["peak_rss_bytes"], 1 << 20)
            self.assertGreater(compiled["seconds"]["total"], 0)

    def test_run_says_all_in_one_object(self):
        _, ran = self.compile_and_run()
        self.assertEqual((ran["samples"], ran["steps"]), (3, 4))
        self.assertEqual(len(ran["outputs"]["output"]), 256)
        self.assertEqual(ran["spikes"], ran["nodes"]["lif1"])
        self.assertGreater(ran["spikes"], 0)
        self.assertRegex(ran["spike_checksum"], "^[0-9a-f]{16}$")
        self.assertRegex(ran["output_checksum"], "^[0-9a-f]{16}$")
        self.assertLessEqual({"load", "simulate", "write"}, set(ran["seconds"]))
        self.assertLessEqual({"p50", "p99"}, set(ran["latency_seconds"]))
        self.assertLessEqual({"messages", "bytes", "spike_copies"}, set(ran["exchange"]))
        for key in ("samples_per_second", "real_time_factor", "peak_rss_bytes"):
            self.assertGreater(ran[key], 0)
        self.assertNotIn("accuracy", ran)

    def test_outputs_are_spike_counts_of_the_last_sample(self):
        _, ran = self.compile_and_run()
        with h5py.File(self.result, "r") as result:
            last = result["outputs/output"][-1].sum(axis=0).reshape(-1)
        self.assertEqual(ran["outputs"]["output"], last.tolist())

    def test_model_runs_without_a_program(self):
        _, ran = self.compile_and_run()
        again = self.works(stc("run", self.model, "--input", self.input, "--json")).json()
        self.assertEqual(again["spike_checksum"], ran["spike_checksum"])
        self.assertEqual(again["output_checksum"], ran["output_checksum"])

    def test_samples_can_be_chosen(self):
        ran = self.works(stc("run", self.model, "--input", self.input, "--samples", "1:3",
                             "--json")).json()
        self.assertEqual(ran["samples"], 2)
        self.fails(stc("run", self.model, "--input", self.input, "--samples", "1:4"), 2,
                   "has 3 samples")
        self.fails(stc("run", self.model, "--input", self.input, "--samples", "3:"), 2,
                   "has 3 samples")

    def test_results_are_compared(self):
        self.compile_and_run()
        other = self.path("other.h5")
        self.works(stc("run", self.program, "--input", self.input, "-o", other))
        self.assertEqual(stc("diff", self.result, other).code, 0)
        self.assertEqual(stc("diff", self.result, other, ranks=4).code, 0)
        self.assertIs(stc("diff", self.result, other, "--json").json()["same"], True)
        with h5py.File(other, "r+") as file:
            file["outputs/output"][1, 2, 0] = 7.0
        different = stc("diff", self.result, other, ranks=4)
        self.assertEqual(different.code, 1, different)
        self.assertIn("(1, 2, 0, 0, 0)", different.out)  # sample, step, index
        self.assertIs(stc("diff", self.result, other, "--json").json()["same"], False)

    def test_decided_options_are_refused_for_a_program(self):
        self.compile_and_run()
        for words in (["--chips", 2], ["--partition", "random"], ["-O0"], ["--target", "tiny"]):
            self.fails(stc("run", self.program, "--input", self.input, *words), 2, words[0][:2],
                       "already decided")

    def test_idle_ranks_are_noticed(self):
        self.compile_and_run()
        outcome = stc("run", self.program, "--input", self.input, ranks=4)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("3 of 4 ranks have nothing to do", outcome.err)

    def test_threads_of_all_ranks_fit_on_the_processors(self):
        processors = len(os.sched_getaffinity(0))
        for ranks in (1, 2):
            ran = self.works(stc("run", MODEL, "--input", TEST, "--samples", "0:1", "--json",
                                 ranks=ranks, env={"OMP_NUM_THREADS": None})).json()
            self.assertEqual(ran["threads"], max(1, processors // ranks))
        ran = self.works(stc("run", MODEL, "--input", TEST, "--samples", "0:1", "--threads", 3,
                             "--json")).json()
        self.assertEqual(ran["threads"], 3)

    def test_targets_and_passes_are_listed(self):
        self.assertIn("generic", self.works(stc("targets")).out)
        names = [t["name"] for t in self.works(stc("targets", "--json")).json()["targets"]]
        self.assertIn("tiny", names)
        passes = self.works(stc("compile", "--list-passes", "--json")).json()["passes"]
        self.assertIn("fold-affine", [p["name"] for p in passes])

    def test_unknown_names_name_the_nearest(self):
        output = self.path("p.h5")
        self.fails(stc("compile", MODEL, "-o", output, "--target", "generik"), 1, "generic")
        self.fails(stc("compile", MODEL, "-o", output, "--chips", 2, "--partition", "contigous"), 2,
                   "contiguous")


command.main()
