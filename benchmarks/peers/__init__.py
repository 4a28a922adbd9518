"""Whom fluent_async is measured beside; a file for each."""

import importlib

from measuring.peer import Peer


NAMES = (
    "fluent:Fluent",
    "fluent:NoPolicy",
    "bare_threads:BareThreads",
    "executor:Maps",
    "executor:Submits",
    "thread_pool:Maps",
    "thread_pool:Iterates",
    "joblib_threading:Joblib",
    "streamable_stream:Streamable",
    "pypeln_thread:Pypeln",
    "mpire_threading:Mpire",
    "more_executors_retry:MoreExecutors",
    "tenacity_retry:Tenacity",
    "stamina_retry:Stamina",
    "backoff_retry:Backoff",
)
"""File and class of each, the library itself first."""


def load(name: str) -> Peer:
    """Return a peer.

    Raises:
        ImportError: if what it uses is not installed.
    """
    file, _, kind = name.partition(":")
    peer: Peer = getattr(importlib.import_module(f"peers.{file}"), kind)()
    return peer
