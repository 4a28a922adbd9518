"""Drains: typed, contravariant as sinks."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal, assert_type

from fluent_async import Args, Drain, Workers, task
from fluent_async.typing import Sink, Takes, TakesMany


class Item: ...


class Made: ...


class Counted:
    def send(self, _: Item, /) -> int:
        return 1


class Wrong:
    def put(self, _: Item) -> None: ...


@task
def make(item: Item, /) -> Made:
    return Made()


drain = Drain[Item](maxsize=10, ordered=True, name="items")
assert_type(drain, Drain[Item])
assert_type(drain.send(Item(), timeout=1.0), None)
assert_type(drain.drain(timeout=None), list[Item])
assert_type(drain.drain_and_shut_down(), list[Item])
assert_type(drain.shut_down(), None)
assert_type(drain.count(), int)
assert_type(len(drain), int)
assert_type(drain.__bool__(), Literal[True])
assert_type(drain.closed, bool)
assert_type(iter(drain), Iterator[Item])
assert_type(aiter(drain), AsyncIterator[Item])
drain.send(3)  # E
drain.send(value=Item())  # E
drain.send(Item(), timeout="1")  # E
drain.drain(timeout="1")  # E
drain.closed = True  # E
Drain[Item]("3")  # E
Drain[Item](3, drain.closed)  # E
Drain[Item](3, name=3)  # E

with drain as opened:
    assert_type(opened, Drain[Item])

for item in drain:
    assert_type(item, Item)


async def iterate() -> None:
    async for value in drain:
        assert_type(value, Item)

    async with drain:  # E
        pass


assert_type(drain >> make, Workers[Made])
Drain[int]() >> make  # E
drain >> Item()  # E


# sinks are contravariant: what takes any object takes items
def collect(sink: Sink[Item]) -> None: ...
def through(task: Takes[Item, Made]) -> None: ...
def through_many(task: TakesMany[Item, Made]) -> None: ...


collect(drain)
collect(Drain[object]())
collect(Counted())
Args("a", drain)
through(make)
collect(Drain[int]())  # E
collect(Wrong())  # E
collect([])  # E
through_many(make)  # E
through(3)  # E
