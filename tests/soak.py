"""Run the suite many times, each time in another order; end at the first run that fails.

Two runs go on at a time, each in a process of its own, so that every test also meets
another process that wants the same cores. Tests marked `once` (builds, whole trees) are left
out. A run that fails prints all it said and the seed of its order; to see it again:

    pytest -p randomly -m "not once" --hypothesis-profile=soak --randomly-seed=<seed>
"""

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed


def suite(seed: int, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the suite once."""
    order = ["-p", "randomly", f"--randomly-seed={seed}"]
    chosen = ["-m", "not once", "--hypothesis-profile=soak"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", *order, *chosen, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def results(
    runs: dict[Future[subprocess.CompletedProcess[str]], int],
) -> Iterator[tuple[int, str, bool]]:
    """Give the seed, the output and the success of each run, as they end."""
    for run in as_completed(runs):
        done = run.result()
        yield runs[run], done.stdout, done.returncode == 0


def soak(times: int, jobs: int, options: list[str]) -> int:
    """Run the suite `times` times and say how many runs passed."""
    seeds = random.sample(range(2**32), times)
    start = time.monotonic()
    passed = 0

    with ThreadPoolExecutor(jobs) as executor:
        runs = {executor.submit(suite, seed, options): seed for seed in seeds}
        for seed, output, succeeded in results(runs):
            if not succeeded:
                executor.shutdown(wait=False, cancel_futures=True)
                print(output)
                print(f"soak: {passed} of {times} runs passed, then seed {seed} failed")
                return 1

            passed += 1
            closing = output.rstrip().rpartition("\n")[2].strip("= ")
            print(f"run {passed} of {times}: {closing} (seed {seed})", flush=True)

    minutes = (time.monotonic() - start) / 60
    print(f"soak: {passed} of {times} runs passed in {minutes:.1f} minutes")
    return 0


def main() -> int:
    """Read the command line and soak."""
    parser = argparse.ArgumentParser(description="Run the suite many times.")
    parser.add_argument("times", type=int, nargs="?", default=200)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    chosen, options = parser.parse_known_args()
    return soak(chosen.times, chosen.jobs, options)


if __name__ == "__main__":
    sys.exit(main())
