"""Drains: typed, contravariant as sinks."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal, assert_type

from fluent_async import Args, Drain, Worker, Workers, each, stream, task
from fluent_async.typing import Sink, Takes, TakesMany


class Item: ...


class Made: ...


class Part: ...


class Piece: ...


class Counted:
    def send(self, _: Item, /) -> int:
        return 1


class Wrong:
    def put(self, _: Item) -> None: ...


@task
def make(item: Item, /) -> Made:
    return Made()


@stream
def split(item: Item, /) -> list[Part]:
    return []


@stream
def parts(item: Made, /) -> list[Piece]:
    return []


drain = Drain[Item](maxsize=10, ordered=True, name="items")
assert_type(drain, Drain[Item])
assert_type(drain.send(Item(), timeout=1.0), None)
drain.send(Item(), timeout=None)
assert_type(drain.drain(timeout=None), list[Item])
drain.drain(1.5)
drain.drain()
assert_type(drain.drain_and_shut_down(), list[Item])
assert_type(drain.shut_down(), None)
assert_type(drain.count(), int)
assert_type(len(drain), int)
assert_type(drain.__bool__(), Literal[True])
assert_type(drain.closed, bool)
assert_type(iter(drain), Iterator[Item])
assert_type(aiter(drain), AsyncIterator[Item])
drain.send(3)  # E: argument
drain.send(value=Item())  # E: signature
drain.send(Item(), timeout="1")  # E: argument
drain.drain(timeout="1")  # E: argument
drain.closed = True  # E: read-only
Drain[Item]("3")  # E: argument
Drain[Item](3, drain.closed)  # E: signature
Drain[Item](3, name=3)  # E: argument
Drain[Item](ordered="yes")  # E: argument
Drain[Item](name=None)
Drain[Item]().drain_to(drain)  # E: attribute

with drain as opened:
    assert_type(opened, Drain[Item])

for item in drain:
    assert_type(item, Item)


async def iterate() -> None:
    async for value in drain:
        assert_type(value, Item)

    async with drain:  # E: no block
        pass


assert_type(drain >> make, Workers[Made])
Drain[int]() >> make  # E: operand
drain >> Item()  # E: operand


# sinks are contravariant: what takes any object takes items
def collect(sink: Sink[Item]) -> None:
    sink.send(Item())
    sink.send(3)  # E: argument
    sink.send(value=Item())  # E: signature


def through(task: Takes[Item, Made]) -> None:
    assert_type(task.with_input(Item()), Worker[Made])
    assert_type(each([Item()]) >> task, Workers[Made])
    assert_type(drain >> task, Workers[Made])
    task(Item())  # E: not callable
    task.with_input(3)  # E: argument


def through_many(task: TakesMany[Item, Part]) -> None:
    assert_type(task(Item()), Iterator[Part])
    assert_type(task.with_input(Item()), Worker[Part])
    task(3)  # E: argument


collect(drain)
collect(Drain[object]())
collect(Counted())
Args("a", drain)
through(make)
collect(Drain[int]())  # E: argument
collect(Wrong())  # E: argument
collect([])  # E: argument
through_many(split)
through_many(parts)  # E: argument
through_many(make)  # E: argument
through(3)  # E: argument
only_ints: Drain[int] = Drain()
wider: Drain[object] = Drain[int]()  # E: assignment
