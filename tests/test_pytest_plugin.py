"""The pytest plugin, in sessions of their own: a simulation, serial pools, what hung."""

import os
from collections.abc import Callable

import pytest

from fluent_async import Pool, task
from fluent_async._tree import tree
from support import Gate
from work import at


pytest_plugins = ["pytester"]
pytestmark = pytest.mark.once

BUSY = """
    from fluent_async import Pool, sleep, task

    @task(retry=2, backoff=60)
    def fetch(path):
        raise OSError

    def test_retry(simulation):
        Pool(on_error="keep").go("/a" >> fetch).wait()
        assert simulation.now >= 60
        assert simulation.seed == {seed}
"""

HUNG = """
    import threading
    from fluent_async import Drain, Pool, each, sleep, stream, task

    @task(name="fetch")
    def hang(path):
        threading.Event().wait(20)

    @task(timeout=100)
    def sleeps(path):
        threading.Event().wait(20)

    def test_hung():
        with Pool(4, name="crawl") as pool:
            pool.go("/a" >> hang, "/b" >> sleeps)
"""


def raising(error: type[BaseException]) -> Callable[[object], str]:
    """Give a `describe` that raises."""

    def describe(_: object) -> str:
        raise error

    return describe


@pytest.fixture(autouse=True)
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sessions load no plugin but those that a test names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def session(
    pytester: pytest.Pytester, source: str, *flags: str, plugins: str = ""
) -> pytest.RunResult:
    """Run tests in a process of their own, with no plugin but ours and those named."""
    pytester.makepyfile(source)
    chosen = ["fluent_async.pytest_plugin", *plugins.split()]
    named = [flag for plugin in chosen for flag in ("-p", plugin)]
    return pytester.runpytest_subprocess(*named, *flags, timeout=50)


def test_the_plugin_is_installed(pytestconfig: pytest.Config) -> None:
    """Installing the package brings the plugin."""
    assert pytestconfig.pluginmanager.has_plugin("fluent_async")


def test_the_fixture_runs_pools_without_time(simulation: object) -> None:
    """A test that asks for `simulation` is inside one."""
    assert "<simulation, seed 0, 0 s>" == repr(simulation)


def test_the_seed_is_an_option(pytester: pytest.Pytester) -> None:
    """`--fluent-async-seed` is the seed of the fixture."""
    done = session(pytester, BUSY.format(seed=7), "--fluent-async-seed=7")

    done.assert_outcomes(passed=1)
    done.stdout.no_fnmatch_line("*fluent_async simulation*")


def test_a_failure_tells_its_seed(pytester: pytest.Pytester) -> None:
    """A test that fails says with which seed it does so again."""
    done = session(pytester, BUSY.format(seed=8), "--fluent-async-seed=-7")

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["<simulation, seed -7, *: run it again with --fluent-async-seed=-7"]
    )


def test_a_failure_cancels_what_is_left(pytester: pytest.Pytester) -> None:
    """What was not waited for when a test fails does not run."""
    done = session(
        pytester,
        """
        from fluent_async import Pool, task

        @task
        def tell(word):
            print(word)

        def test_fails(simulation):
            Pool().go("loud" >> tell)
            assert False

        def test_passes(simulation):
            Pool().go("aloud" >> tell)
        """,
        "-s",
    )

    done.assert_outcomes(failed=1, passed=1)
    done.stdout.no_fnmatch_line("loud*")
    done.stdout.fnmatch_lines(["*aloud*"])


def test_a_fixture_that_fails_reports_as_well(pytester: pytest.Pytester) -> None:
    """What pools are at is in the report of whatever failed."""
    done = session(
        pytester,
        """
        import pytest
        from fluent_async import Pool, sleep, task

        @pytest.fixture
        def broken():
            global pool
            pool = Pool(name="left").go(0.5 >> task(sleep))
            assert False

        def test_nothing(broken):
            pass
        """,
    )

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["left: * of * slots in use"])


def test_an_ini_option_makes_pools_serial(
    pytester: pytest.Pytester,
) -> None:
    """`fluent_async_serial` gives every pool limit 1, threads or not."""
    pytester.makeini("[pytest]\nfluent_async_serial = true")
    done = session(
        pytester,
        """
        from fluent_async import Pool

        def test_limit():
            assert Pool(8).limit == 1
        """,
    )

    done.assert_outcomes(passed=1)


@pytest.mark.parametrize("stage", ["", "live"])
def test_the_stage_of_the_environment_comes_back(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """After the session STAGE is what it was."""
    if stage:
        monkeypatch.setenv("STAGE", stage)

    pytester.makeini("[pytest]\nfluent_async_serial = true")
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_inprocess("-p", "fluent_async.pytest_plugin")

    assert stage == os.environ.get("STAGE", "")


def test_a_timeout_shows_what_the_pools_are_at(pytester: pytest.Pytester) -> None:
    """The report has each pool, and each worker with input, attempt, seconds and stack."""
    done = session(pytester, HUNG, "--timeout=1", plugins="pytest_timeout")

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*fluent_async pools*",
            "crawl: 2 of 4 slots in use",
            "  sleeps('/b'), attempt 1, running, * s, on crawl-*",
            "    *in sleeps: threading.Event().wait(20)",
            "  fetch('/a'), attempt 1, on crawl-*",
            "    *in hang: threading.Event().wait(20)",
        ]
    )


class TestTimeoutOfAThread:
    """With `timeout_method = thread` pytest-timeout ends the process from a thread."""

    SHOWN = (
        "crawl: 2 of 4 slots in use",
        "  sleeps('/b'), attempt 1, running, * s, on crawl-*",
        "    *in sleeps: threading.Event().wait(20)",
        "  fetch('/a'), attempt 1, on crawl-*",
        "    *in hang: threading.Event().wait(20)",
    )

    def ended(
        self, pytester: pytest.Pytester, *flags: str, source: str = HUNG
    ) -> pytest.RunResult:
        """Run tests that are ended like that."""
        names = "pytest_timeout"
        method = ("--timeout=1", "--timeout-method=thread")
        return session(pytester, source, *method, *flags, plugins=names)

    @pytest.mark.parametrize(
        "capture", ["--capture=fd", "--capture=sys", "--capture=no", "-pno:capture"]
    )
    def test_shows_what_the_pools_are_at(
        self, pytester: pytest.Pytester, capture: str
    ) -> None:
        """The terminal has it before the stacks that pytest-timeout prints."""
        done = self.ended(pytester, capture)

        assert 1 == done.ret
        done.stdout.fnmatch_lines(
            ["+* fluent_async pools +*", *self.SHOWN, "+* Timeout +*", "~* Stack of *"]
        )

    def test_shows_it_for_the_function_alone(self, pytester: pytest.Pytester) -> None:
        """`timeout_func_only` leaves fixtures out, and nothing else."""
        pytester.makeini("[pytest]\ntimeout_func_only = true")
        done = self.ended(pytester)

        done.stdout.fnmatch_lines([*self.SHOWN, "+* Timeout +*"])

    def test_shows_it_on_several_processes(self, pytester: pytest.Pytester) -> None:
        """With pytest-xdist the one that is ended shows it on standard error."""
        done = self.ended(pytester, "-n1", "-p", "xdist.plugin")

        assert 1 == done.ret
        done.stderr.fnmatch_lines(["fluent_async pools in *::test_hung", *self.SHOWN])

    def test_shows_nothing_without_pools(self, pytester: pytest.Pytester) -> None:
        """Then the output is what it is without the plugin."""
        source = """
            import threading

            def test_hung():
                threading.Event().wait(20)
            """
        done = self.ended(pytester, source=source)

        done.stdout.fnmatch_lines(["+* Timeout +*"])
        done.stdout.no_fnmatch_line("*fluent_async pools*")

    def test_leaves_a_test_that_is_debugged_alone(
        self, pytester: pytest.Pytester
    ) -> None:
        """As pytest-timeout does, unless it is told not to look for debuggers."""
        source = """
    import pytest_timeout

    pytest_timeout.SUPPRESS_TIMEOUT = True  # as at a breakpoint
        """ + HUNG.replace("wait(20)", "wait(1.5)")
        done = self.ended(pytester, source=source)
        told = self.ended(
            pytester, "--timeout-disable-debugger-detection", source=source
        )

        done.assert_outcomes(passed=1)
        done.stdout.no_fnmatch_line("*fluent_async pools*")
        told.stdout.fnmatch_lines(["+* fluent_async pools +*", "+* Timeout +*"])

    def test_ends_though_a_look_at_the_pools_does_not(
        self, pytester: pytest.Pytester
    ) -> None:
        """What hangs may be what shows an input."""
        source = HUNG.replace(
            'name="crawl"', "describe=lambda _: threading.Event().wait(60)"
        )
        done = self.ended(pytester, source=source)

        assert 1 == done.ret
        done.stdout.fnmatch_lines(["+* Timeout +*"])

    @pytest.mark.parametrize("plugins", ["pytest_timeout", ""])
    def test_leaves_nothing_of_a_test_in_time(
        self, pytester: pytest.Pytester, plugins: str
    ) -> None:
        """The timer is gone with its test; without pytest-timeout there is none."""
        source = """
            import threading
            from fluent_async import Pool

            def timers():
                return [t for t in threading.enumerate() if "timeout" in t.name]

            def test_in_time():
                global seen
                seen = timers()
                assert all(timer.daemon for timer in seen)

            def test_fails():
                assert not seen[0].is_alive()
                assert False

            def test_later():
                assert len(timers()) == len(seen)
            """
        flags = ["--timeout=50", "--timeout-method=thread"] if plugins else []
        done = session(pytester, source, *flags, plugins=plugins)

        done.assert_outcomes(passed=2, failed=1)


def test_a_simulation_that_hangs_shows_it_too(pytester: pytest.Pytester) -> None:
    """A task that hangs on the test's own thread is named with its input."""
    source = HUNG.replace("test_hung()", "test_hung(simulation)")
    done = session(pytester, source, "--timeout=1", plugins="pytest_timeout")

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*fluent_async simulation*",
            "*fluent_async pools*",
            "crawl: 1 of 1 slots in use",
            "  *, attempt 1, running, 0 s, on MainThread",
            "    *: threading.Event().wait(20)",
        ]
    )


def test_tests_on_several_processes_report_as_well(pytester: pytest.Pytester) -> None:
    """With pytest-xdist the seed reaches the workers, and the report comes back."""
    done = session(
        pytester,
        BUSY.format(seed=8),
        "-n2",
        "--fluent-async-seed=9",
        plugins="xdist.plugin",
    )

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["<simulation, seed 9, *"])


def test_random_order_changes_no_run(pytester: pytest.Pytester) -> None:
    """pytest-randomly seeds what it knows, and the simulation keeps its own seed."""
    flags = ["-p", "pytest_randomly", "-p", "no:cacheprovider"]
    source = """
        from fluent_async import Pool, each, task

        def test_order(simulation):
            with Pool(8) as pool:
                pool.go(each(range(5)) >> task(str))
            print([e.input for e in simulation.events])
            assert False
        """
    runs = [session(pytester, source, *flags, f"--randomly-seed={n}") for n in (1, 2)]
    orders = [[line for line in run.outlines if line.startswith("[")] for run in runs]

    assert orders[0] == orders[1] != []


class TestTree:
    """What pools are at, as text."""

    def test_it_is_empty_while_nothing_runs(self) -> None:
        """A pool with nothing to do is not in it."""
        with Pool() as pool:
            pool.go(task(print).with_input(end="")).wait()
            assert "" == tree()

    @pytest.mark.parametrize(
        ("error", "shows"),
        [
            (SystemExit, "hold(<int>), attempt 1"),
            (ValueError, "hold(<int>), attempt 1"),
        ],
    )
    def test_it_shows_what_cannot_be_shown_by_its_type(
        self, error: type[BaseException], shows: str
    ) -> None:
        """Whatever `describe` raises, the rest of the tree is told."""
        with Pool(2, describe=raising(error)) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(50))
            gate.wait_for()

            assert shows in tree()

    def test_it_may_be_interrupted(self) -> None:
        """Ctrl-C is no matter of a `describe`."""
        with Pool(2, describe=raising(KeyboardInterrupt)) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(50))
            gate.wait_for()
            with pytest.raises(KeyboardInterrupt):
                tree()
