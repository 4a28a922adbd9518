"""Machine: what a run was measured on."""

import os
import platform
import sys
from pathlib import Path


def machine() -> dict[str, str]:
    """Name the processor, the cores, the system, the Python, and whether it has a GIL."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "build": "with the GIL" if has_gil() else "free-threaded",
    }


def has_gil() -> bool:
    """Say whether this interpreter runs one thread at a time."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    return True if enabled is None else bool(enabled())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]

    return platform.processor() or platform.machine()
