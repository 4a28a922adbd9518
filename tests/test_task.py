"""Tasks: a decorated function is still that function, with its policy."""

import copy
import functools
import inspect
import pickle
import typing
from collections.abc import Callable, Generator, Iterator

import pytest

from fluent_async import Args, Drain, Task, Worker, each, run, stream, task


def double(number: int) -> int:
    """Double a number."""
    return 2 * number


doubled = task(double)
checked = task("{}!".format)


def count(up_to: int) -> Iterator[int]:
    """Count from 0."""
    yield from range(up_to)


counted = stream(count)


def repeat(args: Args[str, str]) -> None:
    """Send the input twice, and say what is sent."""
    args.drainer.send(args.input)
    args.drainer.send(f"{args.input} again")


repeated = stream(repeat)


def make(cls: type, name: str) -> str:
    """Name what a class makes."""
    return f"{cls.__name__} {name}"


class Client:
    """Its methods are tasks."""

    def __init__(self, host: str) -> None:
        self.host = host

    @task
    def get(self, path: str) -> str:
        """Get a page."""
        return f"{self.host}/{path}"

    @task(retry=2)
    def fail(self, path: str) -> str:
        """Fail."""
        raise ConnectionError(path)

    @stream
    def lines(self, path: str) -> Iterator[str]:
        """Get lines."""
        yield f"{self.host}/{path}"

    @stream
    def send(self, args: Args[str, str]) -> None:
        """Send a page."""
        args.drainer.send(f"{self.host}/{args.input}")

    @staticmethod
    @task
    def outside(path: str) -> str:
        """Get a page of nobody."""
        return path

    @task
    @staticmethod
    def inside(path: str) -> str:
        """Get a page of nobody."""
        return path

    length = task(len)
    shortened = task(functools.partial(double, 3))
    checked = get >> checked
    """A composition is a method as its first task is."""


class TestTask:
    """`@task`: one output per input, what the function returns."""

    def test_is_called_as_the_function(self) -> None:
        """Positions and keywords mean what they mean to the function."""
        assert (8, 8) == (doubled(4), doubled(number=4))

    def test_raises_type_error_for_wrong_arguments(self) -> None:
        """A call that does not fit is Python's own TypeError, naming the function."""
        with pytest.raises(TypeError, match=r"double\(\) missing 1 required"):
            doubled()  # type: ignore[call-arg]

        with pytest.raises(TypeError, match=r"double\(\) got an unexpected keyword"):
            task(retry=2)(double)(other=1)  # type: ignore[call-arg]

    def test_returns_none_like_any_other_output(self) -> None:
        """None is an output."""
        values = Drain[None]()
        (1 >> task(lambda _: None) | values).execute()

        assert [None] == values.drain()

    @pytest.mark.parametrize(
        "fn",
        [
            double,
            lambda number: 2 * number,
            functools.partial(lambda factor, number: factor * number, 2),
            (2).__mul__,
            type("Callable", (), {"__call__": lambda _, number: 2 * number})(),
        ],
        ids=["function", "lambda", "partial", "builtin", "object"],
    )
    def test_takes_anything_callable(self, fn: Callable[[int], int]) -> None:
        """Functions, lambdas, partials, builtins and objects all can be tasks."""
        made = task(fn)
        worker = 4 >> made

        assert made(4) == 8
        assert isinstance(worker, Worker)

    def test_is_immutable(self) -> None:
        """with_*, | and >> return new tasks; the one they are called on stays as it is."""
        before = repr(doubled), doubled._steps  # noqa: SLF001
        made = [
            doubled.with_retry(3),
            doubled.with_timeout(1),
            doubled.with_limit(2),
            doubled.named("other"),
            doubled | Drain[int](),
            doubled >> doubled,
        ]

        assert all(each is not doubled for each in made)
        assert before == (repr(doubled), doubled._steps)  # noqa: SLF001


class TestIdentity:
    """A task looks like the function it was made of."""

    def test_has_the_functions_attributes(self) -> None:
        """R13: Name, qualified name, module, docstring and annotations are the function's."""
        for name in functools.WRAPPER_ASSIGNMENTS:
            assert getattr(double, name, None) == getattr(doubled, name, None)

    def test_wrapped_is_the_bare_function(self) -> None:
        """`__wrapped__` is the function itself; of a method, the bound method."""
        assert doubled.__wrapped__ is double
        assert (3 >> doubled >> doubled) is not None
        assert (doubled >> counted).__wrapped__ is double
        assert Client("a").get.__wrapped__("b") == "a/b"

    def test_has_the_functions_signature(self) -> None:
        """R13: `inspect` and `typing` see through it, to methods without `self`."""
        assert inspect.signature(double) == inspect.signature(doubled)
        assert typing.get_type_hints(double) == typing.get_type_hints(doubled)
        assert str(inspect.signature(Client("a").get)) == "(path: str) -> str"
        assert inspect.isgeneratorfunction(counted)

    def test_may_have_no_annotations(self) -> None:
        """An object that can be called has none; `typing` sees that, too."""

        class Plain:
            __slots__ = ()

            def __call__(self, number: int, /) -> int:
                return number

        plain = task(Plain())

        assert 3 == plain(3)
        assert {} == typing.get_type_hints(plain)

    def test_of_what_has_no_name_has_that_of_its_type(self) -> None:
        """Python asks a function for both of its names."""
        bound = task(functools.partial(double, 3))

        assert ("double", "double") == (bound.__name__, bound.__qualname__)

    def test_has_a_name(self) -> None:
        """The name is the function's, or the one given; a composition names its tasks."""
        assert doubled.name == "double"
        assert doubled.named("twice").name == "twice"
        assert task(name="twice")(double).name == "twice"
        assert (doubled >> counted).name == "double >> count"
        assert task(functools.partial(double, 3)).name == "double"
        assert doubled.named("twice").__name__ == "double"

    def test_repr_shows_its_parameters(self) -> None:
        """The repr names task and parameters, without the defaults, which may be long."""

        @task
        def many(a: int, *rest: int, b: int = 0, **others: int) -> None: ...

        assert repr(many) == "@task def many(a, *rest, b=..., **others)"
        assert repr(Client("a").get) == "@task def get(path)"
        assert repr(task(type)) == "@task def type()"

    def test_copies_and_pickles_by_name(self) -> None:
        """As functions do, it is its own copy, and pickles as its qualified name."""
        assert copy.copy(doubled) is doubled
        assert copy.deepcopy([doubled])[0] is doubled
        assert b"doubled" not in pickle.dumps(renamed)
        assert pickle.loads(pickle.dumps(renamed)) is renamed  # noqa: S301

    def test_says_what_to_write_for_execute(self) -> None:
        """A task without input cannot be executed, and says how to give it one."""
        with pytest.raises(AttributeError, match="write `value >> double`"):
            doubled.execute()  # type: ignore[attr-defined]

        assert not hasattr(doubled, "other")


@task
def renamed() -> None:
    """Pickle by the name of a module."""


class TestMethods:
    """Methods bind as functions do."""

    def test_binds_to_the_instance(self) -> None:
        """A task of a class is a method of its instances."""
        client = Client("a")

        assert client.get("b") == "a/b"
        assert Client.get(client, "b") == "a/b"
        assert list(client.lines("b")) == ["a/b"]
        assert list(client.send("b")) == ["a/b"]

    def test_binds_an_input(self) -> None:
        """`value >> instance.method` is a worker of that instance."""
        pages = Drain[str]()
        client = Client("a")
        for method in (client.get, client.lines, client.send):
            ("b" >> method | pages).execute()

        assert ["a/b"] * 3 == pages.drain()

    def test_is_retried(self) -> None:
        """A method retries, and its failures show the input without the instance."""
        with pytest.raises(ConnectionError) as caught:
            Client("a").fail("b")

        assert caught.value.__notes__[0].startswith("fail('b') failed after 2 attempts")

    def test_of_args_is_not_retried_when_called(self) -> None:
        """It gives what was sent, whatever its policy is for workers."""

        class Owner:
            @stream(retry=2)
            def send(self, args: Args[str, str]) -> None:
                args.drainer.send(args.input)

        assert ["a"] == list(Owner().send("a"))

    def test_of_a_composition_binds_its_first_task(self) -> None:
        """A composition in a class is a method, too."""
        assert Client("a").checked("b") == "a/b!"

    def test_keeps_its_docstring(self) -> None:
        """A method has the docstring of its function."""
        assert Client("a").get.__doc__ == "Get a page."

    def test_static_methods_do_not_bind(self) -> None:
        """`staticmethod` works above the decorator and below it."""
        client = Client("a")

        assert Client.outside("b") == Client.inside("b") == "b"
        assert client.outside("b") == "b"  # type: ignore[call-arg]  # mypy binds these
        assert client.inside("b") == "b"  # type: ignore[call-arg]

    def test_what_is_no_function_does_not_bind(self) -> None:
        """Builtins and partials stay what they are, as they do without a decorator."""
        assert Client("a").length("bc") == 2  # type: ignore[call-arg]
        assert Client("a").shortened() == 6

    def test_with_settings_is_still_a_method(self) -> None:
        """A method that was changed keeps its instance."""
        assert Client("a").get.with_retry(2).named("other")("b") == "a/b"


class TestStream:
    """`@stream`: any number of outputs, yielded, returned or sent."""

    def test_of_a_generator_gives_the_generator(self) -> None:
        """Calling it gives the generator itself."""
        made = counted(2)

        assert isinstance(made, Generator)
        assert list(made) == [0, 1]

    def test_of_a_returned_iterable_gives_an_iterator(self) -> None:
        """Calling it gives an iterator over the items."""
        letters = stream(lambda text: list(text))  # noqa: PLW0108

        assert next(letters("ab")) == "a"

    def test_of_args_gives_an_iterator_over_what_was_sent(self) -> None:
        """Calling it with the input gives what the function sends."""
        assert list(repeated("a")) == ["a", "a again"]

    def test_of_args_raises_after_what_was_sent(self) -> None:
        """An exception comes out where it was raised: after the outputs before it."""

        @stream
        def broken(args: Args[int, int]) -> None:
            args.drainer.send(args.input)
            raise ConnectionError

        outputs = broken(1)

        assert next(outputs) == 1
        with pytest.raises(ConnectionError):
            next(outputs)

    def test_is_not_retried_when_called(self) -> None:
        """A stream returns before it can fail, so a call of it is not retried."""
        attempts: list[int] = []

        @stream(retry=3)
        def broken(number: int) -> Iterator[int]:
            attempts.append(number)
            raise ConnectionError
            yield

        with pytest.raises(ConnectionError):
            list(broken(1))

        assert attempts == [1]

    def test_that_returns_no_iterable_says_so(self) -> None:
        """A function that returns something else is a TypeError that says what to do."""
        with pytest.raises(TypeError, match="must yield, return an iterable, or take"):
            stream(lambda: None)()  # type: ignore[arg-type,return-value]

    def test_of_args_checks_its_input_when_called(self) -> None:
        """A call that does not fit fails at once, not when it is iterated."""
        with pytest.raises(TypeError, match="too many positional arguments"):
            repeated("a", "b")  # type: ignore[call-arg]

        with pytest.raises(TypeError, match=r"repeat\(input\) has no input"):
            repeated()  # type: ignore[call-arg]

    def test_is_out_of_reach_of_a_pools_policy_unless_it_takes_args(self) -> None:
        """Generators and returned iterables are retried by their own policy alone."""
        steps = [made._steps[0] for made in (doubled, repeated, counted)]  # noqa: SLF001

        assert [True, True, False] == [step.retried_by_pool for step in steps]


class TestArgs:
    """What a function that asks for it is called with."""

    def test_can_be_made_to_call_the_bare_function(self) -> None:
        """A test makes its own Args, with any sink."""
        sent = Drain[str]()
        repeat(Args("a", sent))

        assert sent.drain() == ["a", "a again"]

    def test_tells_input_drainer_and_attempt(self) -> None:
        """They are read, not set."""
        sent = Drain[str]()
        args = Args("a", sent, attempt=2)

        assert (args.input, args.drainer, args.attempt) == ("a", sent, 2)
        with pytest.raises(AttributeError):
            args.input = "b"  # type: ignore[misc]

    def test_is_not_cancelled_outside_a_pool(self) -> None:
        """Nobody tells a call in one's own thread to end."""
        assert not Args("a", Drain[str]()).cancelled

    @pytest.mark.parametrize(
        "annotation",
        [
            "Args[str, str]",
            "fluent_async.Args[str, Unknown]",
            "Job",
            "Unseen.Args[str]",
        ],
    )
    def test_is_found_in_annotations_that_are_strings(self, annotation: str) -> None:
        """Names that only type checkers import, dotted names and aliases are seen."""
        import fluent_async  # noqa: PLC0415

        def fn(job: object) -> None: ...

        fn.__annotations__ = {"job": annotation, "return": None}
        fn.__globals__.setdefault("fluent_async", fluent_async)
        made = stream(fn)  # type: ignore[var-annotated]

        assert repr(made) == "@stream def fn(input)"

    @pytest.mark.parametrize("annotation", ["str", "Other[Args]", int, "list[Args]"])
    def test_is_not_seen_in_others(self, annotation: object) -> None:
        """Only Args itself makes an Args function."""

        def fn(job: object) -> list[object]:
            return [job]

        fn.__annotations__ = {"job": annotation, "return": list}

        assert list(stream(fn)(3)) == [3]


Job = Args[str, str]


class TestRefusals:
    """What can be no task says so where it is decorated, and what to write."""

    @pytest.mark.parametrize(
        "decorator", [task, stream, task(retry=2), stream(retry=2)]
    )
    @pytest.mark.parametrize(
        ("fn", "says"),
        [
            (classmethod(make), r"not on a classmethod: .* write `name = \w+\(Class"),
            (staticmethod(doubled), "is on a Task already"),
            (functools.partial(doubled, 3), "is on a Task already"),
            (Client("a").get, "is on a Task already"),
        ],
        ids=repr,
    )
    def test_of_what_holds_a_task_or_a_class(
        self, decorator: Callable[[object], object], fn: object, says: str
    ) -> None:
        """I6: A task is found in what wraps it; a classmethod is told what to write."""
        with pytest.raises(TypeError, match=says):
            decorator(fn)

    @pytest.mark.parametrize("decorator", [task, stream])
    def test_of_async_functions(self, decorator: Callable[[object], object]) -> None:
        """R14: Coroutine functions and async generator functions are for event loops."""

        async def coroutine() -> None: ...

        async def generator() -> typing.AsyncIterator[int]:
            yield 1

        called = type("Called", (), {"__call__": coroutine})()
        for fn in (coroutine, generator, functools.partial(coroutine), called):
            with pytest.raises(TypeError, match=r"not on an async one: .* plain `def`"):
                decorator(fn)

    @pytest.mark.parametrize(
        "fn",
        [
            count,
            functools.partial(count, 3),
            staticmethod(count),
            type("Counter", (), {"__call__": count})(),
        ],
        ids=["function", "partial", "staticmethod", "object"],
    )
    def test_of_generators_under_task(self, fn: Callable[[], object]) -> None:
        """R14: `@task` on a generator function says to write @stream."""
        with pytest.raises(TypeError, match="is a generator function: write @stream"):
            task(fn)

    def test_of_args_under_task(self) -> None:
        """`@task` on a function that takes Args says to write @stream."""
        with pytest.raises(TypeError, match="repeat takes Args: write @stream"):
            task(repeat)

    def test_of_args_that_yield(self) -> None:
        """A function sends or yields, not both."""

        def both(args: Args[int, int]) -> Iterator[int]:
            yield args.input

        with pytest.raises(TypeError, match=r"both takes Args and yields: .*\.send"):
            stream(both)

    def test_of_args_with_other_input(self) -> None:
        """Args hold the whole input of a function."""

        def more(args: Args[int, int], key: str) -> None: ...

        with pytest.raises(TypeError, match=r"more takes Args, .* and key: give key"):
            stream(more)  # type: ignore[arg-type]

    def test_of_classmethods_leaves_a_way(self) -> None:
        """What the error says to write works."""

        class Factory:
            @classmethod
            def made(cls, name: str) -> str:
                return make(cls, name)

        assert task(Factory.made)("a") == "Factory a"


class TestChanged:
    """What `with_...` and `>>` leave of a task."""

    def test_is_tried_again_at_once_by_default(self) -> None:
        """`with_retry(2)` says nothing of a delay."""
        assert "@task(retry=2) def double(number)" == repr(doubled.with_retry(2))

    def test_is_still_a_method(self) -> None:
        """A task that was changed becomes a method where its function would."""

        class Pages:
            def get(self, path: str) -> str:
                return f"{type(self).__name__} {path}"

            again = task(get).with_retry(2)

        assert "Pages a" == Pages().again("a")

    def test_takes_the_input_of_its_first_task(self) -> None:
        """A composition takes what the first takes, whatever the others do."""

        @task
        def add(one: int, other: int) -> int:
            return one + other

        composed = add >> doubled

        assert [6] == run(composed.with_input(1, 2))
        with pytest.raises(TypeError, match="add"):
            composed.with_input(1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="add"):
            each([1]) >> composed  # type: ignore[operator]

    def test_is_made_by_a_decorator_alone(self) -> None:
        """Nobody calls the class."""
        with pytest.raises(TypeError, match="made by a decorator"):
            Task()
