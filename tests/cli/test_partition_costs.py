"""stc partition: what a copy costs (chips, cores, links, bytes), boards, and parts from HDF5 files."""
import command
from command import MODEL, stc


class PartitionCosts(command.CommandTest):
    def partition(self, *words, ranks=1):
        shown = self.works(stc("partition", MODEL, *words, "--json", ranks=ranks)).json()
        return {method["method"]: method for method in shown["methods"]}

    def test_boards_say_what_goes_between_and_inside(self):
        words = ("--chips", 10, "--boards", 3, "--board-ratio", 3, "--methods", "contiguous,auto")
        shown = self.partition(*words)
        for method in shown.values():
            self.assertAlmostEqual(method["between_boards"] + method["inside_boards"],
                                   method["multicast_volume"], delta=1e-6)
            self.assertAlmostEqual(3 * method["between_boards"] + method["inside_boards"],
                                   method["cost"], delta=1e-6)
        self.assertLessEqual(shown["auto"]["cost"], shown["contiguous"]["cost"])
        self.assertEqual(shown["auto"]["cost"], self.partition(*words, ranks=3)["auto"]["cost"])
        self.assertIn("between boards", self.works(stc("partition", MODEL, *words)).out)

    def test_each_unit_is_the_cost(self):
        for unit, key in (("per_destination_chip", "multicast_volume"), ("bytes", "bytes"),
                          ("per_destination_core", "core_copies"), ("tree_of_links", "links")):
            shown = self.partition("--chips", 6, "--cost", unit, "--methods", "random,auto")
            for method in shown.values():
                self.assertEqual(method["cost"], method[key])
            self.assertLess(shown["auto"]["cost"], shown["random"]["cost"])

    def test_a_target_says_what_a_copy_costs(self):
        target = self.path("boards.ini")
        with open(target, "w") as file:
            file.write("[chip]\nname = b\ncores = 128\n[core]\nneurons = 256\nsynapse_bytes = 262144\n"
                       "[types]\nweight_bytes = 3\n[router]\nchips_per_board = 3\nboard_ratio = 2\n")
        method = self.partition("--chips", 6, "--target", target)["auto"]
        self.assertGreater(method["between_boards"], 0)
        self.assertAlmostEqual(2 * method["between_boards"] + method["inside_boards"],
                               method["cost"], delta=1e-6)

    def test_parts_come_back_from_hdf5(self):
        parts, program = self.path("parts.h5"), self.path("program.h5")
        made = self.partition("--chips", 5, "--seed", 3, "-o", parts)["auto"]
        back = self.partition("--chips", 5, "--methods", f"file:{parts}")[f"file:{parts}"]
        self.assertEqual(back["multicast_volume"], made["multicast_volume"])
        compiled = self.works(stc("compile", MODEL, "-o", program, "--chips", 5, "--partition",
                                  f"file:{parts}", "--json", ranks=2)).json()["partition"]
        self.assertEqual(compiled["method"], "file")
        self.assertEqual(compiled["multicast_volume"], made["multicast_volume"])
        self.fails(stc("partition", MODEL, "--chips", 4, "--methods", f"file:{parts}"), 1,
                   "expected 0..3")
        self.fails(stc("partition", MODEL, "--chips", 4, "--methods", f"file:{program}"), 1,
                   "stc-partition")

    def test_wrong_words(self):
        for words, text in ((("--cost", "hops"), "per_destination_chip"),
                            (("--board-ratio", "0.1"), "from 1 to"),
                            (("--boards", 9), "more boards than the 4 chips"),
                            (("--boards", 2, "--cost", "tree_of_links"), "leave --boards out")):
            self.fails(stc("partition", MODEL, "--chips", 4, *words), 2, text)


if __name__ == "__main__":
    command.main()
