"""What measures: the interfaces of loads and peers, one measurement, and its results."""

from typing import Final


LIMIT: Final = 8
"""Threads, wherever a load does not say another number."""
