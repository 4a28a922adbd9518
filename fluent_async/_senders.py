"""Senders: the threads that wait for room in a channel, with what they wait to leave."""

from collections import deque
from typing import Generic, TypeVar

from fluent_async._wait import Waiter


T = TypeVar("T")


class Sender(Generic[T]):
    """A thread that waits, with the value that it is to leave."""

    __slots__ = ("admitted", "value", "waiter")

    def __init__(self, value: T) -> None:
        self.value = value
        self.admitted = False
        self.waiter = Waiter()

    def admit(self) -> None:
        """Let it go on: its value is in."""
        self.admitted = True
        self.waiter.wake()


class Senders(deque[Sender[T]]):
    """Those who wait, first come first. Guarded by the channel's monitor."""

    __slots__ = ()

    def queue(self, value: T) -> Sender[T]:
        """Have one more wait."""
        sender = Sender(value)
        self.append(sender)
        return sender

    def withdraw(self, sender: Sender[T]) -> bool:
        """End the wait of one; False if its value was let in."""
        if sender in self:
            self.remove(sender)

        return not sender.admitted

    def dismiss(self) -> None:
        """End all waits: nothing is let in any more."""
        for sender in self:
            sender.waiter.wake()

        self.clear()
