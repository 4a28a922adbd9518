"""The whole surface in one pipeline, as README shows it."""

from collections.abc import Iterator
from typing import assert_type

from fluent_async import Args, Drain, Pool, Worker, Workers, each, run, stream, task


class Page: ...


class Record: ...


@task(retry=3, backoff=0.2)
def fetch(url: str) -> Page:
    return Page()


@task
def fetch_within(url: str, timeout: float = 3.0) -> Page:
    return Page()


@stream
def parse(page: Page) -> Iterator[Record]:
    yield Record()


@task
def ping() -> int:
    return 1


@stream(retry=2)
def greet(args: Args[str, Page]) -> None:
    args.drainer.send(Page())


@task
def log(value: object, prefix: str = "") -> None: ...


class Client:
    @task(retry=2)
    def get(self, path: str) -> Page:
        assert path
        return Page()


pages = Drain[Page]()
records = Drain[Record]()
client = Client()

# a decorated function is still that function
assert_type(fetch("u"), Page)
assert_type(fetch(url="u"), Page)
assert_type(client.get("p"), Page)
log(3, prefix="p")
3 >> log
assert_type(list(greet("u")), list[Page])
greet(3)  # E: argument
fetch(3)  # E: argument
fetch()  # E: signature
client.get(3)  # E: argument

# >> binds an input, from either side
assert_type("u" >> fetch, Worker[Page])
assert_type("u" >> fetch_within, Worker[Page])
assert_type("u" >> client.get, Worker[Page])
assert_type("u" >> greet, Worker[Page])
assert_type(fetch >> "u", Worker[Page])
assert_type(fetch.with_input(url="u"), Worker[Page])
3 >> fetch  # E: operand
fetch >> 3  # E: operand
3 >> client.get  # E: operand
fetch.with_input(3)  # E: argument
fetch >> pages  # E: operand

# | drains outputs
assert_type("u" >> fetch | pages, Worker[Page])
assert_type(fetch.with_input("u").with_retry(3) | pages, Worker[Page])
assert_type("u" >> greet | pages, Worker[Page])
"u" >> fetch | records  # E: operand
"u" >> greet | records  # E: operand

# many inputs
assert_type(each(["u"]) >> fetch, Workers[Page])
assert_type(each(["u"]) >> client.get | pages, Workers[Page])
assert_type(
    Workers(fetch_within.with_input(u, timeout=t) for u, t in [("u", 1.0)]),
    Workers[Page],
)
each([1]) >> fetch  # E: operand

# stages: a drain feeds the next task, and tasks compose
assert_type(pages >> parse | records, Workers[Record])
assert_type(each(["u"]) >> fetch >> parse | records, Workers[Record])
assert_type("u" >> fetch >> parse, Worker[Record])
assert_type("u" >> (fetch >> parse), Worker[Record])
assert_type((fetch >> parse)("u"), Iterator[Record])
assert_type((ping >> log)(), None)
records >> parse  # E: operand
fetch >> fetch  # E: operand
each(["u"]) >> fetch >> fetch  # E: operand

# only what has its input can run
Pool().go("u" >> fetch | pages, each(["u"]) >> fetch, ping)
assert_type(run(each(["u"]) >> fetch), list[Page])
assert_type(run("u" >> fetch, "v" >> fetch_within), list[Page])
assert_type(run(ping), list[int])
Pool().go(fetch)  # E: argument
fetch.execute()  # E: attribute
run(fetch)  # E: argument
