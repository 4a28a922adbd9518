"""Tasks: a decorated function is still that function, with its policy."""

from collections.abc import Callable
from functools import partial
from typing import assert_type

from fluent_async import Args, Drain, Task, Worker, stream, task
from fluent_async.typing import Sink


class Bare: ...


class Set: ...


class Policed: ...


class Zero: ...


class Two: ...


class Key: ...


class Part: ...


@task
def bare(number: int, /) -> Bare:
    return Bare()


@task()
def settings(number: int, /) -> Set:
    return Set()


@task(retry=2, backoff=0.1, retry_on=OSError, timeout=1, limit=2, name="p")
def policed(number: int, /) -> Policed:
    return Policed()


@task
def nothing() -> Zero:
    return Zero()


@task
def two(left: int, right: str, /) -> Two:
    return Two()


@task
def keywords(*, key: str, flag: bool = False) -> Key:
    return Key()


def parts(left: int, right: str, /) -> Part:
    return Part()


assert_type(bare, Task[[int], Bare])
assert_type(bare(1), Bare)
assert_type(settings(1), Set)
assert_type(policed(1), Policed)
bare("1")  # E
settings("1")  # E
policed("1")  # E
task(3)  # E
task(retry="3")  # E
task(backoff="3")  # E
task(retry_on=BaseException)  # E
task(timeout="1")  # E
task(limit=1.5)  # E
task(name=3)  # E
task(attempts=3)  # E

# what else can be called
assert_type(task(lambda: [Zero()])(), list[Zero])
assert_type(task(partial(parts, 1))("r"), Part)
assert_type(task(len)("abc"), int)
assert_type(task(parts)(1, "r"), Part)
task(parts)(1, 2)  # E

# inputs
assert_type(bare.with_input(1), Worker[Bare])
assert_type(two.with_input(1, "r"), Worker[Two])
assert_type(keywords.with_input(key="k"), Worker[Key])
assert_type(nothing.with_input(), Worker[Zero])
two.with_input(1)  # E
two.with_input("r", 1)  # E
keywords.with_input("k")  # E
keywords.with_input(key=3)  # E
nothing.with_input(1)  # E

# with_* keep the type
assert_type(bare.with_retry(3, 0.5, retry_on=(OSError, ValueError)), Task[[int], Bare])
assert_type(bare.with_timeout(None).with_limit(3).named("b"), Task[[int], Bare])
bare.with_retry()  # E
bare.with_retry("3")  # E
bare.with_retry(3, retry_on="OSError")  # E
bare.with_timeout("1")  # E
bare.with_limit("3")  # E
bare.named(3)  # E
bare.execute()  # E

# names
assert_type(bare.name, str)
assert_type(bare.__name__, str)
assert_type(bare.__qualname__, str)
assert_type(bare.__wrapped__, Callable[..., object])
bare.name = "other"  # E

# drains
zeros, others = Drain[Zero](), Drain[Bare]()
assert_type(nothing | zeros, Task[[], Zero])
assert_type(nothing.drain_to(zeros), Task[[], Zero])
nothing | others  # E
nothing.drain_to(others)  # E
nothing | [Zero()]  # E
nothing | None  # E


class Both:
    @stream
    def split(self, args: Args[str, Part]) -> None:
        assert_type(args.input, str)
        assert_type(args.drainer, Sink[Part])
        assert_type(args.attempt, int)
        assert_type(args.cancelled, bool)
        args.drainer.send(Part())
        args.drainer.send(Two())  # E
        args.input = "other"  # E


assert_type(list(Both().split("a")), list[Part])
assert_type("a" >> Both().split, Worker[Part])
3 >> Both().split  # E
Args("a")  # E
Args("a", [])  # E
