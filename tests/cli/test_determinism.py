"""One model and one input give one answer: the same spikes and outputs, to the last bit, for every
number of ranks, threads and chips, every partition, kernel, exact optimisation level and block.

Every value and every pair of values is covered by at most 40 runs. The two checksums below were
computed from a result file by examples/digits/recompute_checksum.py.
"""
import itertools

import command
from command import MODEL, TEST, stc

SAMPLES = "0:12"
SPIKE_CHECKSUM = "b992078b0e4d5e1b"
OUTPUT_CHECKSUM = "5cd43e3fbbadd72c"

FACTORS = {
    "ranks": [1, 2, 3, 4, 8],
    "kernel": ["scalar", "avx2", "avx512", "amx"],
    "chips": [1, 4, 8],
    "partition": ["auto", "contiguous", "random"],
    "level": [0, 1, 2],
    "block": [1, 3, 4],
    "threads": [1, 2],
}
MOST_RUNS = 40


def pairs_of(case, names):
    return {((a, case[a]), (b, case[b])) for a, b in itertools.combinations(names, 2)}


def pairwise(factors):
    """Cases that together hold every pair of values: greedy, always the same."""
    names = list(factors)
    missing = set()
    for a, b in itertools.combinations(names, 2):
        missing |= {((a, x), (b, y)) for x in factors[a] for y in factors[b]}
    cases = []
    while missing:
        (a, x), (b, y) = min(missing, key=str)
        case = {a: x, b: y}
        for name in names:
            if name not in case:
                case[name] = max(factors[name], key=lambda value: len(
                    pairs_of({**case, name: value}, [n for n in names if n in case or n == name])
                    & missing))
        missing -= pairs_of(case, names)
        cases.append(case)
    return cases


class Determinism(command.CommandTest):
    def kernels(self):
        """Those that this processor has."""
        names = []
        for name in FACTORS["kernel"]:
            outcome = stc("run", MODEL, "--input", TEST, "--samples", "0:1", "--kernel", name)
            if outcome.code == 0:
                names.append(name)
            else:
                self.assertEqual(outcome.code, 1, outcome)
        return names

    def compile(self, case):
        key = tuple(case[n] for n in ("chips", "partition", "level"))
        path = self.path("chips{}-{}-O{}.h5".format(*key))
        if key not in self.programs:
            self.works(stc("compile", MODEL, "-o", path, "--chips", case["chips"], "--partition",
                           case["partition"], f"-O{case['level']}", ranks=min(case["ranks"], 4)))
            self.programs.add(key)
        return path

    def test_same_answer_everywhere(self):
        self.programs = set()
        cases = pairwise({**FACTORS, "kernel": self.kernels()})
        self.assertLessEqual(len(cases), MOST_RUNS)
        for case in cases:
            with self.subTest(**case):
                program = self.compile(case)
                ran = stc("run", program, "--input", TEST, "--samples", SAMPLES, "--kernel",
                          case["kernel"], "--threads", case["threads"], "--block-steps",
                          case["block"], "--json", ranks=case["ranks"], timeout=60)
                self.assertEqual(ran.code, 0, ran)
                answer = ran.json()
                self.assertEqual(answer["threads"], case["threads"])
                self.assertEqual((answer["spike_checksum"], answer["output_checksum"]),
                                 (SPIKE_CHECKSUM, OUTPUT_CHECKSUM))

    def test_same_answer_with_replicas(self):
        for ranks, replicas in ((2, 2), (4, 2), (4, 4)):
            with self.subTest(ranks=ranks, replicas=replicas):
                answer = stc("run", MODEL, "--input", TEST, "--samples", SAMPLES, "--chips", 2,
                             "--replicas", replicas, "--json", ranks=ranks).json()
                self.assertEqual((answer["spike_checksum"], answer["output_checksum"]),
                                 (SPIKE_CHECKSUM, OUTPUT_CHECKSUM))

    def test_program_does_not_depend_on_the_number_of_ranks(self):
        contents = set()
        for ranks in (1, 3):
            path = self.path("program.h5")
            self.works(stc("compile", MODEL, "-o", path, "--chips", 4, ranks=ranks))
            shown = self.works(stc("info", path, "--json")).out
            contents.add(shown)
        self.assertEqual(len(contents), 1)


command.main()
