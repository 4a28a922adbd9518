"""The example that does real work: counting a tree of Python files."""

import os
import subprocess
from pathlib import Path

import pytest

from support import run_child, start_child


SCRIPT = Path(__file__).parent.parent / "examples" / "census.py"


def source(*arguments: object) -> str:
    """Give a script that runs the census as its user does."""
    argv = [str(SCRIPT), *map(str, arguments)]
    return f"""
        import runpy, sys
        sys.argv[:] = {argv!r}
        runpy.run_path(sys.argv[0], run_name="__main__")
        """


def census(
    *arguments: object, timeout: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """Run the census."""
    return run_child(source(*arguments), timeout=timeout)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a small tree: three functions in seven lines, and some that do not count."""
    (tmp_path / "pkg" / "site-packages").mkdir(parents=True)
    (tmp_path / "one.py").write_text("def one():\n    def inner():\n        return 1\n")
    (tmp_path / "pkg" / "two.py").write_text("\n\nasync def two():\n    return 2\n")
    (tmp_path / "pkg" / "notes.txt").write_text("def no(): ...\n")
    (tmp_path / "pkg" / "site-packages" / "other.py").write_text("def no(): ...\n")
    return tmp_path


def test_counts_files_lines_and_functions(tree: Path) -> None:
    """Every Python file of the tree is counted, but for what was installed beside it."""
    done = census(tree)

    files, lines, functions = done.stdout.splitlines()[:3]
    assert files.startswith("2 files, ")
    assert ("7 lines", "3 functions") == (lines, functions)
    assert ("", 0) == (done.stderr, done.returncode)


def test_lists_the_longest_functions_first(tree: Path) -> None:
    """A function comes with its length, its name, its file and its line."""
    done = census(tree)

    assert [
        f"     3 lines  one  {tree / 'one.py'}:1",
        f"     2 lines  inner  {tree / 'one.py'}:2",
        f"     2 lines  two  {tree / 'pkg' / 'two.py'}:3",
    ] == done.stdout.splitlines()[5:]


def test_lists_ten_functions_at_most(tmp_path: Path) -> None:
    """Of many functions only the ten longest are listed."""
    text = "\n".join(f"def f{i}():\n" + "    pass\n" * i for i in range(1, 13))
    (tmp_path / "many.py").write_text(text)

    listed = census(tmp_path).stdout.splitlines()[5:]

    assert [f"f{i}" for i in range(12, 2, -1)] == [line.split()[2] for line in listed]


def test_names_files_that_cannot_be_parsed_and_still_succeeds(tree: Path) -> None:
    """A file that is no Python is named with the reason; the others are counted."""
    (tree / "bad.py").write_text("def broken(:\n")
    (tree / "worse.py").write_bytes(b"x = '\xff'\n")

    done = census(tree)

    assert done.stdout.startswith("2 files, ")
    assert "\nNot counted (2):\n" in done.stdout
    bad, worse = done.stdout.splitlines()[-2:]
    assert bad.startswith(f"  {tree / 'bad.py'}  SyntaxError: invalid syntax")
    assert worse.startswith(f"  {tree / 'worse.py'}  SyntaxError: ")
    assert ("", 0) == (done.stderr, done.returncode)


def test_names_files_that_cannot_be_read(tree: Path) -> None:
    """A file that stays unreadable, however often it is tried, is named like the others."""
    (tree / "gone.py").symlink_to(tree / "nowhere")

    done = census(tree)

    assert f"  {tree / 'gone.py'}  FileNotFoundError: " in done.stdout
    assert 0 == done.returncode


def test_says_nothing_about_bad_files_if_there_are_none(tree: Path) -> None:
    """A clean tree has no list of complaints."""
    assert "Not counted" not in census(tree).stdout


def test_counts_an_empty_folder(tmp_path: Path) -> None:
    """Nothing is a result too."""
    done = census(tmp_path)

    assert done.stdout.startswith("0 files, 0 a second\n0 lines\n0 functions\n")
    assert ("", 0) == (done.stderr, done.returncode)


def test_keeps_warnings_about_the_counted_files_to_itself(tmp_path: Path) -> None:
    """What the parser thinks of somebody's code is not part of the report."""
    (tmp_path / "odd.py").write_text("x = '\\d'\nassert (x, 'always true')\n")

    done = census(tmp_path)

    assert ("", 0) == (done.stderr, done.returncode)
    assert done.stdout.startswith("1 files, ")


def test_prints_a_name_that_is_no_text(tmp_path: Path) -> None:
    """A file whose name is bytes that are no UTF-8 is named with these bytes escaped."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("(")

    done = census(tmp_path)

    assert r"\udcff.py  SyntaxError" in done.stdout
    assert 0 == done.returncode


def test_a_wrong_path_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """A folder that is not there is said in one line, not in a traceback."""
    done = census(tmp_path / "nowhere")

    assert f"census: not a folder: {tmp_path / 'nowhere'}\n" == done.stderr
    assert ("", 2) == (done.stdout, done.returncode)


def test_a_wrong_limit_is_exit_code_2(tmp_path: Path) -> None:
    """A limit that is no limit is refused before any file is read."""
    done = census(tmp_path, "--limit", "0")

    assert "--limit must be at least 1" in done.stderr
    assert ("", 2) == (done.stdout, done.returncode)


def test_ctrl_c_is_one_line_and_exit_code_130(tree: Path) -> None:
    """Interrupted in the middle of a file, the census ends with a line, not a traceback."""
    pipe = tree / "pipe.py"
    os.mkfifo(pipe)

    with start_child(source(tree)) as child:
        writer = os.open(pipe, os.O_WRONLY)  # returns when the census reads the pipe
        child.interrupt()
        os.close(writer)
        done = child.finish()

    assert "census: interrupted\n" == done.stderr
    assert ("", 130) == (done.stdout, done.returncode)


@pytest.mark.once
@pytest.mark.timeout(200)  # 20 seconds of work, traced on a busy machine: many more
def test_counts_the_standard_library() -> None:
    """Without a path, the census counts the library of the Python that runs it."""
    done = census(timeout=180.0)

    assert ("", 0) == (done.stderr, done.returncode)
    assert int(done.stdout.partition(" files")[0].replace(",", "")) > 500
    assert "_parse  " in done.stdout
