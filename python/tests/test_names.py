"""The package: its version, what it offers, and what it does not import."""
import re
import subprocess
import sys
import types
import unittest

from support import PYTHON, SOURCE

import spike_transformer_compiler as stc


class Names(unittest.TestCase):
    def test_the_version_is_that_of_stc(self):
        text = (SOURCE / "CMakeLists.txt").read_text()
        self.assertEqual(stc.__version__, re.search(r"project\(stc VERSION (\S+)", text)[1])

    def test_all_names_are_there_and_documented(self):
        for name in stc.__all__:
            self.assertTrue(getattr(stc, name).__doc__, name)
        self.assertLessEqual({"export", "run"}, set(dir(stc)))
        with self.assertRaisesRegex(AttributeError, "no attribute 'nothing'"):
            stc.nothing

    def test_torch_and_matplotlib_are_not_imported(self):
        code = (f"import sys; sys.path.insert(0, {str(PYTHON)!r}); "
                "import spike_transformer_compiler; "
                "print([name for name in ('torch', 'matplotlib') if name in sys.modules])")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("[]\n", ""))

    def test_export_stays_the_function_when_its_subpackage_is_imported(self):
        package = types.ModuleType("export")
        package.export = lambda: None
        before = vars(stc).get("export")
        stc.export = package  # what the import of a subpackage does
        self.assertIs(stc.export, package.export)
        del stc.export
        if before:
            stc.export = before


if __name__ == "__main__":
    unittest.main()
