"""Results of stc in the readers of SONATA: libsonata, BMTK and pysonata find what h5py finds.

libsonata takes traces only as float32, which is what runs in single precision record.
"""
import h5py
import interop
import libsonata
import numpy as np
from bmtk.utils.reports.spike_trains import SpikeTrains, sort_order
from networks import SpikeGraph
from sonata.reports.spike_trains import SpikeTrains as PySonataSpikeTrains

DT, STEPS, SIZES = 0.1, 1000, {"busy": 20, "silent": 5, "steady": 8}


class Readers(interop.InteropTest):
    def setUp(self):
        super().setUp()
        self.result = self.path("result.h5")
        self.run_network("--record", "spikes", ranks=2)
        with h5py.File(self.result) as file:
            self.spikes = {name: (group["timestamps"][:], group["node_ids"][:])
                           for name, group in file["spikes"].items()}
        self.assertEqual({name: len(times) > 30 for name, (times, _) in self.spikes.items()},
                         {"busy": True, "silent": False, "steady": True})
        self.assertEqual(self.spikes["silent"][0].shape, (0,))
        self.assertTrue(all((np.diff(times) >= 0).all() for times, _ in self.spikes.values()))

    def run_network(self, *words, ranks=1):
        """Two populations that fire and one that does not."""
        model = self.path("model.h5")
        graph = SpikeGraph(model, DT, STEPS)
        for name, lowest, highest in (("busy", 400, 700), ("silent", 0, 300), ("steady", 450, 450)):
            graph.add(name, "iaf_psc_exp", n=SIZES[name],
                      I_e=np.linspace(lowest, highest, SIZES[name]))
        pairs = np.random.default_rng(1).integers(0, 20, (2, 60))
        graph.add_projection("synapses", "busy", "busy", [*pairs, [100.0] * 60, [15] * 60], 20)
        graph.close()
        self.stc("run", model, "-o", self.result, *words, ranks=ranks)

    def assert_equal_spikes(self, name, times, ids):
        np.testing.assert_array_equal(np.asarray(times, float), self.spikes[name][0])
        np.testing.assert_array_equal(np.asarray(ids).astype(np.uint64), self.spikes[name][1])

    def test_libsonata_reads_spikes(self):
        reader = libsonata.SpikeReader(self.result)
        self.assertEqual(set(reader.get_population_names()), set(SIZES))
        for name, (times, ids) in self.spikes.items():
            population = reader[name]
            self.assertEqual((population.sorting, population.time_units), ("by_time", "ms"))
            all_of_it = population.get_dict()
            self.assert_equal_spikes(name, all_of_it["timestamps"], all_of_it["node_ids"])
            for node in (0, 3):
                some = population.get(node_ids=[node], tstart=20.0, tstop=80.0)
                mine = times[(ids == node) & (times >= 20) & (times <= 80)]
                self.assertEqual([(int(n), t) for n, t in some], [(node, t) for t in mine])

    def test_libsonata_reads_traces(self):
        self.run_network("--precision", "single", "--record", "V_m:busy[3:9],V_m:silent")
        with h5py.File(self.result) as file:
            traces = {name: (group["data"][:], group["mapping/node_ids"][:])
                      for name, group in file["report"].items()}
        self.assertEqual({name: data.shape for name, (data, _) in traces.items()},
                         {"busy": (STEPS, 6), "silent": (STEPS, 5)})
        reader = libsonata.SomaReportReader(self.result)
        self.assertEqual(set(reader.get_population_names()), set(traces))
        for name, (data, ids) in traces.items():
            population = reader[name]
            self.assertEqual(population.get_node_ids(), ids.tolist())
            self.assertEqual((population.time_units, population.data_units), ("ms", "mV"))
            self.assertTrue(population.sorted)
            np.testing.assert_allclose(population.times, (DT, DT * (STEPS + 1), DT), rtol=1e-12)
            frame = population.get()
            np.testing.assert_array_equal(frame.ids, ids)
            np.testing.assert_array_equal(frame.data, data)
            np.testing.assert_allclose(frame.times, DT * np.arange(1, STEPS + 1), rtol=1e-9)
            one = population.get(node_ids=[int(ids[1])], tstart=10.0, tstop=20.0)
            np.testing.assert_array_equal(one.data[:, 0], data[99:200, 1])

    def check_trains(self, trains):
        """What BMTK and pysonata have in common."""
        self.assertEqual(set(trains.populations), set(SIZES))
        for name, (times, ids) in self.spikes.items():
            self.assertEqual(trains.n_spikes(name), len(times))
            for node in range(SIZES[name]):
                found = trains.get_times(node, population=name)
                np.testing.assert_array_equal(np.asarray(found, float), times[ids == node])
            listed = list(trains.spikes(populations=name))
            self.assertEqual({row[1] for row in listed}, {name} if len(times) else set())
            self.assert_equal_spikes(name, [row[0] for row in listed], [row[2] for row in listed])

    def test_bmtk_reads_spikes(self):
        trains = SpikeTrains.load(self.result)
        self.check_trains(trains)
        for name in SIZES:
            frame = trains.to_dataframe(populations=name)
            self.assert_equal_spikes(name, frame["timestamps"], frame["node_ids"])
        for name in ("busy", "steady"):  # in order of time it takes no population without spikes
            self.assertEqual(trains.units(name), "ms")
            self.assert_equal_spikes(name, [row[0] for row in trains.spikes(
                populations=name, sort_order=sort_order.by_time)], self.spikes[name][1])

    def test_pysonata_reads_spikes(self):
        # not as a data frame: the package is of 2019 and fails there with pandas 2 and numpy 2
        trains = PySonataSpikeTrains.from_sonata(self.result)
        self.check_trains(trains)
        for name in ("busy", "steady"):
            self.assertEqual(set(trains.nodes(name)),
                             {(name, node) for node in self.spikes[name][1].tolist()})
