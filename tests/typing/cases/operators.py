"""Operators: >> binds inputs and composes, | drains outputs."""

from collections.abc import Iterator
from typing import assert_type

from fluent_async import Drain, Each, Task, Worker, Workers, each, stream, task


class Page: ...


class Site(Page): ...


class Word: ...


class Count: ...


class Total: ...


@task
def fetch(url: str, /) -> Site:
    return Site()


@stream
def words(page: Page, /) -> Iterator[Word]:
    yield Word()


@task
def count(word: Word, /) -> Count:
    return Count()


@task
def pair(left: Page, right: Page, /) -> Total:
    return Total()


@task
def with_default(url: str, /, timeout: float = 1.0) -> Total:
    return Total()


# one input, from either side
assert_type("u" >> fetch, Worker[Site])
assert_type(fetch >> "u", Worker[Site])
assert_type("u" >> with_default, Worker[Total])
assert_type(with_default >> "u", Worker[Total])
3 >> fetch  # E: operand
fetch >> 3  # E: operand
3 >> with_default  # E: operand
Page() >> pair  # E: operand
pair >> Page()  # E: operand

# composition takes what is more general, and a stream makes a stream
assert_type(fetch >> words, Task[[str], Iterator[Word], Word])
assert_type(words >> count, Task[[Page], Iterator[Count], Count])
assert_type(fetch >> words >> count, Task[[str], Iterator[Count], Count])
assert_type((fetch >> words >> count)("u"), Iterator[Count])
assert_type("u" >> (fetch >> words), Worker[Word])
assert_type("u" >> fetch >> words >> count, Worker[Count])
fetch >> count  # E: operand
words >> fetch  # E: operand
fetch >> pair  # E: operand
"u" >> fetch >> count  # E: operand
("u" >> fetch) >> "u"  # E: operand

# many inputs
assert_type(each(["u"]), Each[str])
assert_type(each(["u"]) >> fetch, Workers[Site])
assert_type(each({"u": 1}) >> fetch >> words, Workers[Word])
assert_type(Workers(u >> fetch for u in ["u"]), Workers[Site])
assert_type(Each(["u"]), Each[str])
assert_type(each(zip(["u"], [1], strict=True)), Each[tuple[str, int]])
assert_type(each(Drain[Page]()) >> words, Workers[Word])
each(3)  # E: argument
each(values=["u"])  # E: signature
Each(3)  # E: argument
Each(values=["u"])  # E: signature
each([3]) >> fetch  # E: operand
each(["u"]) >> pair  # E: operand
Workers(["u"])  # E: argument
Workers("u" >> fetch)  # E: argument
Workers(workers=["u" >> fetch])  # E: signature

# drains
sites, pages, anything = Drain[Site](), Drain[Page](), Drain[object]()
assert_type("u" >> fetch | sites | pages | anything, Worker[Site])
assert_type(each(["u"]) >> fetch | pages, Workers[Site])
assert_type(pages >> words | Drain[Word](), Workers[Word])
"u" >> fetch | Drain[Word]()  # E: operand
each(["u"]) >> fetch | Drain[Word]()  # E: operand
"u" >> words  # E: operand
anything >> words  # E: operand
fetch >> pages  # E: operand
"u" >> fetch >> pages  # E: operand
"u" >> fetch | pages >> words  # E: operand
pages | sites  # E: operand
