"""The conformance pack by its own tools: Norse agrees with it, and compare.py sees differences."""
import os
import subprocess
import sys

import h5py

from interop import InteropTest, PACK


class Pack(InteropTest):
    def tool(self, name, *words):
        return subprocess.run([sys.executable, "-W", "ignore", os.path.join(PACK, name), *words],
                              capture_output=True, text=True, timeout=300)

    def test_norse_agrees_and_a_wrong_spike_is_found(self):
        results = self.path("results")
        ran = self.tool("example_norse.py", results)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        compared = self.tool("compare.py", results)
        self.assertEqual(compared.returncode, 0, compared.stdout)
        self.assertIn("17 cases agree, 0 differ", compared.stdout)
        with h5py.File(os.path.join(results, "norse_lif.h5"), "r+") as file:
            file["spikes/first"][7, 2] += 1
        compared = self.tool("compare.py", results)
        self.assertEqual(compared.returncode, 1)
        self.assertIn("norse_lif: /spikes/first: 1 of", compared.stdout)
        self.assertIn("the first at step 7, neuron (2,)", compared.stdout)
