"""structlog: what pools log comes out as its events, with no code of ours."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from fluent_async import Drain, Pool, each, task
from support import TIMEOUT, FakeClock, Gate, poll
from work import at, double, fail


Events = Callable[[], list[dict[str, object]]]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Events]:
    """Log as JSON what structlog is told, and what the standard log is."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
    ]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    before = root.level
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.setLevel(before)
    structlog.reset_defaults()


def test_shows_what_a_pool_logs(events: Events) -> None:
    """A record is an event, with its level and the name of our logger."""
    pages = Drain[int](1, name="pages")
    with Pool(2, name="crawl") as pool:
        pool.go(each(range(9)) >> double | pages)

    why = "it is full, nobody reads it, and nothing else could move"

    assert events() == [
        {
            "event": f"crawl: Drain(1, name='pages') gave way: {why}",
            "logger": "fluent_async",
            "level": "warning",
        }
    ]


def test_shows_what_tasks_log_beside_it(events: Events) -> None:
    """A task's own events and the pool's come in one order and one form."""

    @task(retry=2)
    def complain(number: int) -> None:
        structlog.get_logger("app").info("tries", number=number)
        raise ValueError

    Pool(1, name="crawl").go(7 >> complain).close()

    assert [(event["logger"], event["level"]) for event in events()] == [
        ("app", "info"),
        ("fluent_async", "info"),
        ("app", "info"),
        ("fluent_async", "warning"),
    ]
    assert [event.get("number") for event in events()] == [7, None, 7, None]


def test_adds_what_was_bound_where_work_was_given(events: Events) -> None:
    """What was bound at `go()` is in the records on its attempts, in any thread."""
    with FakeClock() as clock, Pool(3, on_error="keep", name="crawl") as pool:
        clock.hold()
        with Gate() as gate:
            for number in (1, 2):
                with structlog.contextvars.bound_contextvars(request=number):
                    pool.go(number >> at(gate).hold.with_timeout(5))
                    pool.go(number >> fail.with_retry(2))

            gate.wait_for(2)
            clock.wait_for_waits()
            clock.advance(6)
            assert poll(lambda: pool.stats().failed == 4, TIMEOUT)

    retries = [e["request"] for e in events() if "attempt 1 of" in str(e["event"])]
    late = [e["request"] for e in events() if "over its timeout" in str(e["event"])]

    assert sorted(map(str, retries)) == ["1", "2"]
    assert sorted(map(str, late)) == ["1", "2"]


def test_gets_one_line_for_each_record(events: Events) -> None:
    """Control characters of names and inputs are escaped before they get there."""
    pool = Pool(name="a\nb", describe=lambda _: "\x1b[2J\nroot logged in")
    pool.go(7 >> fail).close()

    [event] = events()

    assert str(event["event"]).isprintable()
    assert str(event["event"]).startswith(r"a\nb: nobody was shown that fail(\x1b[2J\n")
