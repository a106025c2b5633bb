"""What export refuses."""
from __future__ import annotations


class ExportError(Exception):
    """The model cannot be written as a SpikeGraph of the same meaning.

    The text names the module and the source line, what was found there, and a remedy.
    """


def at(module: str, line: str) -> str:
    """'module blocks.0.attn, model.py:27'."""
    place = f"module {module or '(the model itself)'}"
    return f"{place}, {line}" if line else place
