"""What an interpreter says of itself, `FACTS`: the members of `model.Python` but `asked`.

The text of this file is run by whichever one is asked, so Python 2 has to understand it too.
"""

import hashlib
import json
import multiprocessing
import platform
import sys
import sysconfig

MARK = "speedup-lab was told: "
"""What the line of the answer begins with: a start-up file may print lines of its own."""


def build():  # type: () -> str
    """When and by what compiler it was built, and eight digits for how it was configured.

    Some distributions give every build the same date: only the options tell two of them apart.
    """
    configured = sysconfig.get_config_var("CONFIG_ARGS") or ""
    digest = hashlib.sha256(configured.encode("utf-8")).hexdigest()[:8]
    built = " ".join(" ".join(platform.python_build()).split())
    compiler = platform.python_compiler()  # PyPy names none
    return ", ".join([part for part in (built, compiler) if part] + ["configured " + digest])


def start_method():  # type: () -> str
    """What its `multiprocessing` starts processes by; Python 2 has one way and does not say so."""
    if not hasattr(multiprocessing, "get_all_start_methods"):
        return ""
    return multiprocessing.get_all_start_methods()[0]


FACTS = {
    "executable": sys.executable or "",
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "build": build(),
    "start_method": start_method(),
}

if __name__ == "__main__":
    sys.stdout.write("\n" + MARK + json.dumps(FACTS) + "\n")
