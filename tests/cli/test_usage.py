"""Words that the command understands, words that it does not, and what its help says."""
import command
from command import MODEL, TEST, stc

COMMANDS = ["compile", "run", "info", "verify", "diff", "targets"]


class Help(command.CommandTest):
    def test_alone_it_lists_the_commands_and_a_pipeline(self):
        for words in ([], ["--help"]):
            outcome = self.works(stc(*words))
            for name in COMMANDS:
                self.assertIn(f"\n  {name} ", outcome.out)
            for line in ("stc compile model.h5", "stc run program.h5"):
                self.assertIn(line, outcome.out)

    def test_version_names_the_program(self):
        self.assertRegex(self.works(stc("--version")).out, r"^stc \d+\.\d+\.\d+\n$")

    def test_help_of_every_command_teaches(self):
        for name in COMMANDS:
            with self.subTest(command=name):
                text = self.works(stc(name, "--help")).out
                for part in (f"Usage: [mpirun -n RANKS] stc {name}", "Examples:", "mpirun -n 4",
                             "On stdout:", "Exit code: 0", "--json", "--threads"):
                    self.assertIn(part, text)
                self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_help_shows_defaults(self):
        text = self.works(stc("run", "-h")).out
        for part in ("(default spikes)", "(default auto)", "--samples A:B", "-o, --output RESULT",
                     "-O0..3"):
            self.assertIn(part, text)

    def test_rank_0_alone_prints(self):
        text = self.works(stc("--help", ranks=4)).out
        self.assertEqual(text.count("Commands:"), 1)


class Words(command.CommandTest):
    CASES = [
        (["complie"], "did you mean compile?"),
        (["frobnicate"], "stc --help"),
        (["--jsn"], "did you mean --json?"),
        (["compile", MODEL, "--chps", "4"], "did you mean --chips?"),
        (["compile", MODEL, "-x"], "unknown option -x"),
        (["compile", MODEL, "--chips"], "--chips needs an argument: N"),
        (["compile", MODEL, "--chips", "many"], "found 'many', expected a whole number"),
        (["compile", MODEL, "--chips", "0"], "found '0'"),
        (["compile", MODEL, "--chips=4x"], "found '4x'"),
        (["compile", MODEL, "--chips="], "is empty"),
        (["compile", MODEL, "-O4"], "from 0 to 3"),
        (["compile", MODEL, "--json=yes"], "takes no argument"),
        (["compile", MODEL], "-o PROGRAM is missing"),
        (["compile", "-o", "p.h5"], "the model file is missing"),
        (["compile", "a", "b", "-o", "p.h5"], "unexpected argument 'b'"),
        (["run", MODEL], "--input FILE is missing"),
        (["run", "--input", TEST], "is missing"),
        (["run", MODEL, "--input", TEST, "--samples", "5"], "expected A:B"),
        (["run", MODEL, "--input", TEST, "--samples", "5:5"], "is empty"),
        (["run", MODEL, "--input", TEST, "--samples", "-1:5"], "expected A:B"),
        (["run", MODEL, "--input", TEST, "--record", "spike"], "did you mean spikes?"),
        (["run", MODEL, "--input", TEST, "--kernel", "sse"], "scalar avx2 avx512 amx"),
        (["run", MODEL, "--input", TEST, "--replicas", "2"], "cannot be made of 1 rank"),
        (["run", MODEL, "--input", TEST, "-o", TEST], "needs a file of its own"),
        (["info"], "the file is missing"),
        (["diff", "a.h5"], "the second result is missing"),
        (["targets", "--log-level", "loud"], "error warn info debug"),
    ]

    def test_wrong_words_are_named(self):
        for words, text in self.CASES:
            with self.subTest(words=words):
                self.fails(stc(*words), 2, text)

    def test_wrong_words_are_named_once_on_4_ranks(self):
        self.fails(stc("compile", MODEL, "--chps", "4", ranks=4), 2, "--chips?")
        self.fails(stc("run", MODEL, "--input", TEST, "--replicas", "3", ranks=4), 2, "4 ranks")

    def test_messages_can_be_json(self):
        outcome = stc("info", self.path("none.h5"), "--log-format", "json")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertTrue(outcome.err.startswith("{") and outcome.err.endswith("}\n"), outcome)
        self.assertEqual(outcome.err.count("\n"), 1, outcome)

    def test_result_that_cannot_be_printed_is_an_error(self):
        call = 'exec "$0" targets > /dev/full'
        done = command.subprocess.run(["sh", "-c", call, command.STC], capture_output=True,
                                      text=True, timeout=30)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("stdout", done.stderr)


command.main()
