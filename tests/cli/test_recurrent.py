"""Recurrent networks of populations: one answer for any number of ranks, threads, chips, blocks and
kernels, from a model or a program; and rates like those of other simulators."""
import os
import subprocess

import command
import h5py
import matrix
import numpy as np
from command import STC, stc

MAKE = os.path.join(os.path.dirname(os.path.dirname(STC)), "examples", "make_network")
QUIET = ("--log-level", "error")
# NEST 3.10, microcircuit at scale 0.1 with Poisson input, mean of 3 seeds, Hz (docs/networks.md)
NEST_RATES = {"L23E": 0.493, "L23I": 2.163, "L4E": 4.024, "L4I": 5.033,
              "L5E": 6.723, "L5I": 7.821, "L6E": 0.852, "L6I": 7.053}


def kernels():
    with open("/proc/cpuinfo") as file:
        flags = next(line for line in file if line.startswith("flags")).split()
    wanted = {"scalar": None, "avx2": "avx2", "avx512": "avx512bw"}
    return [name for name, flag in wanted.items() if flag is None or flag in flags]


class Recurrent(command.CommandTest):
    def network(self, name, scale, ms):
        path = self.path(f"{name}.h5")
        environment = {**os.environ, "OMPI_MCA_mpi_warn_on_fork": "0"}
        subprocess.run([MAKE, name, path, str(scale), str(ms)], check=True, env=environment,
                       stdin=subprocess.DEVNULL, timeout=60)
        return path

    def answer(self, path, *words, ranks=1, binary=STC):
        ran = self.works(stc("run", path, "--json", *QUIET, *words, ranks=ranks, timeout=120,
                             binary=binary)).json()
        return ran["spikes"], ran["spike_checksum"]

    def same_everywhere(self, path):
        first = self.answer(path, "--threads", 1)
        self.assertGreater(first[0], 30)
        for ranks, threads in ((1, 2), (2, 1), (3, 2), (4, 1), (7, 1)):
            self.assertEqual(first, self.answer(path, "--threads", threads, ranks=ranks))
        for ranks, node in ((2, 1), (3, 2), (4, 1), (7, 2), (7, 3), (16, 5)):
            self.assertEqual(first, self.answer(path, "--threads", 1, "--node-ranks", node,
                                                ranks=ranks))
        for words in (("--chips", 5, "--partition", "random", "--seed", 0), ("--block-steps", 1),
                      *(("--kernel", kernel) for kernel in kernels())):
            self.assertEqual(first, self.answer(path, "--threads", 1, *words, ranks=2))
        for binary in matrix.binaries().values():  # other compilers, other processors
            self.assertEqual(first, self.answer(path, "--threads", 1, binary=binary))
        return first

    def test_counts_are_those_of_ranks_however_messages_travel(self):
        path = self.network("microcircuit", 0.02, 20)

        def sent(*words):
            return self.works(stc("run", path, "--json", *QUIET, "--threads", 1, *words, ranks=7,
                                  timeout=120)).json()["exchange"]
        shared, alone, three = sent(), sent("--node-ranks", 1), sent("--node-ranks", 3)
        for name in ("messages", "bytes", "spike_copies"):
            self.assertGreater(shared[name], 0)
            self.assertEqual((alone[name], three[name]), (shared[name], shared[name]))
        self.assertEqual((shared["node_messages"], shared["node_bytes"]), (0, 0))
        self.assertEqual((alone["node_messages"], alone["node_bytes"]),
                         (shared["messages"], shared["bytes"]))
        beats = shared["messages"] / (7 * 6)  # all ranks listen to all others
        self.assertEqual(three["node_messages"], 3 * 2 * beats)

    def test_one_answer(self):
        for name, scale, ms in (("cuba", 0.25, 60), ("brunel", 0.05, 60),
                                ("microcircuit", 0.02, 60)):
            with self.subTest(network=name):
                path = self.network(name, scale, ms)
                first = self.same_everywhere(path)
                program = self.path("program.h5")
                self.works(stc("compile", path, "-o", program, "--chips", 6, *QUIET, ranks=2))
                for ranks in (1, 4):
                    self.assertEqual(first, self.answer(program, "--threads", 1, ranks=ranks))
                self.assertNotEqual(first, self.answer(path, "--seed", 7))

    def test_one_answer_in_single_precision(self):
        path = self.network("cuba", 0.25, 60)
        first = self.answer(path, "--precision", "single", "--threads", 1)
        for ranks, threads in ((1, 2), (3, 1)):
            self.assertEqual(first, self.answer(path, "--precision", "single", "--threads",
                                                threads, ranks=ranks))

    def test_rates_of_the_microcircuit(self):
        path, result = self.network("microcircuit", 0.1, 500), self.path("result.h5")
        self.works(stc("run", path, "-o", result, *QUIET, timeout=120))
        with h5py.File(result) as file:
            for name, wanted in NEST_RATES.items():
                spikes = file[f"spikes/{name}"]
                size = int(spikes.attrs["shape"][0])
                rate = np.sum(spikes["timestamps"][:] > 100) / size / 0.4
                # 0.4 s of one seed: 4 standard deviations of a Poisson count, and a tenth
                slack = 4 * np.sqrt(wanted / size / 0.4) + 0.1 * wanted
                self.assertLess(abs(rate - wanted), slack, f"{name}: {rate} Hz, NEST {wanted} Hz")


class EdgeList(command.CommandTest):
    """A network with weights of all 53 bits."""
    NEURONS, EDGES = 120, 3000

    def write(self, name, order, edge_order):
        """Neuron i of the network is called order[i] in the file."""
        rng = np.random.default_rng(3)
        n, edges = self.NEURONS, self.EDGES
        columns = {"C_m": 250.0, "tau_m": 10.0, "tau_syn_ex": 2.0, "tau_syn_in": 2.0, "E_L": -65.0,
                   "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0}
        source, target = rng.integers(0, n, edges), rng.integers(0, n, edges)
        weight = np.where(source < 0.8 * n, 30.0, -150.0) * (1 + 0.3 * rng.random(edges))
        weight *= 1 + 1e-12 * rng.standard_normal(edges)
        delay = rng.integers(1, 30, edges)
        current, start = rng.uniform(350, 480, n), rng.uniform(-65, -50, n)
        path = self.path(name)
        with h5py.File(path, "w") as file:
            file.attrs.update({"model": "iaf_psc_exp", "dt_ms": 0.1, "n_steps": 2000,
                               "n_neurons": n, "t_stop_ms": 200.0})
            for column, value in columns.items():
                file[f"neurons/{column}"] = np.full(n, value)
            for column, value in (("I_e", current), ("V_m_init", start)):
                placed = np.empty(n)
                placed[order] = value
                file[f"neurons/{column}"] = placed
            file["edges/src"] = order[source][edge_order].astype("i4")
            file["edges/dst"] = order[target][edge_order].astype("i4")
            file["edges/weight"] = weight[edge_order]
            file["edges/delay"] = delay[edge_order].astype("i4")
        return path

    def spikes(self, path, *words, ranks=1):
        result = self.path("result.h5")
        self.works(stc("run", path, "-o", result, "--threads", 1, *QUIET, *words, ranks=ranks))
        with h5py.File(result) as file:
            group = file["spikes/neurons"]
            steps = np.rint(group["timestamps"][:] / 0.1).astype(int)
            return set(zip(steps.tolist(), group["node_ids"][:].tolist()))

    def test_names_and_orders_do_not_matter(self):
        same, n = np.arange(self.EDGES), self.NEURONS
        first = self.spikes(self.write("a.h5", np.arange(n), same))
        self.assertGreater(len(first), 500)
        rng = np.random.default_rng(4)
        order = rng.permutation(n)
        other = self.write("b.h5", order, rng.permutation(same))
        back = np.argsort(order)
        for ranks in (1, 2, 4):  # every neuron wherever it falls
            found = self.spikes(other, "--partition", "random", "--tile-neurons", 1, ranks=ranks)
            self.assertEqual(first, {(step, int(back[neuron])) for step, neuron in found})


class Bursts(command.CommandTest):
    """Neurons that fire in almost every step: far more synapses are under way than is usual."""
    DRIVERS, LISTENERS, STEPS, MOST = 300, 40, 120, 40

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(5)
        n, edges = self.DRIVERS + self.LISTENERS, 20 * self.DRIVERS
        self.source = rng.integers(0, self.DRIVERS, edges)
        self.target = rng.integers(self.DRIVERS, n, edges)
        self.weight = rng.integers(-40, 60, edges) / 8
        self.delay = rng.integers(1, self.MOST, edges)
        self.pause = rng.integers(0, 3, n)  # steps between spikes
        driven = np.arange(n) < self.DRIVERS
        columns = {"C_m": 250.0, "tau_m": 10.0, "E_L": 0.0, "V_reset": 0.0, "V_m_init": 0.0,
                   "V_th": np.where(driven, 1.0, 1e9), "t_ref": 0.1 * self.pause,
                   "I_e": np.where(driven, 1e6, 0.0)}
        self.network = self.path("bursts.h5")
        with h5py.File(self.network, "w") as file:
            file.attrs.update({"model": "iaf_psc_delta", "dt_ms": 0.1, "n_steps": self.STEPS,
                               "n_neurons": n, "t_stop_ms": 0.1 * self.STEPS})
            for column, value in columns.items():
                file[f"neurons/{column}"] = np.full(n, value)
            file["edges/src"] = self.source.astype("i4")
            file["edges/dst"] = self.target.astype("i4")
            file["edges/weight"] = self.weight
            file["edges/delay"] = self.delay.astype("i4")

    def expected(self):
        """Potentials of the listeners after every step."""
        arrives = np.zeros((self.STEPS + self.MOST, self.LISTENERS))
        for t in range(self.STEPS):
            fires = t % (self.pause[self.source] + 1) == 0
            np.add.at(arrives, (t + self.delay[fires], self.target[fires] - self.DRIVERS),
                      self.weight[fires])
        v, trace = np.zeros(self.LISTENERS), []
        for t in range(self.STEPS):
            v = np.exp(-0.1 / 10.0) * v + arrives[t]
            trace.append(v)
        return np.array(trace)

    def test_every_synapse_is_delivered(self):
        expected, result = self.expected(), self.path("result.h5")
        for ranks, threads, precision, close in ((1, 1, "double", 1e-12), (1, 2, "double", 1e-12),
                                                 (3, 1, "double", 1e-12), (1, 1, "single", 1e-5)):
            self.works(stc("run", self.network, "-o", result, "--threads", threads, "--precision",
                           precision, "--record", f"V_m:neurons[{self.DRIVERS}:]", *QUIET,
                           ranks=ranks))
            with h5py.File(result) as file:
                found = file["report/neurons/data"][:]
            self.assertEqual(expected.shape, found.shape)
            self.assertLess(np.max(np.abs(found - expected)), close * np.max(np.abs(expected)))


command.main()
