"""docs/typing.md: what its tables show works in Python, or fails as they say."""

import builtins
from collections.abc import Iterator

import pytest

import page
from fluent_async.futures import ThreadPoolExecutor


ROWS = page.rows()


@pytest.fixture
def names() -> Iterator[dict[str, object]]:
    """Run the code of the page, and give its names."""
    found: dict[str, object] = {"__name__": "page"}
    exec(page.setup(), found)  # noqa: S102  (the page is the test)
    yield found
    executor = found["executor"]
    assert isinstance(executor, ThreadPoolExecutor)
    executor.shutdown()


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.instead], ids=lambda row: row.written
)
def test_the_way_round_gives_the_same(row: page.Row, names: dict[str, object]) -> None:
    """What not every checker takes works in Python, and so does what to write instead."""
    assert row.instead is not None
    written, instead = eval(row.written, names), eval(row.instead, names)  # noqa: S307

    assert type(written) is type(instead)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.raises], ids=lambda row: row.written
)
def test_what_no_checker_sees_is_refused(
    row: page.Row, names: dict[str, object]
) -> None:
    """What is wrong, and some checker takes, Python refuses at once."""
    assert row.raises is not None
    with pytest.raises(getattr(builtins, row.raises)):
        eval(row.written, names)  # noqa: S307


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if not row.raises and "refuses" not in row.checkers.values()],
    ids=lambda row: row.written,
)
def test_what_all_checkers_take_works(row: page.Row, names: dict[str, object]) -> None:
    """What nobody refuses, Python does not either: not at once."""
    eval(row.written, names)  # noqa: S307
