"""docs/extending.md is followed to the letter in a copy of the code, and the copy is asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text()
NAME = "studentapi_extended"
ASKED = """
import json, sys
from pydantic import SecretStr
from studentapi import schema
from studentapi.app import create_app
from studentapi.settings import Settings

schema.upgrade(sys.argv[1])
app = create_app(Settings(database_url=SecretStr(sys.argv[1]), auth="off", request_log="off", _env_file=None))
client = app.test_client()
document = client.get("/openapi.json").json
room, any_ = "/api/v1/rooms/lab", {"If-Match": "*"}
said = [client.put("/api/v1/schools/green-hill", json={"name": "Green Hill"})]
said += [client.post("/api/v1/rooms", json=document["paths"]["/api/v1/rooms"]["post"]["requestBody"]["content"]
                     ["application/json"]["example"], headers={"Idempotency-Key": "1"})]
said += [client.get(room), client.get("/api/v1/rooms?name.prefix=lab&sort=-name&fields=id,seats")]
said += [client.patch(room, json={"seats": seats}, headers=any_) for seats in (25, -1)]
said += [client.put(room, json={"school_id": "green-hill", "name": "Hall"}, headers=any_)]
said += [client.delete("/api/v1/schools/green-hill", headers=any_)]
said += [client.delete("/api/v1/schools/green-hill?cascade=true", headers=any_), client.get(room)]
said += [client.get("/api/v1/changes?resource=rooms")]
print(json.dumps({"said": [[one.status_code, one.json] for one in said], "operations": sorted(
    operation["operationId"] for path, item in document["paths"].items() if "rooms" in path
    for operation in item.values())}))
"""


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """An empty database."""
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    yield server.url(NAME)
    server.execute(f"DROP DATABASE {NAME}")


def follow(copy: Path) -> set[str]:
    """Do what the page says to the copy; the files that it touched."""
    newest = max(path.name[:4] for path in (copy / "src/studentapi/schema/versions").glob("[0-9]*.py"))
    numbers = {"NNNN": f"{int(newest) + 1:04}", "PPPP": newest}
    touched = set()
    for name, step in re.findall(r"### \d+\. `([^`]+)`\n(.*?)(?=\n##)", PAGE, re.DOTALL):
        touched.add(name)
        file = copy / re.sub("NNNN", numbers["NNNN"], name)
        for language, block in re.findall(r"```(python|diff)\n(.*?)```", step, re.DOTALL):
            if language == "python":
                assert not file.exists()
                file.write_text(re.sub("NNNN|PPPP", lambda found: numbers[found[0]], block))
                continue
            lines = block.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] != "+")
            after = "".join(line[1:] for line in lines if line[0] != "-")
            text = file.read_text()
            assert text.count(before) == 1, (name, before)
            file.write_text(text.replace(before, after))
    return touched


def test_the_page_makes_a_resource_with_all_that_belongs_to_one(tmp_path: Path, url: str) -> None:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("sample", "static", "__pycache__")
    )
    (tmp_path / "tests/api").mkdir(parents=True)
    shutil.copy(ROOT / "tests/api/school.py", tmp_path / "tests/api/school.py")
    touched = follow(tmp_path)
    table = set(re.findall(r"^\| `([^`]+)` \| ", PAGE, re.MULTILINE))
    assert touched == table, "the table names the files of the steps"
    assert len(touched) == 6
    done = subprocess.run(
        [sys.executable, "-c", ASKED, url],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    statuses, bodies = zip(*found["said"], strict=True)
    assert statuses == (201, 201, 200, 200, 200, 422, 200, 409, 204, 404, 200)
    assert bodies[3]["items"] == [{"id": "lab", "seats": 24}]
    assert bodies[7]["used_by"] == ["rooms"]
    assert [one["action"] for one in bodies[10]["items"]] == ["create", "update", "update", "delete"]
    verbs = ("change", "create", "delete", "get", "replace")
    assert {f"{verb}_room" for verb in verbs} | {"list_rooms"} <= set(found["operations"])
