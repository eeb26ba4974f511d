"""The README's first steps and docs/tour.md, pasted into bash."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.wheels import folder_of
from tests.memgraph.processes import ROOT

CLIENT = "python3 -m venv client\nclient/bin/pip install --quiet memgraph-sdk\nclient/bin/python"
REFUSALS = re.compile(r'"code":"(\w+)"')


def blocks(name: str) -> list[str]:
    found = re.findall(r"^```bash\n(.*?)^```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE)
    return [block for block in found if not block.startswith("make ")]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_the_first_steps_and_the_tour_work_from_top_to_bottom(server_url: str, tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *blocks("README.md"), *blocks("docs/tour.md")])
    assert CLIENT in script
    script = script.replace(CLIENT, f"PYTHONPATH={folder_of('0.8.6')} {sys.executable}")
    script = script.replace("http://localhost:8001", server_url).replace("@example.com", f"@{uuid4().hex}.example")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert REFUSALS.findall(done.stdout + done.stderr) == ["key_revoked"]
    assert "'content': 'Ada prefers tea'" in done.stdout
    assert (tmp_path / "audit.csv").stat().st_size > 0
