"""Build: what the interpreter makes one step, as other threads see it."""

import sys


_gil = getattr(sys, "_is_gil_enabled", lambda: True)
GIL: bool = _gil()
"""Whether a call of what is written in C is one step, unless it calls Python code."""
