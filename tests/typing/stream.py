"""Streams: any number of outputs, yielded, returned or sent."""

from collections.abc import Generator, Iterator
from typing import assert_type

from fluent_async import Args, Drain, Task, Worker, stream


class Yielded: ...


class Sent: ...


class Returned: ...


class Listed: ...


class Input: ...


@stream
def numbers(up_to: int, /) -> Iterator[Yielded]:
    yield Yielded()


@stream(retry=2)
def full(up_to: int, /) -> Generator[Yielded, Sent, Returned]:
    yield Yielded()
    return Returned()


@stream
def listed(up_to: int, /) -> list[Listed]:
    return []


@stream
def sent(args: Args[Input, Sent]) -> None:
    args.drainer.send(Sent())


assert_type(numbers, Task[[int], Iterator[Yielded], Yielded])
assert_type(numbers(1), Iterator[Yielded])
assert_type(full(1), Generator[Yielded, Sent, Returned])
assert_type(listed(1), Iterator[Listed])
assert_type(sent(Input()), Iterator[Sent])
numbers("1")  # E
full("1")  # E
listed("1")  # E
sent(1)  # E
listed(1).append  # E

assert_type(1 >> numbers, Worker[Yielded])
assert_type(1 >> full, Worker[Yielded])
assert_type(1 >> listed, Worker[Listed])
assert_type(Input() >> sent, Worker[Sent])
"1" >> numbers  # E
"1" >> full  # E
"1" >> listed  # E
1 >> sent  # E

assert_type(Input() >> sent | Drain[Sent](), Worker[Sent])
assert_type(1 >> listed | Drain[object](), Worker[Listed])
Input() >> sent | Drain[Input]()  # E
1 >> listed | Drain[list[Listed]]()  # E


@stream  # E
def neither(number: int) -> int:
    return number


stream(3)  # E
stream(retry="3")  # E
