"""The Python package as pip installs it: what is in it, and its own tests, plots included."""
import glob
import os
import shutil
import subprocess
import sys

from interop import HERE, InteropTest

PYTHON = os.path.join(HERE, "../../python")


class Package(InteropTest):
    def setUp(self):
        super().setUp()
        self.site = self.path("site")
        shutil.copytree(PYTHON, self.path("source"))  # building leaves folders behind
        self.done(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-qq",
                  "--no-deps", "--no-build-isolation", "--target", self.site, self.path("source"))

    def done(self, *words):
        environment = {**os.environ, "PYTHONPATH": self.site, "STC_TEST_INSTALLED": "1"}
        ran = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=self.folder,
                             stdin=subprocess.DEVNULL, env=environment)
        self.assertEqual(ran.returncode, 0, f"{' '.join(words)}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def test_it_installs_and_its_tests_pass(self):
        where = self.done(sys.executable, "-c", "import spike_transformer_compiler as s, sys; "
                          "assert 'torch' not in sys.modules; s.export; s.register_neuron; "
                          "assert callable(s.export); print(s.__file__)")
        self.assertTrue(where.startswith(self.site), where)
        self.assertTrue(glob.glob(self.site + "/spike_transformer_compiler/py.typed"))
        for name in ("result", "graph", "command", "plot"):
            with self.subTest(name):
                self.done(sys.executable, "-W", "ignore", os.path.join(PYTHON, "tests",
                                                                       f"test_{name}.py"))
