"""Networks of other simulators: SONATA configurations and edge lists give the spikes of NEST, in
every spelling, on any number of ranks; faulty ones are refused by name."""
import os
import shutil

import command
import h5py
import numpy as np
from command import SOURCE, stc
from networks import (DATA, DELTA, EXP, ONE, TWO, Network, change, nest_spikes, spikes_of,
                      write_json, write_mixed, write_text)

CELLS = os.path.join(SOURCE, "tests/data/sonata")
QUIET = ("--log-level", "error")


class EdgeLists(command.CommandTest):
    def run_model(self, model, *words, ranks=1):
        result = self.path("result.h5")
        ran = self.works(stc("run", model, "-o", result, "--json", *QUIET, *words, ranks=ranks))
        return ran.json(), result

    def test_one_model_gives_the_spikes_and_potentials_of_nest(self):
        with h5py.File(ONE) as file:
            ids = {int(i): k for k, i in enumerate(file["neurons/id"])}
            trace = file["trace/V_m"][:]
        checksums = set()
        for ranks in (1, 2, 4):
            ran, result = self.run_model(ONE, "--record", "spikes,V_m:neurons[0:3]", ranks=ranks)
            checksums.add(ran["spike_checksum"])
            self.assertEqual(spikes_of(result)["neurons"], nest_spikes(ONE, ids))
            with h5py.File(result) as file:
                report = next(iter(file["report"].values()))
                difference = np.abs(report["data"][: len(trace)] - trace)
                self.assertTrue(np.allclose(report["mapping/time"], [0.1, 200.1, 0.1]))
            self.assertLess(difference.max(), 1e-9)
        self.assertEqual(len(checksums), 1)

    def test_permuted_neurons_and_shuffled_edges_change_nothing(self):
        random = np.random.default_rng(3)
        path = self.path("permuted.h5")
        shutil.copy(ONE, path)
        with h5py.File(path, "r+") as file:
            new = random.permutation(file.attrs["n_neurons"])  # neuron k becomes new[k]
            for name, column in file["neurons"].items():
                column[:] = column[:][np.argsort(new)]
            for group, ends, own in (("edges", "", ("src", "dst")), ("input", "edge_", ("dst",))):
                names = [ends + name for name in ("src", "dst", "weight", "delay")]
                order = random.permutation(len(file[group][names[0]]))
                for name in names:
                    column = file[group][name]
                    column[:] = column[:][order]
                    if name[len(ends):] in own:
                        column[:] = new[column[:]]
            ids = {int(i): k for k, i in enumerate(file["neurons/id"])}
        _, result = self.run_model(path, ranks=2)
        self.assertEqual(spikes_of(result)["neurons"], nest_spikes(ONE, ids))

    def test_several_populations_and_other_spellings(self):
        with h5py.File(TWO) as file:
            ids = {name: file[f"neurons/{name}/id"][:] for name in (EXP, DELTA)}
        back = {int(i): (name, k) for name, each in ids.items() for k, i in enumerate(each)}
        expected = nest_spikes(TWO, back)
        path = self.path("spelled.h5")
        shutil.copy(TWO, path)
        with h5py.File(path, "r+") as file:
            file.attrs["t_stop_ms"] = 200.0
            del file.attrs["n_steps"]
            for group in file["neurons"].values():
                group["V_m_init"] = group["V_m"][:]
                group["V_m"][:] = -1e3
                group["t_ref_steps"] = np.full(len(group["t_ref"]), 20, dtype=np.int32)
                group["t_ref"][:] = 7
            edges = file[f"edges/{EXP}_to_{DELTA}"]
            delay = edges["delay"][:]
            del edges["delay"]
            edges["delay"] = delay * 0.1  # floats: ms
        for model in (TWO, path):
            _, result = self.run_model(model)
            found = {(step, (name, k)) for name, each in spikes_of(result).items()
                     for step, k in each}
            self.assertEqual(found, expected)

    def test_a_compiled_edge_list_takes_its_input_from_the_file(self):
        program = self.path("program.h5")
        self.works(stc("compile", ONE, "-o", program, "--chips", 2))
        direct, _ = self.run_model(ONE)
        ran, _ = self.run_model(program, "--input", ONE, ranks=2)
        self.assertEqual(ran["spike_checksum"], direct["spike_checksum"])
        self.fails(stc("run", program), 2, "--input FILE is missing")

    def test_faulty_files_are_refused(self):
        path = self.path("bad.h5")

        def put(file, name, values):
            del file[name]
            file[name] = values

        def entry(name, at, value):
            def set_entry(file):
                file[name][at] = value
            return set_entry

        cases = [
            (lambda f: f.attrs.__setitem__("model", "iaf_psc_expo"),
             ["bad.h5", "model", "iaf_psc_exp?"]),
            (lambda f: f.attrs.__delitem__("model"), ["bad.h5", "model is missing"]),
            (lambda f: f.attrs.__delitem__("dt_ms"), ["bad.h5", "dt_ms"]),
            (lambda f: f.attrs.__setitem__("dt_ms", -0.1), ["bad.h5", "dt_ms is -0.1"]),
            (lambda f: f.attrs.__setitem__("n_steps", -5), ["bad.h5", "n_steps is -5"]),
            (lambda f: f.attrs.__setitem__("n_neurons", 0), ["bad.h5", "0 neurons"]),
            (lambda f: f.attrs.__setitem__("n_neurons", 51),
             ["bad.h5", "shape (50), expected (51)"]),
            (lambda f: put(f, "neurons/C_m", np.zeros((5, 10))), ["bad.h5", "C_m", "(5, 10)"]),
            (lambda f: f["neurons"].move("E_L", "E_K"), ["bad.h5", "E_K", "no parameter", "E_L"]),
            (entry("neurons/tau_m", 3, -1.0), ["bad.h5", "tau_m", "-1"]),
            (entry("neurons/V_m", 3, np.nan), ["bad.h5", "V_m", "nan"]),
            (entry("edges/src", 7, 50), ["edge 7", "50"]),
            (entry("edges/dst", 7, -1), ["edge 7", "-1"]),
            (entry("edges/delay", 7, 0), ["bad.h5", "delay", "0"]),
            (entry("edges/weight", 7, np.inf), ["weight", "inf"]),
            (lambda f: put(f, "edges/src", np.zeros(10)), ["bad.h5", "src", "floats"]),
            (lambda f: put(f, "edges/dst", np.zeros(3, dtype=int)), ["bad.h5", "dst", "(3)"]),
            (lambda f: f["edges"].__delitem__("weight"), ["bad.h5", "weight", "missing"]),
            (lambda f: put(f, "edges/delay", np.full(len(f["edges/src"]), 0.25)),
             ["delay", "0.25"]),
            (entry("input/spike_step", 0, 0), ["bad.h5", "spike_step", "[0] is 0"]),
            (entry("input/spike_source", 1, 4), ["bad.h5", "spike_source", "[1] is 4", "0 to 3"]),
            (lambda f: f["input"].attrs.__setitem__("n_sources", -1), ["bad.h5", "-1 sources"]),
        ]
        for spoil, words in cases:
            shutil.copy(ONE, path)
            with h5py.File(path, "r+") as file:
                spoil(file)
            with self.subTest(words=words):
                self.fails(stc("run", path, "-o", self.path("no.h5")), 1, *words)
                self.assertFalse(os.path.exists(self.path("no.h5")))
        self.fails(stc("run", ONE, "--dt", "1ms"), 2, "--dt", "one_model.h5")
        self.fails(stc("run", ONE, "--reset", "zero"), 2, "--reset", "edge list")


class Sonata(command.CommandTest):
    def run_config(self, config, *words, ranks=1):
        result = self.path("result.h5")
        ran = self.works(stc("run", config, "-o", result, "--json", *QUIET, *words, ranks=ranks))
        return ran.json(), result

    def test_point_120cells_gives_the_spikes_of_nest(self):
        config = os.path.join(CELLS, "point_120cells/config.simulation.json")
        golden = np.loadtxt(os.path.join(CELLS, "point_120cells/golden_spikes_dt0.1.csv"),
                            delimiter=",", dtype=int)
        for ranks in (1, 3):
            ran, result = self.run_config(config, "--dt", "0.1ms", ranks=ranks)
            self.assertEqual(ran["spikes"], 1176)
            self.assertEqual(spikes_of(result), {"cortex": set(map(tuple, golden.tolist()))})
        program = self.path("program.h5")
        compiled = stc("compile", config, "--dt", "0.1ms", "-o", program, "--chips", 3)
        self.assertEqual(compiled.code, 0, compiled)
        for notice in ("report membrane_potential", "--record V_m:NODE", "spikes_file_csv"):
            self.assertIn(notice, compiled.err)
        spikes = os.path.join(CELLS, "point_120cells/inputs/thalamus_spikes.h5")
        for given in (config, spikes):
            again, _ = self.run_config(program, "--input", given, ranks=2)
            self.assertEqual(again["spike_checksum"], ran["spike_checksum"])

    def expected(self, ids, where="spikes"):
        return nest_spikes(TWO, dict(zip(Network().nest_id.tolist(), ids.tolist())), where)

    def found(self, result):
        return set().union(*spikes_of(result).values())

    def test_mixed_populations_sparse_ids_groups_and_all_layouts_of_spikes(self):
        for layout, ranks in (("population", 2), ("old", 1), ("seconds", 1), ("csv", 1)):
            with self.subTest(layout=layout):
                config, ids = write_mixed(self.path(layout), layout)
                _, result = self.run_config(config, ranks=ranks)
                self.assertEqual(self.found(result), self.expected(ids))
                self.assertEqual(set(spikes_of(result)), {f"cells.{EXP}", f"cells.{DELTA}"})

    def test_records_speak_in_node_ids(self):
        config, ids = write_mixed(self.path("mixed"))
        _, result = self.run_config(config, "--record", f"V_m:cells.{DELTA}[2:4]")
        delta = np.sort(ids[[kind == DELTA for kind in Network().kind]])
        with h5py.File(result) as file:
            report = next(iter(file["report"].values()))
            self.assertEqual(report["mapping/node_ids"][:].tolist(), delta[2:4].tolist())

    def test_current_clamps_act_on_the_chosen_neurons(self):
        config, ids = write_mixed(self.path("mixed"))
        given, _ = Network().clamp
        clamp = {key: values.tolist() for key, values in given.items()}
        change(config, inputs__clamp={"input_type": "current_clamp", "module": "IClamp",
                                      "node_set": "chosen", **clamp})
        _, result = self.run_config(config)
        self.assertEqual(self.found(result), self.expected(ids, "clamped"))
        self.assertNotEqual(self.found(result), self.expected(ids))
        write_text(os.path.join(os.path.dirname(config), "amps.csv"), "timestamps amps",
                   "30 120.0", "70 0", "90 -60.5", "140 0.0")
        change(config, inputs__clamp={"input_type": "csv", "module": "IClamp", "file": "amps.csv",
                                      "node_set": "chosen"})
        _, result = self.run_config(config, ranks=2)
        self.assertEqual(self.found(result), self.expected(ids, "clamped"))

    def test_results_go_where_the_configuration_says(self):
        config, ids = write_mixed(self.path("mixed"))
        change(config, manifest={"$OUTPUT": "./output"},
               output={"output_dir": "$OUTPUT", "spikes_file": "spikes.h5", "log_file": "log"})
        self.works(stc("run", config, *QUIET, ranks=2))
        self.assertEqual(self.found(self.path("mixed/output/spikes.h5")), self.expected(ids))

    def test_results_never_replace_files_of_the_network(self):
        config, _ = write_mixed(self.path("mixed"))
        for name in ("config.json", "circuit.json", "sets.json", "network/nodes.h5",
                     "network/edge_types.csv", "spikes.h5"):
            path = self.path(f"mixed/{name}")
            before = os.path.getmtime(path)
            self.fails(stc("run", config, "-o", path), 2, name)
            self.assertEqual(os.path.getmtime(path), before)

    def test_inspection(self):
        config, _ = write_mixed(self.path("mixed"))
        self.assertIn(f"cells.{EXP}", self.works(stc("info", config)).out)
        self.works(stc("verify", config))
        parts = self.path("mixed/network/nodes.h5")
        self.fails(stc("info", parts), 1, "nodes of a SONATA network", "configuration")

    def spoiled(self, folder, spoil):
        path = self.path("mixed")
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(folder, path)
        spoil(path)
        return os.path.join(path, "config.json")

    def test_faulty_networks_are_refused(self):
        good = self.path("good")
        write_mixed(good)

        def config(**members):
            return lambda f: change(f"{f}/config.json", **members)

        def circuit(**members):
            return lambda f: change(f"{f}/circuit.json", **members)

        def text(name, *lines):
            return lambda f: write_text(f"{f}/{name}", *lines)

        def entry(name, data, at, value):
            def set_entry(f):
                with h5py.File(f"{f}/{name}", "r+") as file:
                    file[data][at] = value
            return set_entry

        def without(name, data):
            def remove(f):
                with h5py.File(f"{f}/{name}", "r+") as file:
                    del file[data]
            return remove

        nodes, edges = "network/nodes.h5", "network/edges.h5"
        node_csv = "node_type_id model_type model_template dynamics_params"
        edge_csv = "edge_type_id model_template dynamics_params delay syn_weight"
        spikes = {"input_type": "spikes", "module": "h5", "input_file": "spikes.h5"}
        clamp = {"input_type": "current_clamp", "module": "IClamp", "node_set": "others",
                 "amp": 1.0, "delay": 1.0, "duration": 1.0}
        cases = [
            (text("config.json", "{", '"run": 3,,', "}"), ["config.json", "line 2"]),
            (text("config.json", "[1]"), ["config.json"]),
            (config(network="nowhere.json"), ["nowhere.json"]),
            (config(network=3), ["network", "a string"]),
            (config(network="$NOWHERE/x"), ["$NOWHERE"]),
            (config(manifest={"$A": "$B", "$B": "$A"}, network="$A"), ["never end"]),
            (config(run__dt=None), ["run/dt"]),
            (config(run__dt="fast"), ["run/dt"]),
            (config(run__tstop=-1), ["run/tstop"]),
            (config(run__tstart=5), ["tstart"]),
            (circuit(networks=None), ["networks"]),
            (circuit(networks__nodes=[]), ["no population"]),
            (circuit(networks__edges=7), ["networks/edges"]),
            (circuit(components=None), ["components", "exp.json"]),
            (lambda f: os.remove(f"{f}/network/node_types.csv"), ["node_types.csv"]),
            (lambda f: os.remove(f"{f}/network/edge_types.csv"), ["edge_types.csv"]),
            (lambda f: os.remove(f"{f}/network/edges.h5"), ["edges.h5"]),
            (lambda f: os.remove(f"{f}/models/exp.json"), ["exp.json", "node type 100"]),
            (lambda f: os.remove(f"{f}/synapses/plain.json"), ["plain.json", "edge type 3"]),
            (lambda f: write_json(f"{f}/models/exp.json", {"tau_mm": 3}), ["tau_mm", "tau_m?"]),
            (lambda f: write_json(f"{f}/models/exp.json", {"C_m": "x"}), ["C_m", "a number"]),
            (lambda f: write_json(f"{f}/models/exp.json", {"C_m": -1}), ["C_m", "-1"]),
            (lambda f: write_json(f"{f}/synapses/plain.json", {"tau1": 3}), ["tau1"]),
            (lambda f: write_json(f"{f}/synapses/plain.json", {"receptor_type": 2}),
             ["receptor 2"]),
            (text("network/node_types.csv", node_csv, "100 virtual NULL"), ["row 1", "3 fields"]),
            (text("network/node_types.csv", node_csv, "100 virtual NULL NULL"), ["type 10"]),
            (text("network/node_types.csv", node_csv, "x virtual NULL NULL"), ['"x"']),
            (text("network/node_types.csv", node_csv, *3 * ["100 virtual NULL NULL"]),
             ["two rows"]),
            (text("network/node_types.csv", node_csv, "100 biophysical ctdb:Biophys1 NULL",
                  "101 virtual NULL NULL", "107 virtual NULL NULL"), ["100", "ctdb:Biophys1"]),
            (text("network/node_types.csv", node_csv, "100 point_neuron nest:iaf_psc_ex NULL",
                  "101 virtual NULL NULL", "107 virtual NULL NULL"),
             ["iaf_psc_ex", "iaf_psc_exp?"]),
            (text("network/edge_types.csv", edge_csv, "3 NULL NULL 1.5 0.5",
                  "4 stdp_synapse NULL NULL NULL"), ["edge type 4", "stdp_synapse"]),
            (text("network/edge_types.csv", edge_csv, "3 NULL NULL soon 0.5",
                  "4 NULL NULL NULL NULL"), ["delay", "soon"]),
            (text("network/edge_types.csv", edge_csv, "3 NULL NULL 1.55 0.5",
                  "4 NULL NULL NULL NULL"), ["1.55"]),
            (text("network/edge_types.csv", edge_csv + " weight_function",
                  "3 NULL NULL 1.5 0.5 gauss", "4 NULL NULL NULL NULL NULL"), ["gauss"]),
            (entry(nodes, "nodes/cells/node_type_id", 4, 77), ["node 4", "type 77"]),
            (entry(nodes, "nodes/cells/node_group_id", 4, 8), ["node 4", "group 8"]),
            (entry(nodes, "nodes/cells/node_group_index", 4, 800), ["800"]),
            (entry(nodes, "nodes/cells/node_id", slice(0, 2), 9), ["9", "twice"]),
            (without(nodes, "nodes/cells/node_type_id"), ["node_type_id", "missing"]),
            (entry(edges, "edges/cells/source_node_id", 5, 8), ["edge 5", "node 8", "cells"]),
            (entry(edges, "edges/cells/target_node_id", 5, 2**40), ["edge 5", str(2**40)]),
            (entry(edges, "edges/cells/edge_type_id", 5, 9), ["stdp_synapse"]),
            (entry(edges, "edges/cells/edge_type_id", 5, 1), ["edge 5", "type 1"]),
            (entry(edges, "edges/cells/0/delay", 5, 0), ["delay"]),
            (entry(edges, "edges/cells/0/syn_weight", 5, np.nan), ["weight", "nan"]),
            (without(edges, "edges/cells/target_node_id"), ["target_node_id", "missing"]),
            (config(inputs__sources=dict(spikes, input_file="no.h5", node_set="sources")),
             ["inputs/sources", "no.h5"]),
            (config(inputs__sources=dict(spikes, module="nwb", node_set="sources")), ["nwb"]),
            (config(inputs__sources=dict(spikes, node_set="nobody")), ["nobody"]),
            (config(inputs__sources=dict(spikes, node_set={"node_id": [1]})), ["no virtual node"]),
            (config(inputs__sources={"input_type": "voltage_clamp"}), ["voltage_clamp"]),
            (entry("spikes.h5", "spikes/cells/timestamps", 3, -1.0), ["spike 3", "-1 ms"]),
            (entry("spikes.h5", "spikes/cells/timestamps", 3, np.nan), ["spike 3", "nan ms"]),
            (entry("spikes.h5", "spikes/cells/node_ids", 3, 8), ["spike 3", "node 8"]),
            (config(inputs__c=dict(clamp, node_set="sources")), ["inputs/c", "virtual"]),
            (config(inputs__c=dict(clamp, amp=[1.0, 2.0])), ["inputs/c", "delay"]),
            (config(inputs__c=dict(clamp, node_set={"label": {"$gt": 3}})), ["label"]),
        ]
        for spoil, words in cases:
            with self.subTest(words=words):
                path = self.spoiled(good, spoil)
                self.fails(stc("run", path, "-o", self.path("no.h5")), 1, *words)
                self.assertFalse(os.path.exists(self.path("no.h5")))
        self.fails(stc("run", f"{good}/config.json", "--compare", "ge"), 2, "--compare")


if __name__ == "__main__":
    command.main()
