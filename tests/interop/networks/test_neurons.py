"""One neuron of every model: the reference files of tests/data/populations are what NEST and NEURON
say today, and stc, from a model file to a result, gives their spikes."""
import os

import interop
import nest_models
from networks import SpikeGraph, spikes_of, write_input

DATA = os.path.join(interop.HERE, "../data/populations")
DT, STEPS = nest_models.DT, nest_models.STEPS


def reference(name):
    """{kind of line: [fields after it]}"""
    lines = {}
    with open(os.path.join(DATA, f"{name}.csv")) as file:
        for line in file:
            kind, *fields = line.rstrip("\n").split(",")
            lines.setdefault(kind, []).append(fields)
    return lines


class Neurons(interop.InteropTest):
    def test_the_references_are_what_the_simulators_say(self):
        for name, wrong in nest_models.differences(DATA):
            with self.subTest(name):
                self.assertIsNone(wrong)

    def write_case(self, name, lines):
        """A neuron with its current and one source of input for each event."""
        (model,), = lines["model"]
        weights = [float(w) for w in lines["weights"][0]]
        events = nest_models.inputs()
        graph = SpikeGraph(self.path(f"{name}.h5"), DT, STEPS)
        params = {key: float(value) for key, value in lines.get("param", [])}
        graph.add("cell", model, n=1, **params)
        graph.add("events", "Input", shape=[len(events)], kind="bits")
        for receptor in range(1, 5) if model == "glif_psc" else [0]:
            mine = [k for k, event in enumerate(events) if receptor in (0, event[1])]
            factors = [events[k][2] for k in mine]
            columns = (mine, [0] * len(mine), [f * weights[f < 0] for f in factors],
                       [1] * len(mine))
            graph.add_projection(f"synapses{receptor}", "events", "cell", columns, 1,
                                 **({"receptor": receptor} if receptor else {}))
        if model != "IntFire1":
            changes = [(int(step), float(pA)) for step, pA in lines["current"] if int(step) > 0]
            graph.add_step_current("current", "cell", 1, [step * DT for step, _ in changes],
                                   [pA for _, pA in changes])
        graph.close()
        steps = [event[0] for event in events]
        given = write_input(self.path("events.h5"), "events", range(len(events)), steps, DT)
        return self.path(f"{name}.h5"), given

    def test_stc_gives_their_spikes(self):
        for name in nest_models.CASES:
            with self.subTest(name):
                lines = reference(name)
                model, given = self.write_case(name, lines)
                self.stc("run", model, "--input", given, "-o", self.path("result.h5"))
                expected = {(int(step), 0) for step, in lines["spike"]}
                self.assertGreater(len(expected), 10)
                self.assertEqual(spikes_of(self.path("result.h5"), DT)["cell"], expected)
