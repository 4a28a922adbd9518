"""Lets tox find every Python that pyenv has installed, not only those active here."""

import os
from pathlib import Path


pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
found = sorted(str(path) for path in pyenv.glob("versions/*/bin"))
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *found])
