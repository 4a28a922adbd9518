"""The picture of a pool: its stages and drains, as Mermaid text and as an SVG."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from typing_extensions import override

from fluent_async import Drain, Pool, Workers, each, stream, task
from fluent_async._mermaid import mermaid
from fluent_async._monitor import inside
from fluent_async._picture import Box, Picture, Shape
from fluent_async._svg import svg
from support import TIMEOUT, Gate, poll
from work import Form, at, double, every_form, fail


BOX = re.compile(r'^    n(\d+)\S*?"(.*?)"', re.MULTILINE)
ARROW = re.compile(r"^    n(\d+) --> n(\d+)$", re.MULTILINE)
CODE = re.compile(r"#(\d+);")


def lines(text: str) -> str:
    """Read a label of Mermaid's as a browser shows it; line ends are slashes."""
    shown = CODE.sub(lambda code: chr(int(code[1])), text.replace("<br/>", " / "))
    return shown.replace("\u2060", "")


def boxes(pool: Pool) -> list[str]:
    """Read the boxes of a pool's picture, in their order."""
    return [lines(label) for _, label in BOX.findall(pool.to_mermaid())]


def arrows(pool: Pool) -> list[str]:
    """Read the arrows, each with the first line of its two boxes."""
    text = pool.to_mermaid()
    names = {number: lines(label).split(" /")[0] for number, label in BOX.findall(text)}
    return [f"{names[start]} -> {names[end]}" for start, end in ARROW.findall(text)]


def texts(drawn: str) -> list[str]:
    """Read the texts of an SVG."""
    root = ET.fromstring(drawn)  # noqa: S314  (it is ours)
    return [node.text or "" for node in root.iter() if node.tag.endswith("}text")]


@stream
def twice(number: int, /) -> Iterator[int]:
    """Give a number twice."""
    yield number
    yield number


class TestGraph:
    """What is in the picture."""

    def test_is_empty_at_first(self) -> None:
        """A pool without work has its name and its limit."""
        pool = Pool(4, name="crawl")

        assert [] == boxes(pool)
        assert 'pool["crawl: 0 of 4 running"]' in pool.to_mermaid()

    def test_has_stages_and_drains(self) -> None:
        """A stage is between the drain that feeds it and those it drains to."""
        pages, words = Drain[int](5, name="pages"), Drain[int](name="words")
        with Pool() as pool:
            pool.go(pages >> twice | words, words >> double >> double)

            assert [
                "pages / 0 of 5 waiting, new",
                "twice / asleep",
                "words / 0 waiting, new",
                "double >> double / asleep",
            ] == boxes(pool)
            assert [
                "pages -> twice",
                "twice -> words",
                "words -> double >> double",
            ] == arrows(pool)

    def test_begins_upstream(self) -> None:
        """Whatever order stages were given in."""
        first, second = Drain[int](name="first"), Drain[int](name="second")
        with Pool() as pool:
            pool.go(second >> double)
            pool.go(first >> twice | second)

            assert ["first -> twice", "twice -> second", "second -> double"] == arrows(
                pool
            )

    def test_has_each_drain_once(self) -> None:
        """Two stages may drain to one, and one stage to two."""
        one, two = Drain[int](name="one"), Drain[int](name="two")
        left, right = Drain[int](name="left"), Drain[int](name="right")
        with Pool() as pool:
            pool.go(left >> double | one | two | one, right >> twice | two)

            assert [
                "left -> double",
                "double -> one",
                "double -> two",
                "right -> twice",
                "twice -> two",
            ] == arrows(pool)

    def test_has_other_sinks(self) -> None:
        """What is no drain is named by its type, and nothing of it is called."""

        class Sink:
            def send(self, value: object) -> None: ...

            @override
            def __repr__(self) -> str:
                raise AssertionError

            __hash__ = __eq__ = None  # type: ignore[assignment]

        sink = Sink()
        with Pool() as pool:
            pool.go(Drain[int](name="a") >> double | sink)
            pool.go(Drain[int](name="b") >> twice | sink)

            assert ["a -> double", "double -> Sink", "b -> twice", "twice -> Sink"] == (
                arrows(pool)
            )

    def test_has_calls_that_were_submitted(self) -> None:
        """Those that have not ended; a pool that only makes calls has one box."""
        with Pool(2) as pool, Gate() as gate:
            pool.executor.submit(gate.arrive)
            pool.executor.submit(at(gate).hold.with_retry(2), 1)
            gate.wait_for(2)
            pool.executor.submit(int)
            assert [
                "submitted calls / 1 waiting, 1 in progress",
                "hold / 1 in progress",
            ] == boxes(pool)

            gate.open()
            assert poll(lambda: boxes(pool) == [])

    def test_has_nothing_of_a_pool_that_is_closed(self) -> None:
        """A pool that is closed has no stages any more."""
        pool = Pool().go(Drain[int]() >> double)
        pool.close()

        assert [] == boxes(pool)


class TestCounts:
    """What the picture says of an instant."""

    def test_of_inputs_in_progress(self) -> None:
        """A batch shows the type of its iterator; what it has done is not there any more."""
        with Pool(2, name="crawl") as pool, Gate() as gate:
            pool.go(each(range(9)) >> at(gate).hold.with_limit(2))
            gate.wait_for(2)

            assert "crawl: 2 of 2 running" in pool.to_mermaid()
            assert ["each(range_iterator)", "hold / 2 in progress, limit=2"] == boxes(
                pool
            )

            gate.open()
            pool.wait(TIMEOUT)

            assert [] == boxes(pool)

    def test_of_an_iterable_that_was_read(self) -> None:
        """It gives nothing more, and so it is gone."""
        with Pool(2) as pool, Gate() as gate:
            pool.go(each([1]) >> at(gate).hold)
            gate.wait_for(1)

            assert poll(lambda: boxes(pool) == ["hold / 1 in progress"])

    def test_of_given_workers(self) -> None:
        """Those that have not started are inputs, the others are in progress."""
        with Pool(2) as pool, Gate() as gate:
            pool.go(*[1 >> at(gate).hold] * 5)
            gate.wait_for(2)

            assert ["3 given", "hold / 2 in progress"] == boxes(pool)

    def test_of_workers_that_come_one_by_one(self) -> None:
        """What they drain to is known once they came."""
        drain = Drain[int](name="all")
        with Pool(1) as pool, Gate() as gate:
            pool.go(Workers(iter([1 >> at(gate).hold | drain] * 3)))
            gate.wait_for(1)

            assert [
                "each(list_iterator)",
                "workers / 1 in progress",
                "all / 0 waiting, open",
            ] == boxes(pool)

    @pytest.mark.parametrize("ordered", [False, True])
    def test_of_values_that_wait(self, ordered: bool) -> None:  # noqa: FBT001
        """A drain has how many values wait, its bound if it has one, and its state."""
        drain = Drain[int](9, ordered=ordered, name="all")
        says = ", ordered" if ordered else ""
        with Pool(1) as pool, Gate() as gate:
            pool.go(each(range(3)) >> double | drain).wait(TIMEOUT)
            pool.go(1 >> at(gate).hold | drain)
            gate.wait_for(1)

            assert f"all / 3 of 9 waiting, open{says}" in boxes(pool)

    def test_of_a_drain_in_each_of_its_states(self) -> None:
        """New, open, idle, shut, as docs/drains.md has them."""
        drain = Drain[int](name="all")
        with Pool(1) as pool:
            pool.go(drain >> double)
            seen = [boxes(pool)[0]]
            with drain:
                seen.append(boxes(pool)[0])
                drain.send(1)

            pool.wait(TIMEOUT)
            seen.append(boxes(pool)[0])

            other = Drain[int](name="other")
            other.send(1)
            pool.go(other >> double).wait(TIMEOUT)
            seen.append(boxes(pool)[2])

        assert [
            "all / 0 waiting, new",
            "all / 0 waiting, open",
            "all / 0 waiting, shut",
            "other / 0 waiting, idle",
        ] == seen

    @every_form
    def test_add_up_to_those_of_the_stats(self, form: Form) -> None:
        """Inputs in progress, and workers that wait, are those the pool has in progress."""
        with Pool(3) as pool, Gate() as gate:
            pool.go(*form(range(9), at(gate).hold))
            pool.go(*form(range(4), at(gate).hold))
            gate.wait_for(3)
            counts = re.findall(r"(\d+) (?:in progress|given)", pool.to_mermaid())

            assert pool.stats().in_progress == sum(map(int, counts))

    def test_follow_an_input_through_quick_stages(self) -> None:
        """An input that one thread takes through several stages is in one of them."""
        seen = []

        @task
        def last(number: int, /) -> int:
            if number == 3000:
                seen.extend(boxes(pool))

            return number

        doubled = Drain[int](name="doubled")
        with Pool(1) as pool:
            pool.go(each(range(4000)) >> task(_same) | doubled, doubled >> last)

        assert "last / 1 in progress" in seen
        assert "_same / 0 in progress" in seen

    def test_do_not_count_what_failed(self) -> None:
        """An input that failed is in progress no more."""
        with Pool(1, on_error="keep") as pool:
            drain = Drain[int]()
            drain.send(1)
            pool.go(drain >> fail).wait(TIMEOUT)

            assert ["Drain / 0 waiting, idle", "fail / asleep"] == boxes(pool)


def _same(number: int, /) -> int:
    return number


class TestText:
    """Names in a picture."""

    NAME = "a\"b <c> & 'd' #35; `e` [f] \\ | -- __g__ 1. - 尺寸"

    def test_come_back_as_they_are(self) -> None:
        """Whatever means something to Mermaid, Markdown or HTML is escaped."""
        drain = Drain[int](name=self.NAME)
        with Pool(name=self.NAME) as pool:
            pool.go(drain >> double.named(self.NAME))

            cut = self.NAME[:39] + "…"
            assert [f"{cut} / 0 waiting, new", f"{cut} / asleep"] == boxes(pool)
            assert [cut, cut] == [
                text for text in texts(pool._repr_html_()) if text == cut
            ]

    def test_are_one_line(self) -> None:
        """Control characters are escaped, in both."""
        with Pool(name="a\nb") as pool:
            pool.go(Drain[int](name="c\rd") >> double.named("e\x1bf"))
            shown = {r"c\rd", r"e\x1bf"}

            assert shown == {box.split(" /")[0] for box in boxes(pool)}
            assert shown <= set(texts(pool._repr_html_()))
            assert 'pool["a#92;#8288;nb: 0 of' in pool.to_mermaid()

    @pytest.mark.parametrize(
        ("name", "written"),
        [
            (r"a\nb", "a#92;#8288;nb"),
            ("fab:fa-car: x", "fab:#8288;fa#45;car: x"),
            ("$$x$$", "#36;#8288;#36;x#36;#8288;#36;"),
        ],
    )
    def test_are_no_line_ends_icons_or_formulas(self, name: str, written: str) -> None:
        """Mermaid looks for those after it has read its codes."""
        text = mermaid(Picture("", (Box(Shape.STAGE, (name,)),), ()))

        assert f'n0["{written}"]' in text

    @pytest.mark.parametrize("character", [*map(chr, range(32, 127))])
    def test_have_no_character_that_ends_a_label(self, character: str) -> None:
        """A label is letters, digits, codes, and what means nothing by itself."""
        text = mermaid(Picture(character, (Box(Shape.STAGE, (character,)),), ()))
        labels = re.findall(r'^ .*?\["(.*)"\]$', text, re.MULTILINE)

        assert 2 == len(labels)
        assert all(re.fullmatch(r"[\w ,:=()]|(#\d+;)+", label) for label in labels)


class TestMermaid:
    """The text of a flowchart."""

    def test_has_a_frame_for_each_kind_of_box(self) -> None:
        """Drains are cylinders, stages are boxes, inputs are round."""
        found = Picture(
            "a pool",
            (
                Box(Shape.INPUTS, ("each(list)",)),
                Box(Shape.STAGE, ("fetch", "1 in progress")),
                Box(Shape.DRAIN, ("pages", "3 waiting")),
            ),
            ((0, 1), (1, 2)),
        )
        expected = """\
flowchart LR
  subgraph pool["a pool"]
    direction LR
    n0(["each(list)"])
    n1["fetch<br/>1 in progress"]
    n2[("pages<br/>3 waiting")]
    n0 --> n1
    n1 --> n2
  end"""

        assert expected == mermaid(found)


class TestNotebook:
    """The SVG for notebooks."""

    def draw(self) -> str:
        """Draw a pool with two stages and a drain between them."""
        drain = Drain[int](name="pages & more")
        with Pool(4, name="crawl") as pool:
            pool.go(Drain[int](5) >> double | drain, drain >> twice)
            return pool._repr_html_()

    def test_says_the_same(self) -> None:
        """It has the texts of the flowchart."""
        assert [
            "crawl: 0 of 4 running",
            "Drain",
            "0 of 5 waiting, new",
            "double",
            "asleep",
            "pages & more",
            "0 waiting, new",
            "twice",
            "asleep",
        ] == texts(self.draw())

    def test_has_an_arrow_for_each(self) -> None:
        """And its arrows."""
        assert 3 == self.draw().count("<path ")

    def test_needs_nothing_from_outside(self) -> None:
        """No address but the name of the language, no script, no id, no other element."""
        drawn = self.draw()

        assert ["http://www.w3.org/2000/svg"] == re.findall(
            r"\w+:[^\s\"<>]*//[^\"]*", drawn
        )
        assert {"div", "svg", "g", "rect", "text", "path"} == set(
            re.findall(r"<(\w+)", drawn)
        )
        assert not re.search(r"\b(id|href|src|on\w+|url)\b", drawn)

    def test_has_no_color_of_its_own(self) -> None:
        """All is of the colour of the page's text, so that dark pages do."""
        colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', self.draw()))

        assert {"none", "currentColor"} == colours

    def test_makes_room_for_wide_letters(self) -> None:
        """A letter of twice the width gets twice the room."""

        def width(name: str) -> float:
            drawn = svg(Picture("", (Box(Shape.STAGE, (name,)),), ()))
            return float(re.findall(r'<rect .*?width="([\d.]+)"', drawn)[0])

        assert width("aaaa") == width("尺寸")


class TestReading:
    """How the graph is read."""

    def test_runs_no_code_in_a_decision(self) -> None:
        """Nothing of the user's is called, and so nothing runs in the monitor."""
        called = []

        class Values(list[int]):
            @override
            def __repr__(self) -> str:
                called.append(inside())
                return ""

            @override
            def __len__(self) -> int:
                called.append(inside())
                return 1

        with Pool(1) as pool, Gate() as gate:
            pool.go(each(Values([1, 2])) >> at(gate).hold)
            gate.wait_for(1)
            pool.to_mermaid()
            pool._repr_html_()

        assert [] == called

    def test_may_be_asked_for_by_a_worker(self) -> None:
        """A task may draw its own pool."""

        @task
        def draw() -> str:
            return pool.to_mermaid()

        drawn = Drain[str]()
        with Pool(1) as pool:
            pool.go(draw | drawn)

        assert "1 in progress" in drawn.drain()[0]
