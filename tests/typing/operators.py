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
3 >> fetch  # E
fetch >> 3  # E
3 >> with_default  # E
Page() >> pair  # E
pair >> Page()  # E

# composition takes what is more general, and a stream makes a stream
assert_type(fetch >> words, Task[[str], Iterator[Word], Word])
assert_type(words >> count, Task[[Page], Iterator[Count], Count])
assert_type(fetch >> words >> count, Task[[str], Iterator[Count], Count])
assert_type((fetch >> words >> count)("u"), Iterator[Count])
assert_type("u" >> (fetch >> words), Worker[Word])
assert_type("u" >> fetch >> words >> count, Worker[Count])
fetch >> count  # E
words >> fetch  # E
fetch >> pair  # E
"u" >> fetch >> count  # E
("u" >> fetch) >> "u"  # E

# many inputs
assert_type(each(["u"]), Each[str])
assert_type(each(["u"]) >> fetch, Workers[Site])
assert_type(each({"u": 1}) >> fetch >> words, Workers[Word])
assert_type(Workers(u >> fetch for u in ["u"]), Workers[Site])
each(3)  # E
each([3]) >> fetch  # E
each(["u"]) >> pair  # E
Workers(["u"])  # E
Workers("u" >> fetch)  # E

# drains
sites, pages, anything = Drain[Site](), Drain[Page](), Drain[object]()
assert_type("u" >> fetch | sites | pages | anything, Worker[Site])
assert_type(each(["u"]) >> fetch | pages, Workers[Site])
assert_type(pages >> words | Drain[Word](), Workers[Word])
"u" >> fetch | Drain[Word]()  # E
each(["u"]) >> fetch | Drain[Word]()  # E
"u" >> words  # E
anything >> words  # E
fetch >> pages  # E
"u" >> fetch >> pages  # E
"u" >> fetch | pages >> words  # E
pages | sites  # E
