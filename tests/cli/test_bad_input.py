"""Whatever is wrong with a file: one message, the right exit code, all ranks ended within seconds,
nothing under the final name, an existing output untouched, no .tmp left."""
import os

import command
import h5py
import numpy as np
from command import MODEL, TEST, stc

BAD_INPUT, CANNOT_WRITE = 1, 3
SECONDS = 20  # on a loaded machine


class BadInput(command.CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.model = command.write_model("small.h5", command.small_nodes())
        cls.input = command.small_input("input.h5")
        cls.program = "program.h5"
        outcome = stc("compile", cls.model, "-o", cls.program, "--chips", 1)
        assert outcome.code == 0, outcome

    def refuses(self, words, code, *texts, output=None, ranks=(1, 4), **more):
        """`words -o OUTPUT` fails, on 1 rank without and on 4 ranks with an existing output."""
        output = output or self.path("output.h5")
        folder = os.path.dirname(output)
        precious = b"kept as it was"
        for n in ranks:
            with self.subTest(words=words, ranks=n):
                if n > 1 and os.path.isdir(folder):
                    with open(output, "wb") as file:
                        file.write(precious)
                before = set(os.listdir(folder)) if os.path.isdir(folder) else None
                outcome = stc(*words, "-o", output, ranks=n, timeout=SECONDS, **more)
                self.fails(outcome, code, f"stc {words[0]}: ", *texts)
                if before is not None:
                    self.assertEqual(set(os.listdir(folder)), before)
                if os.path.isfile(output):
                    with open(output, "rb") as file:
                        self.assertEqual(file.read(), precious)

    def refuses_model(self, nodes, *texts, **more):
        model = command.write_model(self.path("bad.h5"), nodes)
        self.refuses(["compile", model, "--chips", 1], BAD_INPUT, "bad.h5", *texts, **more)

    def refuses_input(self, path, *texts, **more):
        self.refuses(["run", self.program, "--input", path], BAD_INPUT, os.path.basename(path),
                     *texts, **more)


class BadFiles(BadInput):
    def test_missing_file(self):
        gone = self.path("gone.h5")
        self.refuses(["compile", gone], BAD_INPUT, gone, "no such file")
        self.refuses(["run", gone, "--input", self.input], BAD_INPUT, gone, "no such file")
        self.refuses(["run", self.program, "--input", gone], BAD_INPUT, gone, "no such file")
        for name in ("info", "verify"):
            self.fails(stc(name, gone, ranks=4), BAD_INPUT, gone)
        self.fails(stc("diff", gone, gone, ranks=4), BAD_INPUT, gone)

    def test_not_hdf5(self):
        text = self.path("text.h5")
        with open(text, "w") as file:
            file.write("These are words. " * 200)
        self.refuses(["compile", text], BAD_INPUT, text, "hdf5")
        self.refuses(["run", text, "--input", self.input], BAD_INPUT, text, "hdf5")
        self.refuses(["run", self.program, "--input", text], BAD_INPUT, text, "hdf5")

    def test_truncated(self):
        model = command.truncate(MODEL, self.path("half_model.h5"))
        program = command.truncate(self.program, self.path("half_program.h5"))
        test = command.truncate(TEST, self.path("half_input.h5"))
        self.refuses(["compile", model], BAD_INPUT, model, "truncated")
        self.refuses(["run", program, "--input", self.input], BAD_INPUT, program, "truncated")
        self.refuses(["run", self.program, "--input", test], BAD_INPUT, test, "truncated")

    def test_folder_and_empty_file(self):
        empty = self.path("empty.h5")
        with open(empty, "wb"):
            pass
        self.refuses(["compile", empty], BAD_INPUT, empty, ranks=(1,))
        self.refuses(["compile", self.folder], BAD_INPUT, self.folder, ranks=(1,))

    def test_file_of_another_kind(self):
        self.refuses(["compile", TEST], BAD_INPUT, "test.h5", "expected a model")
        self.refuses(["run", TEST, "--input", TEST], BAD_INPUT, "expected a program or a model")

    def test_any_hdf5_file(self):
        other = self.path("other.h5")
        with h5py.File(other, "w") as file:
            file["weather"] = [1, 2, 3]
        self.refuses(["compile", other], BAD_INPUT, other, "weather")


class BadModels(BadInput):
    def test_wrong_weight_shape(self):
        weight = np.zeros((16, 3, 3, 3), dtype=np.float32)
        self.refuses_model(command.small_nodes(weight), "conv1", "3", "1")

    def test_weight_with_too_few_axes(self):
        weight = np.zeros((16, 9), dtype=np.float32)
        self.refuses_model(command.small_nodes(weight), "conv1", "weight")

    def test_shapes_that_cannot_be_added(self):
        nodes = command.small_nodes()
        nodes[3:] = [("sum", "Add", ["lif1", "image2"], {}), ("output", "Output", ["sum"], {}),
                     ("image2", "Input", [], {"shape": np.array([5, 3])})]
        self.refuses_model(nodes, "sum", "(5, 3)")

    def test_nan_weights(self):
        weight = np.ones((16, 1, 3, 3), dtype=np.float32)
        weight[3, 0, 1, 2] = np.nan
        self.refuses_model(command.small_nodes(weight), "conv1", "nan")
        self.refuses(["run", self.path("bad.h5"), "--input", self.input], BAD_INPUT, "conv1", "nan")
        self.fails(stc("verify", self.path("bad.h5"), ranks=4), BAD_INPUT, "conv1", "nan")

    def test_cycle_without_delay(self):
        nodes = command.small_nodes()
        nodes[2:3] = [("sum", "Add", ["conv1", "lif1"], {}),
                      ("lif1", "DiscreteLIF", ["sum"], {"tau": 2.0, "v_threshold": 1.0})]
        self.refuses_model(nodes, "cycle", "lif1", "delay")

    def test_unknown_operand_type_and_parameter(self):
        nodes = command.small_nodes()
        nodes[1] = ("conv1", "Conv2d", ["imagge"], nodes[1][3])
        self.refuses_model(nodes, "imagge", ranks=(1,))
        nodes[1] = ("conv1", "Konv2d", ["image"], {})
        self.refuses_model(nodes, "Konv2d", "Conv2d", ranks=(1,))

    def test_parameter_out_of_range(self):
        nodes = command.small_nodes()
        nodes[2] = ("lif1", "DiscreteLIF", ["conv1"], {"tau": -1.0, "v_threshold": 1.0})
        self.refuses_model(nodes, "lif1", "tau")

    def test_more_chips_than_tiles(self):
        self.refuses(["compile", self.model, "--chips", 1000], BAD_INPUT, "1000")

    def test_too_large_for_the_target(self):
        self.refuses(["compile", MODEL, "--target", "tiny", "--chips", 1], BAD_INPUT, "25600 neurons",
                     "4096", "at least 7", "larger target")


class BadNetworks(BadInput):
    """Populations, projections and generators: what rules and lists hold is seen only when they are
    expanded, by the rank that has the destination."""

    def refuses_network(self, *texts, ranks=(1, 3), **parameters):
        model = command.write_model(self.path("bad.h5"), command.network_nodes(**parameters))
        self.refuses(["run", model], BAD_INPUT, "bad.h5", *texts, ranks=ranks)

    def refuses_edges(self, source, target, *texts, ranks=(1, 3), **more):
        self.refuses_network(*texts, ranks=ranks, recurrent=dict(
            rule="explicit", number=None, source=np.array(source), target=np.array(target), **more))

    def test_a_good_network_runs(self):
        model = command.write_model(self.path("good.h5"), command.network_nodes())
        self.works(stc("run", model, "-o", self.path("out.h5"), "--log-level", "error", ranks=3))
        outcome = stc("run", model, "--profile")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("generator", outcome.err)

    def test_edges_to_neurons_that_do_not_exist(self):
        self.refuses_edges([0, 20], [1, 2], "projection from cells to cells", "edge 1", "neuron 20")
        self.refuses_edges([0, 1], [1, -1], "edge 1", "neuron -1", ranks=(3,))
        self.refuses_edges([0, 1], [1, np.inf], "edge 1", "neuron inf", ranks=(1,))
        self.refuses_edges([0, 1, 2], [1, 2], "node recurrent", "one for each listed edge", ranks=(1,))
        self.refuses_edges(0, 1, "node recurrent", "source is one number", ranks=(1,))

    def test_delays(self):
        self.refuses_network("node recurrent", "0 ms", "1 to", recurrent={"delay": 0.0})
        self.refuses_network("projection from cells to cells", "0.15", "multiple of dt",
                             recurrent={"delay": 0.15})
        self.refuses_edges([0, 1], [1, 2], "edge 1", "0.25", delay=np.array([1.0, 0.25]))
        for delay in (np.nan, 1e300, 2.0**24):
            self.refuses_network("node recurrent", "delay", recurrent={"delay": delay}, ranks=(1,))

    def test_weights_that_overflow_the_accumulators(self):
        for weight in (1e308, -1e30):
            self.refuses_network("population cells", "weights", "accumulator",
                                 recurrent={"weight": weight})
        self.refuses_network("node recurrent", "weight is nan", recurrent={"weight": np.nan})
        self.refuses_network("accumulator", ranks=(1,), recurrent={
            "weight": None, "weight_draw": "lognormal", "weight_a": 700.0, "weight_b": 1.0})

    def test_rules(self):
        self.refuses_network("stdp_synapse", "static", recurrent={"synapse": "stdp_synapse"})
        self.refuses_network("projection from cells", "receptor 2", recurrent={"receptor": 2})
        self.refuses_network("21 sources", "only 20",
                             recurrent={"number": 21, "multapses": 0}, ranks=(3,))
        for values in ({"number": 2**40}, {"p": 1.5}, {"dt": 0.2}, {"n": 19}):
            self.refuses_network(next(iter(values)), recurrent=values, ranks=(1,))
        self.refuses_network("draws", "none from 50", ranks=(1,), recurrent={
            "weight": None, "weight_draw": "normal", "weight_b": 1.0, "weight_min": 50.0})

    def test_parameters_of_single_neurons(self):
        capacity = np.full(20, 250.0)
        self.refuses_network("C_m has shape (19)", cells={"C_m": capacity[1:]}, ranks=(1,))
        capacity[19] = 0
        self.refuses_network("node cells", "C_m of element 19 is 0", cells={"C_m": capacity})
        rates = np.full(20, 10.0)
        rates[19] = 1e9
        self.refuses_network("node noise", "100 can be drawn", noise={"rate": rates})

    def test_currents(self):
        times, most = "amplitude_times", 1e300
        self.refuses_network("node current", "1e+300 ms", current={times: np.array([0, most])})
        self.refuses_network("node current", "1e+300", ranks=(1,),
                             current={"amplitude_values": np.array([1.0, most])})
        self.refuses_network("node current", "delay", current={"delay": np.inf}, ranks=(1,))


class BadInputs(BadInput):
    def test_wrong_input_shape(self):
        path = command.write_input(self.path("wide.h5"), np.zeros((3, 1, 4, 5), np.float32))
        self.refuses_input(path, "(3, 1, 4, 5)", "1, 4, 4)")

    def test_zero_samples(self):
        path = command.write_input(self.path("none.h5"), np.zeros((0, 1, 4, 4), np.float32))
        self.refuses_input(path, "sample")

    def test_nan_input(self):
        values = np.zeros((3, 1, 4, 4), np.float32)
        values[1, 0, 2, 3] = np.nan
        self.refuses_input(command.write_input(self.path("nan.h5"), values), "nan")

    def test_labels_of_another_length(self):
        path = command.write_input(self.path("labels.h5"), np.zeros((3, 1, 4, 4), np.float32),
                                   labels=np.zeros(4, np.int32))
        self.refuses_input(path, "labels", "4", "3")

    def test_kernel_that_does_not_exist_here_is_no_crash(self):
        outcome = stc("run", self.program, "--input", self.input, "--kernel", "amx")
        self.assertIn(outcome.code, (0, BAD_INPUT), outcome)


class BadOutputs(BadInput):
    def test_folder_that_does_not_exist(self):
        output = self.path("nowhere/output.h5")
        self.refuses(["compile", self.model, "--chips", 1], CANNOT_WRITE, "nowhere", output=output)
        self.refuses(["run", self.program, "--input", self.input], CANNOT_WRITE, "nowhere",
                     output=output)

    def test_output_that_is_a_folder(self):
        output = self.path("folder")
        os.mkdir(output)
        self.refuses(["compile", self.model], CANNOT_WRITE, output, output=output, ranks=(1,))

    def test_folder_that_is_not_writable(self):
        if os.geteuid() == 0:
            output = "/proc/output.h5"
        else:
            output = self.path("closed/output.h5")
            os.mkdir(self.path("closed"), mode=0o500)
        for ranks in (1, 4):
            outcome = stc("compile", self.model, "-o", output, "--chips", 1, ranks=ranks)
            self.fails(outcome, CANNOT_WRITE, os.path.dirname(output))

    def disk_full(self, words):
        with command.SmallDisk(256) as disk:
            if not disk.folder:
                self.skipTest("mounting a small disk needs root")
            self.refuses(words, CANNOT_WRITE, "output.h5",
                         output=os.path.join(disk.folder, "output.h5"))

    def test_disk_full_while_the_program_is_written(self):
        self.disk_full(["compile", MODEL, "--chips", 4])

    def test_disk_full_while_the_result_is_written(self):
        self.disk_full(["run", MODEL, "--input", TEST, "--samples", "0:16"])

    def test_file_size_limit_is_no_crash(self):
        self.refuses(["compile", MODEL, "--chips", 4], CANNOT_WRITE, "output.h5", file_limit=256)
        self.refuses(["run", MODEL, "--input", TEST, "--samples", "0:16"], CANNOT_WRITE, "output.h5",
                     file_limit=256)


command.main()
