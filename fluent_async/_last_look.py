"""Last look: what pools are at, told just before a thread ends the process of a test."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Protocol, cast

from fluent_async._tree import tree


if TYPE_CHECKING:
    import pytest


LOOK_S = 2.0  # how long it may take: what hangs may be what shows an input


class Settings(Protocol):
    """What pytest-timeout found out of its settings for a test."""

    timeout: float
    method: str
    disable_debugger_detection: bool


class Ending(Protocol):
    """The module of pytest-timeout, as far as it is used."""

    def is_debugging(self) -> bool:
        """Say whether a debugger is at work."""
        ...

    def timeout_timer(self, item: pytest.Item, settings: Settings) -> None:
        """Show the stacks, and end the process unless a debugger is at work."""
        ...


class Capture(Protocol):
    """The plugin of pytest that captures what is written."""

    def suspend_global_capture(self, in_: bool = False) -> None:  # noqa: FBT001, FBT002
        """Have what is written from now on be seen."""
        ...


class LastLook:
    """Ends the process of a test when its time is over, after a look at the pools.

    The thread of that is there until `cancel` has returned, and a daemon: it ends
    nothing by itself, and keeps nothing alive.
    """

    def __init__(self, item: pytest.Item, settings: Settings, ending: Ending) -> None:
        self._item = item
        self._settings = settings
        self._ending = ending
        self._timer = threading.Timer(settings.timeout, self._end)
        self._timer.name = f"fluent_async timeout of {item.nodeid}"
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Leave the test alone: it is over."""
        self._timer.cancel()
        self._timer.join()

    def _end(self) -> None:
        if self._settings.disable_debugger_detection or not self._ending.is_debugging():
            look = threading.Thread(target=_show, args=(self._item,), daemon=True)
            look.start()
            look.join(LOOK_S)

        self._ending.timeout_timer(self._item, self._settings)


def last_look(item: pytest.Item, settings: Settings) -> LastLook | None:
    """Begin to wait for the end of a test's time; None if no thread is to end it then."""
    ending = sys.modules.get("pytest_timeout")
    in_main = threading.current_thread() is threading.main_thread()
    by_signal = settings.method == "signal" and in_main
    if by_signal or not hasattr(ending, "timeout_timer"):
        return None

    return LastLook(item, settings, cast("Ending", ending))


def _show(item: pytest.Item) -> None:
    """Write what the pools are at to the terminal, whatever is captured."""
    live = tree()
    if not live:
        return

    capture = item.config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:  # for good: the process ends
        cast("Capture", capture).suspend_global_capture(in_=True)

    if hasattr(item.config, "workerinput"):  # nobody sees the terminal in pytest-xdist
        sys.stderr.write(f"fluent_async pools in {item.nodeid}\n{live}\n")
        sys.stderr.flush()
        return

    terminal = item.config.get_terminal_writer()
    terminal.line()
    terminal.sep("+", title="fluent_async pools")
    terminal.line(live)
    terminal.flush()
