"""joblib, on its threading backend."""

from collections.abc import Sequence

from joblib import Parallel, delayed
from typing_extensions import override

from measuring.peer import Fn, Peer


class Joblib(Peer):
    """Calls that are delayed."""

    name = "joblib"
    module = "joblib"
    distribution = "joblib"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Give all the calls at once."""
        calls = (delayed(fn)(value) for value in inputs)
        outputs: list[int] = Parallel(n_jobs=limit, backend="threading")(calls)
        return outputs

    ordered = given = ran = drained
