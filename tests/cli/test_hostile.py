"""Files and command lines made to break things: a clear refusal that names the file, or the same
answer as before; never a crash, a hang, a wrong answer or something left behind."""
import os
import random
import shutil

import command
import h5py
import numpy as np
from command import MODEL, TEST, stc

BAD_INPUT, WRONG_USE, CANNOT_WRITE = 1, 2, 3
SECONDS = 20  # on a loaded machine
TABLES = "stages kernels blobs tiles accumulate read neuron matmul pool reduce".split()
# Columns that hold the numbers of a network: others are as good as those that were there.
NUMBERS = {"accumulate.blob", "read.scale", "read.shift", "read.blob", "neuron.params"}


def extreme(random, kind):
    if kind.kind == "f":
        return random.choice([np.nan, np.inf, -1.0, 0.0, 3.0, 1e38])
    if kind.kind == "S":
        return random.choice([b"", b"/", b"line\nbreak", b"\xff\xfe", b"%n%s"])
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    return np.clip(random.choice([-1, 0, 1, 3, 255, 2**20, 2**40, least, most]), least, most)


def spoil(random, table, column):
    """Another value in one row, or that of another row."""
    rows = table[()]
    row, other = random.randrange(len(rows)), random.randrange(len(rows))
    kind = rows.dtype[column]
    if kind.subdtype:
        entry = random.randrange(kind.shape[0])
        value = extreme(random, kind.base) if random.random() < 0.7 else rows[column][other][entry]
        rows[column][row][entry] = value
    else:
        value = extreme(random, kind) if random.random() < 0.7 else rows[column][other]
        rows[column][row] = value
    table[()] = rows
    return f"{table.name}[{row}].{column} = {value!r}"


class Hostile(command.CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.program, cls.model = "program.h5", command.write_model("m.h5", command.small_nodes())
        cls.input = command.small_input("input.h5")
        outcome = stc("compile", MODEL, "-o", cls.program, "--chips", 4, "--partition", "contiguous")
        assert outcome.code == 0, outcome
        cls.right = cls.answer(cls.run_program(cls.program))

    @staticmethod
    def run_program(program, *words, **more):
        return stc("run", program, "--input", TEST, "--samples", "0:1", "--json", *words, **more)

    @staticmethod
    def answer(outcome):
        return [outcome.json()[key] for key in ("spike_checksum", "output_checksum", "spikes")]

    def mutant(self, source, change, name="mutant.h5"):
        path = shutil.copy(source, self.path(name))
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def refuses(self, words, code, *texts, ranks=1):
        """One message with these texts; the output and its folder stay as they were."""
        with self.subTest(words=words):
            before = sorted(os.listdir(self.folder))
            self.fails(stc(*words, ranks=ranks, timeout=SECONDS), code, *texts)
            self.assertEqual(sorted(os.listdir(self.folder)), before)


class Programs(Hostile):
    def test_every_column_may_hold_anything(self):
        numbers = random.Random(1)
        with h5py.File(self.program) as file:
            columns = [(t, c) for t in TABLES for c in file["program/" + t].dtype.names]
        for table, column in columns:
            what = []
            path = self.mutant(self.program, lambda file: what.append(
                spoil(numbers, file["program/" + table], column)))
            outcome = self.run_program(path, "-o", self.path("out.h5"), timeout=SECONDS)
            with self.subTest(what):
                if outcome.code == 0:
                    self.works(outcome)
                    if f"{table}.{column}" not in NUMBERS:
                        self.assertEqual(self.answer(outcome), self.right, outcome)
                    os.remove(self.path("out.h5"))
                else:
                    self.fails(outcome, BAD_INPUT, "mutant.h5")
                self.assertEqual(os.listdir(self.folder), ["mutant.h5"])

    def test_a_net_that_is_missing_is_no_wrong_answer(self):
        def drop_last_net(file):
            nets = file["program/nets"]
            arrays = {name: nets[name][()] for name in nets}
            for name in ("source", "spikes", "route"):
                del nets[name]
                nets[name] = arrays[name][:-1]

        path = self.mutant(self.program, drop_last_net)
        for ranks in (1, 4):
            self.refuses(["run", path, "--input", TEST], BAD_INPUT, "mutant.h5", "no net", ranks=ranks)

    def test_overlapping_tiles(self):
        def overlap(file):
            tiles = file["program/tiles"][()]
            stage = tiles["stage"]
            t = next(t for t in range(len(tiles) - 1) if stage[t] == stage[t + 1])
            tiles["lo"][t + 1], tiles["hi"][t + 1] = tiles["lo"][t], tiles["hi"][t]
            file["program/tiles"][()] = tiles

        self.refuses(["verify", self.mutant(self.program, overlap)], BAD_INPUT, "mutant.h5", "twice")

    def test_weights_that_are_not_finite(self):
        def spoil_bias(file):
            file["weights/3/bias"][0] = np.inf

        path = self.mutant(self.program, spoil_bias)
        for ranks in (1, 4):
            self.refuses(["run", path, "--input", TEST], BAD_INPUT, "mutant.h5:/weights/3", "row 0",
                         ranks=ranks)


class Networks(Hostile):
    """Programs of populations: a column may hold anything, its sizes and lists are not trusted."""

    @classmethod
    def setUpClass(cls):
        cls.program = "network.h5"
        nodes = command.network_nodes(cells={"C_m": np.linspace(200.0, 300.0, 20)})
        nodes[3][3].update(rule="explicit", source=np.arange(20), target=np.arange(20)[::-1],
                           weight=np.linspace(1.0, 30.0, 20))
        model = command.write_model("network_model.h5", nodes)
        outcome = stc("compile", model, "-o", cls.program, "--chips", 2)
        assert outcome.code == 0, outcome

    def runs_or_refuses(self, path, ranks=1):
        outcome = stc("run", path, "-o", self.path("out.h5"), "--log-level", "error", ranks=ranks,
                      timeout=SECONDS)
        if outcome.code == 0:
            os.remove(self.path("out.h5"))
        else:
            self.fails(outcome, BAD_INPUT, "mutant.h5")
        self.assertEqual(os.listdir(self.folder), ["mutant.h5"])

    def test_every_column_may_hold_anything(self):
        numbers = random.Random(2)
        for table in "deliver generator population fields".split():
            with h5py.File(self.program) as file:
                columns = file["program/" + table].dtype.names
            for column in columns:
                what = []
                path = self.mutant(self.program, lambda file: what.append(
                    spoil(numbers, file["program/" + table], column)))
                with self.subTest(what):
                    self.runs_or_refuses(path)

    def test_every_list_may_hold_anything(self):
        with h5py.File(self.program) as file:
            lists = list(file["fields"])
        for name in lists:
            for value in (np.nan, -1.0, 1e300):
                def put(file):
                    file["fields/" + name][-1] = value

                with self.subTest(f"{name} ends with {value}"):
                    self.runs_or_refuses(self.mutant(self.program, put), ranks=1 + 2 * (value > 0))


class Links(Hostile):
    def test_links_lead_nowhere_or_elsewhere(self):
        links = {"gone": h5py.SoftLink("/nowhere"), "loop": h5py.SoftLink("/program/tiles"),
                 "device": h5py.ExternalLink("/dev/zero", "/program/tiles"),
                 "elsewhere": h5py.ExternalLink(os.path.abspath(self.program), "/program/tiles")}
        for name, link in links.items():
            def relink(file):
                del file["program/tiles"]
                file["program/tiles"] = link

            path = self.mutant(self.program, relink, name + ".h5")
            self.refuses(["verify", path], BAD_INPUT, path + ":/program/tiles", "link")

    def test_groups_that_hold_each_other(self):
        def loop(file):
            for i in range(1000):
                file[f"inputs/{i}"] = file["inputs"]

        self.refuses(["info", self.mutant(self.input, loop)], BAD_INPUT, "mutant.h5", "hold each other")

    def test_data_in_other_files(self):
        def move(file):
            del file["inputs/image"]
            file.create_dataset("inputs/image", (3, 1, 4, 4), "u1", external=[("/dev/zero", 0, 48)])

        self.refuses(["run", self.model, "--input", self.mutant(self.input, move)], BAD_INPUT,
                     "mutant.h5:/inputs/image", "other files")


class Models(Hostile):
    def refuses_model(self, change, *texts, ranks=1):
        path = self.mutant(self.model, change)
        self.refuses(["compile", path, "-o", self.path("out.h5")], BAD_INPUT, "mutant.h5", *texts,
                     ranks=ranks)

    def test_edges(self):
        def edges(*pairs):
            def change(file):
                del file["graph/edges"]
                file.create_dataset("graph/edges", data=np.array(pairs, dtype=object),
                                    dtype=command.TEXT)
            return change

        good = ("image", "conv1"), ("conv1", "lif1"), ("lif1", "output")
        self.refuses_model(edges(*good, ("nobody", "lif1")), "nobody")
        self.refuses_model(edges(*good, ("output", "image")), "image")
        self.refuses_model(edges(("image", "conv1", "lif1")), "/graph/edges", "(1, 3)")
        self.refuses_model(edges(*good, ("a" * 70000, "lif1")), "/graph/edges", "70000 bytes")

    def test_names(self):
        for name in ("line\nbreak", "x" * 2000, "\x1b[31mred"):
            def rename(file):
                file.move("graph/nodes/lif1", "graph/nodes/" + name)
                edges = file["graph/edges"].asstr()[:]
                file["graph/edges"][:] = np.where(edges == "lif1", name, edges)
                for node in file["graph/nodes"].values():
                    if "inputs" in node:
                        inputs = node["inputs"].asstr()[:]
                        node["inputs"][:] = np.where(inputs == "lif1", name, inputs)

            self.refuses_model(rename, "name", "control characters")

    def test_sizes(self):
        def shape(*extents):
            def change(file):
                del file["graph/nodes/image/shape"]
                file["graph/nodes/image/shape"] = np.array(extents)
            return change

        self.refuses_model(shape(2**31, 2**31, 2**31), "image", "shape")
        self.refuses_model(shape(1, 0, 4), "image", "shape")
        self.refuses_model(shape(-1, 4, 4), "image", "shape")
        self.refuses_model(shape(1, 2**20, 2**20), "conv1", "2^40", ranks=4)

    def test_parameters(self):
        def parameter(name, value):
            def change(file):
                path = "graph/nodes/" + name
                if path in file:
                    del file[path]
                file[path] = value
            return change

        self.refuses_model(parameter("lif1/tau", np.nan), "lif1", "tau")
        self.refuses_model(parameter("lif1/tau", "two"), "lif1/tau", "numbers")
        self.refuses_model(parameter("lif1/taau", 2.0), "lif1/taau", "tau")
        self.refuses_model(parameter("lif1/output_scale", 2.0**-120), "lif1", "2^-100")
        self.refuses_model(parameter("conv1/stride", np.array([0, 1])), "conv1", "stride")
        self.refuses_model(parameter("conv1/padding", np.array([2**31 - 1] * 2)), "conv1")
        self.refuses_model(parameter("conv1/weight", np.zeros((16, 1, 3, 3), "c8")), "conv1/weight")
        self.refuses_model(parameter("conv1/type", "Add"), "conv1/padding")

    def test_attributes(self):
        for name, value, text in (("time_steps", -1, "expected 0"), ("time_steps", 2**62, "expected 0"),
                                  ("time_steps", "four", "number"), ("name", 3.5, "text")):
            def change(file):
                file["graph"].attrs[name] = value

            self.refuses_model(change, text)


class Words(Hostile):
    def test_numbers(self):
        run = ["run", self.model, "--input", self.input]
        for option, values in {"--samples": ["5:2", "-5", "3", "0:99999999999999999999", "1:2:3", "3:", ""],
                               "--threads": ["0", "100000", "1.5", "0x10", ""],
                               "--chips": ["0", "-1", "1e9", "99999999999999999999"],
                               "--time-steps": ["0", "-3", "2000000000"],
                               "--replicas": ["0", "3"], "--kernel": ["AVX2"]}.items():
            for value in values:
                self.refuses(run + [option, value], WRONG_USE, option)

    def test_files(self):
        os.mkfifo(self.path("fifo"))
        for path in (self.path("fifo"), "/dev/zero", "/dev/null", "/proc/self/mem", self.folder,
                     "a" * 300, "/gone" * 700):
            self.refuses(["info", path], BAD_INPUT, path)
            self.refuses(["run", self.model, "--input", path], BAD_INPUT, path)
            self.refuses(["compile", self.model, "-o", self.path("p.h5"), "--target", path + "/."
                          if path[0] == "a" else path], BAD_INPUT, path)
        self.refuses(["info", "line\nbreak"], BAD_INPUT, "line?break")
        self.refuses(["info", ""], WRONG_USE, "empty")

    def test_outputs(self):
        for path in ("/dev/null", "/dev/full", self.folder, self.path("p.h5/"), "a" * 300):
            self.refuses(["compile", self.model, "-o", path, "--chips", 1], CANNOT_WRITE, path)

    def test_an_input_is_never_overwritten(self):
        os.symlink(os.path.abspath(self.model), self.path("link.h5"))
        shutil.copy(self.model, self.path("out.h5.tmp"))
        for model, output in ((self.model, os.path.abspath(self.model)), (self.path("link.h5"), self.model),
                              (self.path("out.h5.tmp"), self.path("out.h5"))):
            self.refuses(["compile", model, "-o", output], WRONG_USE, "would destroy", model)
        self.refuses(["run", self.model, "--input", self.input, "-o", "./" + self.input], WRONG_USE,
                     "would destroy")

    def test_long_paths_are_fine(self):
        output = self.folder + "/." * 1000 + "/p.h5"
        for ranks in (1, 2):
            self.works(stc("compile", self.model, "-o", output, "--chips", 1, ranks=ranks))
        self.assertEqual(os.listdir(self.folder), ["p.h5"])


command.main()
