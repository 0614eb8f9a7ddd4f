#!/usr/bin/env python3
"""An OCI runtime for machines whose capability bounding set is not full: runc without what cannot be given.

Docker asks for every capability, and for raised limits, for a privileged container; runc then fails with "unable to
apply caps". This removes from the container's (or the exec's) process what the machine lacks, and calls runc.
"""

import itertools
import json
import os
import sys
from pathlib import Path

SYS_RESOURCE = "CAP_SYS_RESOURCE"


def within_bounds(process):
    """The process section of an OCI configuration without the capability and without limits."""
    capabilities = {
        kind: [name for name in names or [] if name != SYS_RESOURCE]
        for kind, names in (process.get("capabilities") or {}).items()
    }
    return {**{key: value for key, value in process.items() if key != "rlimits"}, "capabilities": capabilities}


def rewrite(arguments):
    """Rewrite the file that `--bundle` or `--process` of runc's arguments names, if there is one."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    for option, value in itertools.pairwise(words):
        if option == "--bundle":
            file = Path(value) / "config.json"
            settings = json.loads(file.read_text())
            settings["process"] = within_bounds(settings["process"])
            file.write_text(json.dumps(settings))
        elif option == "--process":
            file = Path(value)
            file.write_text(json.dumps(within_bounds(json.loads(file.read_text()))))


if __name__ == "__main__":
    rewrite(sys.argv[1:])
    os.execvp("runc", ["runc", *sys.argv[1:]])
