"""Streams: any number of outputs, yielded, returned or sent."""

from collections.abc import AsyncIterator, Generator, Iterator
from typing import assert_type

from fluent_async import Args, Drain, Task, Worker, stream


class Yielded: ...


class Sent: ...


class Returned: ...


class Listed: ...


class Input: ...


class Policed: ...


class Resent: ...


class Word: ...


class Line: ...


@stream
def numbers(up_to: int, /) -> Iterator[Yielded]:
    yield Yielded()


@stream
def whole(up_to: int, /) -> Generator[Yielded, Sent, Returned]:
    yield Yielded()
    return Returned()


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


@stream(
    retry=3,
    backoff=0.1,
    retry_on=OSError,
    timeout=1.5,
    limit=2,
    name="p",
)
def policed(up_to: int, /) -> tuple[Policed, ...]:
    return ()


@stream(retry=2)
def resent(args: Args[Input, Resent]) -> None:
    args.drainer.send(Resent())


class Page:
    @stream
    def words(self, args: Args[Input, Word]) -> None:
        args.drainer.send(Word())

    @stream(retry=2)
    def lines(self, args: Args[Input, Line]) -> None:
        args.drainer.send(Line())


assert_type(numbers, Task[[int], Iterator[Yielded], Yielded])
assert_type(numbers(1), Iterator[Yielded])
assert_type(full(1), Generator[Yielded, Sent, Returned])
assert_type(whole(1), Generator[Yielded, Sent, Returned])
assert_type(policed(1), Iterator[Policed])
assert_type(resent(Input()), Iterator[Resent])
assert_type(Page().words(Input()), Iterator[Word])
assert_type(Page().lines(Input()), Iterator[Line])
assert_type(listed(1), Iterator[Listed])
assert_type(sent(Input()), Iterator[Sent])
numbers("1")  # E: argument
full("1")  # E: argument
listed("1")  # E: argument
sent(1)  # E: argument
listed(1).append  # E: attribute

assert_type(1 >> numbers, Worker[Yielded])
assert_type(1 >> full, Worker[Yielded])
assert_type(1 >> listed, Worker[Listed])
assert_type(Input() >> sent, Worker[Sent])
"1" >> numbers  # E: operand
"1" >> full  # E: operand
"1" >> listed  # E: operand
1 >> sent  # E: operand

assert_type(Input() >> sent | Drain[Sent](), Worker[Sent])
assert_type(1 >> listed | Drain[object](), Worker[Listed])
Input() >> sent | Drain[Input]()  # E: operand
1 >> listed | Drain[list[Listed]]()  # E: operand


@stream  # E: argument
def neither(number: int) -> int:
    return number


@stream  # E: argument
async def late(number: int) -> list[int]:
    return [number]


@stream  # E: argument
async def later(number: int) -> AsyncIterator[int]:
    yield number


# what a decorator takes: one function, by place; settings, by name
def yields(number: int, /) -> Generator[Yielded, Sent, Returned]:
    yield Yielded()
    return Returned()


def gives(number: int, /) -> list[Listed]:
    return []


def sends(args: Args[Input, Sent]) -> None: ...
def sends_for(page: Page, args: Args[Input, Sent]) -> None: ...


stream(3)  # E: argument
stream(retry=2)(3)  # E: argument
stream(fn=yields)  # E: signature
stream(fn=gives)  # E: signature
stream(fn=sends)  # E: signature
stream(fn=sends_for)  # E: signature
stream(retry=2)(fn=yields)  # E: signature
stream(retry=2)(fn=gives)  # E: signature
stream(retry=2)(fn=sends)  # E: signature
stream(retry=2)(fn=sends_for)  # E: signature
stream(limit=2)
stream(retry=None, backoff=None, retry_on=None, timeout=None, limit=None, name=None)
stream(retry="3")  # E: argument
stream(backoff="3")  # E: argument
stream(retry_on=BaseException)  # E: argument
stream(timeout="1")  # E: argument
stream(limit=1.5)  # E: argument
stream(name=3)  # E: argument
stream(attempts=3)  # E: signature
