"""Random networks of stc-bench: the synapses of all shares are those of the whole network, whichever
rows they lie in; and a share of a very large network takes no more than one of a small one."""
import os

import command
from command import STC, stc

BENCH = os.path.join(os.path.dirname(os.path.dirname(STC)), "bench", "stc-bench")


class Share(command.CommandTest):
    def bench(self, *words, ranks=1):
        ran = stc("random", *words, "--time", 10, "--transient", 0, "--json", ranks=ranks,
                  binary=BENCH, timeout=120)
        return self.works(ran).json()

    def test_shares_add_up_to_the_whole(self):
        for indegree, weights in ((40, "normal"), (300, "normal"), (25, "constant")):
            words = ("--indegree", indegree, "--weights", weights)
            whole = self.bench("--neurons", 400, *words, "--threads", 1)
            checksum, synapses = whole["stored"]["checksum"], 400 * indegree
            self.assertEqual(whole["stored"]["synapses"], synapses)
            for ranks, threads in ((1, 7), (4, 3)):
                other = self.bench("--neurons", 400 // ranks, *words, "--threads", threads,
                                   ranks=ranks)
                self.assertEqual(other["stored"]["checksum"], checksum)
                self.assertEqual(other["spike_checksum"], whole["spike_checksum"])
            shares = [self.bench("--neurons", 100, *words, "--of", 4, "--rank", rank,
                                 "--threads", 1 + rank)["stored"] for rank in range(4)]
            self.assertEqual([share["synapses"] for share in shares], 4 * [synapses // 4])
            total = sum(int(share["checksum"], 16) for share in shares) % 2**64
            self.assertEqual(f"{total:016x}", checksum)

    def test_memory_does_not_grow_with_the_number_of_ranks(self):
        small, large = (self.bench("--neurons", 500, "--indegree", 2000, "--rank", 7, "--of", ranks,
                                   "--threads", 2) for ranks in (16, 4000))
        for share in (small, large):
            self.assertEqual((share["neurons"], share["synapses"]), (500, 10**6))
            self.assertGreater(share["synaptic_events"], 0)
        more = large["built_bytes_per_synapse"] - small["built_bytes_per_synapse"]
        self.assertLess(more, 4)

    def test_the_only_share_is_the_whole(self):
        whole, share = (self.bench("--neurons", 200, "--indegree", 20, "--threads", 1, *words)
                        for words in ((), ("--of", 1)))
        for key in ("stored", "spike_checksum", "spikes", "synapses", "neurons", "rates"):
            self.assertEqual(whole[key], share[key])

    def test_wrong_use_is_refused(self):
        for words, ranks, part in (
                (("cuba", "--of", 3), 1, "only the network random has shares"),
                (("random", "--of", 3, "--rank", 3), 1, "found 3 of 3"),
                (("random", "--rank", 1), 1, "--rank"),
                (("random", "--of", 3), 2, "one process builds one share, found 2 ranks"),
                (("random", "--of", 2**31 - 1), 1, "excitatory neurons")):
            outcome = stc(*words, ranks=ranks, binary=BENCH)
            self.assertNotEqual(outcome.code, 0, outcome)
            self.assertIn(part, outcome.err)


command.main()
