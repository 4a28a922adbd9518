"""One measurement, in a process of its own, which says in JSON what came of it.

python child.py probe PEER
python child.py measure LOAD PEER SIZE
"""

import importlib.metadata
import json
import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parent.parent))

import loads
import peers
from measuring.load import WrongResultsError
from measuring.peer import UnavailableError


def probe(name: str) -> dict[str, object]:
    """Say which loads a peer can do, and which version it is."""
    peer = peers.load(name)
    version = peer.distribution and importlib.metadata.version(peer.distribution)
    can = [load.name for load in loads.ALL if peer.can(load.verb)]
    return {"name": peer.name, "version": version or "", "loads": can}


def measure(load: str, peer: str, size: str) -> dict[str, object]:
    """Measure a peer at a load once."""
    return vars(loads.named(load).measure(peers.load(peer), int(size)))


def main() -> None:
    """Do what the command line says; a problem is told as one, in one line."""
    verb, *args = sys.argv[1:]
    try:
        answer = probe(*args) if verb == "probe" else measure(*args)
    except WrongResultsError as exc:
        answer = {"problem": f"wrong results: {exc}"}
    except UnavailableError as exc:
        answer = {"problem": str(exc)}
    except ImportError as exc:
        answer = {"problem": f"cannot be imported: {exc}"}

    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
