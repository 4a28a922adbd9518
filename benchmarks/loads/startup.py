"""Start-up: what a program pays before its first result."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Drained, Load, WrongResultsError
from measuring.peer import Peer
from peers.executor import Maps


TIMED = """
import sys, time
sys.path.insert(0, {folder!r})
started = time.perf_counter()
{code}
print(time.perf_counter() - started)
"""

NOT_COMPILED = "PYTHONDONTWRITEBYTECODE"
"""Would have each process compile what is imported anew, as no program of a user does."""

TASK = """
from {file} import {kind}
out = list({kind}().ran(lambda value: value + 1, [41], {limit}))
assert out == [42], out
"""


def in_a_new_process(code: str) -> float:
    """Return the seconds that code takes in an interpreter that has just started."""
    folder = str(Path(__file__).parent.parent)
    compiled = {key: os.environ[key] for key in os.environ.keys() - {NOT_COMPILED}}
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(folder=folder, code=code)],
        capture_output=True,
        env=compiled,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WrongResultsError(done.stderr.strip().rpartition("\n")[2])

    return float(done.stdout)


class Started(Load):
    """Something that an interpreter does first; `size` times, one after the other."""

    unit = "ms"
    size = 9
    quick = 2
    trial = None

    @override
    def base(self, size: int) -> float:
        """Do it with the standard library."""
        return self.cost(Maps(), size)

    @override
    def cost(self, peer: Peer, size: int) -> float:
        """Do it with the peer; the time in the middle."""
        code = self.code(peer)
        return median(in_a_new_process(code) for _ in range(size))

    def code(self, peer: Peer) -> str:
        """Return what is done."""
        raise NotImplementedError

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Have no outputs: the process that is started checks them."""
        return range(size)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Have no outputs."""
        return range(size)


class Import(Started):
    """The import alone; what is used of it may be loaded later."""

    name = "import"
    title = "import, in a new process"
    verb = "module"
    against = "`import concurrent.futures.thread`"
    reach = 2.0

    @override
    def code(self, peer: Peer) -> str:
        """Import."""
        return f"import {peer.module}"


class ImportAll(Started):
    """The import of all that there is."""

    name = "import-all"
    title = "import of all public names, in a new process"
    verb = "module"
    against = "`from concurrent.futures.thread import *`"

    @override
    def code(self, peer: Peer) -> str:
        """Import all."""
        return f"from {peer.module} import *"


class FirstTask(Started):
    """From nothing to the first result."""

    name = "first-task"
    title = "import and first result, in a new process"
    verb = "ran"
    against = "`ThreadPoolExecutor.map`"

    @override
    def code(self, peer: Peer) -> str:
        """Run one task."""
        kind = type(peer)
        return TASK.format(file=kind.__module__, kind=kind.__name__, limit=LIMIT)


class TenTasks(Drained):
    """A pool for ten calls, in a process that has seen others."""

    name = "ten-tasks"
    title = "`run()`: a pool made for 10 no-ops, and gone again"
    verb = "ran"
    against = "`ThreadPoolExecutor.map`"
    size = 2000
    quick = 100
    trial = 20

    each = 10

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Do it with the standard library."""
        return list(self.through(Maps(), size))

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Run ten at a time."""
        for start in range(0, size, self.each):
            yield from peer.ran(
                self.fn, range(start, min(start + self.each, size)), LIMIT
            )
