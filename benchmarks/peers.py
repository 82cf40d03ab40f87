"""The published implementations, in processes of their own, each in its environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Peer:
    """A script that answers one JSON request a line.

    Args:
        script: that is run.
        environment: the folder of its virtual environment.
    """

    def __init__(self, script: str, environment: str = ".venv-peers") -> None:
        python = HERE / environment / "bin" / "python"
        if not python.exists():
            raise SystemExit(
                f"the peer is not installed: make benchmarks/{environment}/.installed"
            )
        self.process = subprocess.Popen(
            [python, HERE / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to one request."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer
