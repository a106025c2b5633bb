"""One model and one input give one answer: the same spikes and outputs, to the last bit, for every
number of ranks, threads and chips, every partition, kernel, exact optimisation level and block, and
for every binary, whichever compiler built it for whichever processor (STC_VARIANTS, matrix.py).

Every value and every pair of values is covered by at most 40 runs; bench/determinism.py runs the
full product. The two checksums below were computed from a result file by
examples/digits/recompute_checksum.py, and are so again from a file of each binary.
"""
import os
import subprocess
import sys

import command
import matrix
from command import DIGITS, MODEL, TEST, stc

SAMPLES = "0:12"
SPIKE_CHECKSUM = "b992078b0e4d5e1b"
OUTPUT_CHECKSUM = "5cd43e3fbbadd72c"
MOST_RUNS = 40


class Determinism(command.CommandTest):
    def setUp(self):
        super().setUp()
        self.matrix = matrix.Matrix(self.folder, MODEL, TEST, SAMPLES, matrix.binaries())

    def right(self, answer):
        self.assertEqual((answer["spike_checksum"], answer["output_checksum"]),
                         (SPIKE_CHECKSUM, OUTPUT_CHECKSUM))

    def test_same_answer_everywhere(self):
        factors = self.matrix.factors()
        cases = matrix.pairwise(factors)
        self.assertLessEqual(len(cases), MOST_RUNS)
        for case in cases:
            with self.subTest(**case):
                self.right(self.matrix.run(case))
        print(f"{len(cases)} runs; binaries {', '.join(factors['binary'])}; "
              f"kernels {', '.join(factors['kernel'])}")

    def test_same_answer_in_the_file(self):
        for name in self.matrix.binaries:
            with self.subTest(binary=name):
                result = self.path(f"result-{name}.h5")
                case = {"binary": name, "compiled_by": name, "ranks": 2, "threads": 1, "chips": 4,
                        "partition": "auto", "level": 2, "block": 4, "kernel": "scalar",
                        "node": 0}
                self.right(self.matrix.run(case, "-o", result))
                again = subprocess.run(
                    [sys.executable, os.path.join(DIGITS, "recompute_checksum.py"), result],
                    capture_output=True, text=True, timeout=60)
                self.assertEqual(again.stdout, f"spike_checksum {SPIKE_CHECKSUM}\n"
                                               f"output_checksum {OUTPUT_CHECKSUM}\n", again)

    def test_same_answer_with_replicas(self):
        for ranks, replicas in ((2, 2), (4, 2), (4, 4)):
            with self.subTest(ranks=ranks, replicas=replicas):
                self.right(self.works(stc("run", MODEL, "--input", TEST, "--samples", SAMPLES,
                                          "--chips", 2, "--replicas", replicas, "--json",
                                          ranks=ranks)).json())

    def test_same_program_from_any_number_of_ranks(self):
        held = []
        for ranks in (1, 2, 3, 4):
            path = self.path(f"program-{ranks}.h5")
            self.works(stc("compile", MODEL, "-o", path, "--chips", 4, ranks=ranks))
            held.append(matrix.contents(path))
        for other in held[1:]:
            self.assertEqual(held[0].keys(), other.keys())
            self.assertEqual([key for key in other if other[key] != held[0][key]], [])


command.main()
