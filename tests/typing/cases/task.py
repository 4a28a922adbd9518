"""Tasks: a decorated function is still that function, with its policy."""

from collections.abc import Callable, Iterator
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
bare("1")  # E: argument
settings("1")  # E: argument
policed("1")  # E: argument
task(3)  # E: argument
task(retry="3")  # E: argument
task(backoff="3")  # E: argument
task(retry_on=BaseException)  # E: argument
task(timeout="1")  # E: argument
task(limit=1.5)  # E: argument
task(name=3)  # E: argument
task(attempts=3)  # E: signature
task(fn=parts)  # E: signature
task(retry=2)(fn=parts)  # E: signature
task(retry=2)(3)  # E: argument
task(retry=None, backoff=None, retry_on=None, timeout=None, limit=None, name=None)

# what else can be called
assert_type(task(lambda: [Zero()])(), list[Zero])
assert_type(task(partial(parts, 1))("r"), Part)
assert_type(task(len)("abc"), int)
assert_type(task(parts)(1, "r"), Part)
task(parts)(1, 2)  # E: argument

# inputs
assert_type(bare.with_input(1), Worker[Bare])
assert_type(two.with_input(1, "r"), Worker[Two])
assert_type(keywords.with_input(key="k"), Worker[Key])
assert_type(nothing.with_input(), Worker[Zero])
two.with_input(1)  # E: signature
two.with_input("r", 1)  # E: argument
keywords.with_input("k")  # E: signature
keywords.with_input(key=3)  # E: argument
nothing.with_input(1)  # E: signature

# with_* keep the type
assert_type(bare.with_retry(3, 0.5, retry_on=(OSError, ValueError)), Task[[int], Bare])
assert_type(bare.with_timeout(1.5).with_limit(None), Task[[int], Bare])
assert_type(bare.with_timeout(None).with_limit(3).named("b"), Task[[int], Bare])
bare.with_retry()  # E: signature
bare.with_retry("3")  # E: argument
bare.with_retry(3, retry_on="OSError")  # E: argument
bare.with_retry(3, "0.5")  # E: argument
bare.with_retry(3, 0.5, OSError)  # E: signature
bare.with_timeout("1")  # E: argument
bare.with_limit("3")  # E: argument
bare.named(3)  # E: argument
bare.execute()  # E: attribute

# names
assert_type(bare.name, str)
assert_type(bare.__name__, str)
assert_type(bare.__qualname__, str)
assert_type(bare.__wrapped__, Callable[..., object])
assert_type(bare.__array_ufunc__, None)
bare.name = "other"  # E: read-only

# drains
zeros, others = Drain[Zero](), Drain[Bare]()
assert_type(nothing | zeros, Task[[], Zero])
assert_type(nothing.drain_to(zeros), Task[[], Zero])
nothing | others  # E: operand
nothing.drain_to(others)  # E: argument
nothing.drain_to(drain=zeros)  # E: signature
nothing | [Zero()]  # E: operand
nothing | None  # E: operand


# a task is a function to whoever takes one
plain: Callable[[int], Bare] = bare
general: Callable[[bool], object] = bare
assert_type(list(map(bare, [1])), list[Bare])
other: Callable[[str], Bare] = bare  # E: assignment
more: Callable[[int], Zero] = bare  # E: assignment


class Both:
    @stream
    def split(self, args: Args[str, Part]) -> None:
        assert_type(args.input, str)
        assert_type(args.drainer, Sink[Part])
        assert_type(args.attempt, int)
        assert_type(args.cancelled, bool)
        args.drainer.send(Part())
        args.drainer.send(Two())  # E: argument
        args.input = "other"  # E: read-only
        args.drainer = Drain[Part]()  # E: read-only
        args.attempt = 2  # E: read-only
        args.cancelled = True  # E: read-only


assert_type(list(Both().split("a")), list[Part])
assert_type("a" >> Both().split, Worker[Part])
assert_type(Both.split, Task[[Both, str], Iterator[Part], Part])
3 >> Both().split  # E: operand
assert_type(Args("a", Drain[Part](), attempt=2).attempt + 1, int)
given: Args[str, Part] = Args("a", Drain[object]())
Args("a")  # E: signature
Args("a", [])  # E: argument
Args("a", Drain[Part](), 2)  # E: signature
Args("a", Drain[Part](), attempt="2")  # E: argument
typed: Args[int, Part] = Args("a", Drain[Part]())  # E: assignment
