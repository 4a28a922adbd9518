"""The benchmarks judge others, so their checks, tables and guard are tested themselves."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import guard
import paths
import pytest
import suite
from typing_extensions import override

import loads
import peers
from fluent_async._build import GIL
from measuring import report
from measuring.load import Load, Ordered, WrongResultsError
from measuring.peer import Fn, Many, Peer, Start, Submit
from measuring.results import Results, Row, Sample
from peers.bare_threads import tried_twice
from peers.fluent import NoPolicy


ROOT = Path(__file__).parent.parent
ONE_BY_ONE = {"submitter", "decorated"}
IN_PROCESSES = {"import", "import-all", "first-task"}
HERE = [load for load in loads.ALL if load.name not in IN_PROCESSES]
ITEMS = 300


class Honest(Peer):
    """Does all the work in the thread that calls; a subclass lies about what came out."""

    name = "honest"

    def lie(self, outputs: list[int]) -> list[int]:
        """Say what came out."""
        return outputs

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        return self.lie([fn(value) for value in inputs])

    ordered = given = ran = drained

    @override
    def flow(self, fns: Sequence[Fn], inputs: Iterable[int], limit: int) -> list[int]:
        outputs = list(inputs)
        for fn in fns:
            outputs = [fn(value) for value in outputs]

        return self.lie(outputs)

    @override
    def stages(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int, maxsize: int
    ) -> list[int]:
        return self.flow(fns, inputs, limit)

    @override
    def slow_stages(
        self, fns: Sequence[Fn], inputs: Sequence[int], at_a_time: int, maxsize: int
    ) -> list[int]:
        return self.flow(fns, inputs, at_a_time)

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        return self.lie([output for value in inputs for output in fn(value)])

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        return self.drained(tried_twice(fn, delay), inputs, 1)

    @override
    def decorated(self, fn: Fn) -> Fn:
        return lambda value: self.lie([fn(value)])[0]

    @contextmanager
    @override
    def starter(self, limit: int) -> Generator[Start]:
        def start(fn: Callable[[], None]) -> None:
            for _ in self.lie([1]):
                fn()

        yield start

    @contextmanager
    @override
    def submitter(self, limit: int) -> Generator[Submit]:
        yield lambda fn, value: lambda: self.lie([fn(value)])[0]


class Loses(Honest):
    """Loses an output."""

    @override
    def lie(self, outputs: list[int]) -> list[int]:
        return outputs[:-1]


class Repeats(Honest):
    """Gives an output twice."""

    @override
    def lie(self, outputs: list[int]) -> list[int]:
        return [*outputs, outputs[-1]]


class Alters(Honest):
    """Gives other outputs."""

    @override
    def lie(self, outputs: list[int]) -> list[int]:
        return [output + 1 for output in outputs]


class Reverses(Honest):
    """Gives the outputs in another order."""

    @override
    def lie(self, outputs: list[int]) -> list[int]:
        return outputs[::-1]


class CannotStart(NoPolicy):
    """Can neither be imported nor run a task."""

    module = "no.such.module"


CannotStart.__module__, CannotStart.__name__ = NoPolicy.__module__, NoPolicy.__name__


def lies() -> list[tuple[Load, Peer]]:
    """Pair each load with the lies that can be told of it."""
    return [
        (load, liar)
        for load in HERE
        for liar in (Loses(), Repeats(), Alters(), Reverses())
        if _is_lie(load, liar)
    ]


def _is_lie(load: Load, liar: Peer) -> bool:
    if load.verb == "starter":
        return isinstance(liar, Repeats)

    if load.verb in ONE_BY_ONE:
        return isinstance(liar, Alters)

    return isinstance(load, Ordered) or not isinstance(liar, Reverses)


def names(value: object) -> str:
    """Name a load, or a kind of peer, in a test's name."""
    return value.name if isinstance(value, Load) else type(value).__name__


def items_of(load: Load) -> int:
    """Say how many items are enough for a test."""
    return load.quick if load.name == "skew" else ITEMS


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let items that sleep take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.usefixtures("no_sleep")
class TestLoad:
    """A load measures a peer, and checks what it did."""

    @pytest.mark.parametrize("load", HERE, ids=names)
    def test_takes_right_results(self, load: Load) -> None:
        """A peer that does the work gets a cost."""
        assert load.cost(Honest(), items_of(load)) >= 0

    @pytest.mark.parametrize(("load", "liar"), lies(), ids=names)
    def test_refuses_wrong_results(self, load: Load, liar: Peer) -> None:
        """Outputs that are lost, there twice, other ones or in disorder are an error."""
        with pytest.raises(WrongResultsError):
            load.cost(liar, items_of(load))

    @pytest.mark.parametrize(
        ("name", "says"),
        [("import", "No module named"), ("first-task", "NotImplementedError")],
    )
    def test_refuses_a_start_that_fails(self, name: str, says: str) -> None:
        """A process that ends with an error has no start-up time."""
        with pytest.raises(WrongResultsError, match=says):
            loads.named(name).cost(CannotStart(), 1)

    def test_gives_a_slow_peer_fewer_items(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A peer that would take longer than the budget is measured with less."""
        load = loads.named("noop")
        monkeypatch.setattr(type(load), "cost", lambda *_: 0.001)

        assert 500 == load.measure(Honest(), 400_000).size // 2


def measured() -> Results:
    """Return results that have one of each kind of row."""
    return Results(
        machine={
            "processor": "Abacus",
            "cores": "2",
            "system": "Linux",
            "python": "CPython 3.11.7",
            "build": "with the GIL",
        },
        versions={"fluent_async": "1.0"},
        missing={"gone": "cannot be imported: No module named 'gone'"},
        rounds=3,
        quick=False,
        rows=[
            Row(
                "noop",
                report.OURS,
                [Sample(cost, 1e-8, 9) for cost in (2e-8, 1e-8, 4e-8)],
            ),
            Row("noop", "other", [Sample(5e-7, 1e-8, 7)], None),
            Row("noop", "hangs", [], "hung: no result after 120 s"),
        ],
    )


class TestReport:
    """Results are kept as JSON, and shown as Markdown."""

    def test_is_written_from_json(self, tmp_path: Path) -> None:
        """What was saved says the same as what was measured."""
        measured().save(tmp_path / "results.json")
        read = Results.load(tmp_path / "results.json")

        assert measured() == read
        assert list(report.tables(measured())) == list(report.tables(read))

    @pytest.mark.parametrize(
        "line",
        [
            "| **fluent_async** (to reach: ≤ 2.00) | 20.00 | 2.00 | 1.00 - 4.00 | 9 |",
            "| other | 500 | 50.0 | 50.0 - 50.0 | 7 |",
            "| hangs | hung: no result after 120 s |  |  |  |",
            "- gone: cannot be imported: No module named 'gone'",
        ],
    )
    def test_shows_every_peer(self, line: str) -> None:
        """The table has the median and the spread, and says what could not be measured."""
        assert line in list(report.tables(measured()))

    def test_sums_up_in_a_line_a_load(self) -> None:
        """The summary has our ratio, what it is to be, and the best of the others."""
        expected = (
            "| no-op batch, drained | a bare loop | 2.00 | 1.00 - 4.00 | ≤ 2.00 "
            "| other 50.0 |"
        )

        assert expected == list(report.summary(measured()))[-1]

    @pytest.mark.skipif(not GIL, reason="the pages say what is to reach with the GIL")
    def test_is_what_the_pages_show(self) -> None:
        """README and docs show the results that are kept beside the charts."""
        kept = Results.load(ROOT / "docs" / "benchmarks" / "results.json")

        for page, text in report.pages(kept, ROOT).items():
            assert text == (ROOT / page).read_text(encoding="utf-8")


class TestSuite:
    """Each measurement is a process of its own."""

    def test_reports_a_measurement_that_hangs(self) -> None:
        """A process that takes too long is ended, and that is what came of it."""
        answer = suite.ask("probe", "executor:Maps", patience=0.0)

        assert {"problem": "hung: no result after 0 s"} == answer

    def test_reports_a_peer_that_is_not_installed(self) -> None:
        """A peer whose library is not there is not dropped in silence."""
        answer = suite.ask("probe", "nobody:Nobody")

        assert {
            "problem": "cannot be imported: No module named 'peers.nobody'"
        } == answer

    def test_reports_a_measurement_that_breaks(self) -> None:
        """What a process says last, before it ends without a result, is kept."""
        answer = suite.ask("measure", "noop", "fluent:NoPolicy", "10")

        assert {"problem": "broke: NotImplementedError"} == answer

    def test_measures_in_a_process(self) -> None:
        """An answer has the cost, that of the base, and for how many items."""
        answer = suite.ask("measure", "noop", "bare_threads:BareThreads", "10")

        assert {"cost", "base", "size"} == answer.keys()

    def test_knows_files_for_all_its_peers(self) -> None:
        """Each peer that is named has its file."""
        folder = ROOT / "benchmarks" / "peers"

        assert all(
            (folder / f"{name.partition(':')[0]}.py").exists() for name in peers.NAMES
        )


class TestGuard:
    """The hot paths may not become dearer."""

    BEFORE: ClassVar = {
        "bare": 1000.0,
        "batch": 1600.0,
        "course": 2700.0,
        "streams": 1500.0,
        "given": 9900.0,
        "call": 2500.0,
    }

    def test_lets_pass_what_is_the_same(self) -> None:
        """What costs the same, or nearly, is no change."""
        now = self.BEFORE | {"batch": 1.09 * 1600}

        assert not any(verdict.slower for verdict in guard.judged(now, self.BEFORE))

    @pytest.mark.parametrize("path", guard.PATHS)
    def test_fails_over_a_tenth(self, path: str) -> None:
        """A path that takes a tenth more instructions is named, and no other."""
        now = self.BEFORE | {path: 1.11 * self.BEFORE[path]}

        slower = [
            verdict.path for verdict in guard.judged(now, self.BEFORE) if verdict.slower
        ]
        assert [path] == slower

    def test_allows_for_another_build_of_python(self) -> None:
        """Where a bare loop takes more, all the paths may."""
        now = {path: 1.3 * count for path, count in self.BEFORE.items()}

        assert not any(verdict.slower for verdict in guard.judged(now, self.BEFORE))

    def test_says_so_without_valgrind(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is compared in silence: it fails, and says what is missing."""
        monkeypatch.setattr("sys.argv", ["guard.py"])
        monkeypatch.setattr("shutil.which", lambda _: None)

        assert 2 == guard.main()
        assert guard.NO_VALGRIND in capsys.readouterr().err

    @pytest.mark.parametrize("path", paths.PATHS)
    def test_takes_paths_that_work(self, path: str) -> None:
        """Each path gives every output, in order."""
        assert list(range(3000)) == paths.PATHS[path](3000)

    @pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
    def test_has_a_baseline_of_each_path(self, python: str) -> None:
        """Each Python that is guarded knows what the paths took."""
        baseline = ROOT / "benchmarks" / "baselines" / f"{python}.json"

        assert set(self.BEFORE) == set(guard.read(baseline))
