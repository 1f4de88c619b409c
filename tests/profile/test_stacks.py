"""Samples as py-spy writes them become shares of layers and of functions."""

from __future__ import annotations

import sys

import pytest

from lab.profile.stacks import (
    DBUTILS,
    FLASK,
    MYSQL,
    MYSQLCLIENT,
    NOWHERE,
    PYDANTIC,
    PYMYSQL,
    REST,
    ROOT,
    VIEW,
    read,
)

PACKAGES = "/anywhere/lib/python3.12/site-packages"
STANDARD = "/anywhere/lib/python3.12"
FLASK_APP = f"Flask.wsgi_app ({PACKAGES}/flask/app.py:1511)"
CITY = f"city ({ROOT}/lab/answers/studentapi.py:36)"
READ = f"Database.read ({ROOT}/src/studentapi/mysql/database.py:108)"


def stack(*frames: str, count: int = 1) -> str:
    return f"{';'.join(frames)} {count}"


@pytest.mark.parametrize(
    ("frames", "layer"),
    [
        ((FLASK_APP,), FLASK),
        ((FLASK_APP, f"Rule.match ({PACKAGES}/werkzeug/routing/rules.py:1)"), FLASK),
        ((FLASK_APP, CITY), VIEW),
        ((FLASK_APP, CITY, READ), MYSQL),
        ((FLASK_APP, CITY, READ, f"escape ({PACKAGES}/pymysql/converters.py:9)"), PYMYSQL),
        ((FLASK_APP, f"cursor ({PACKAGES}/dbutils/steady_db.py:9)"), DBUTILS),
        ((FLASK_APP, f"execute ({PACKAGES}/MySQLdb/cursors.py:9)"), MYSQLCLIENT),
        ((FLASK_APP, f"wrapper ({PACKAGES}/apiflask/scaffold.py:9)"), PYDANTIC),
        ((FLASK_APP, f"BaseModel.model_validate ({PACKAGES}/pydantic/main.py:9)"), PYDANTIC),
        ((FLASK_APP, f"find ({ROOT}/src/studentapi/gradebook/progress.py:9)"), REST),
        ((FLASK_APP, f"find ({PACKAGES}/studentapi/gradebook/progress.py:9)"), REST),
        ((FLASK_APP, f"fetch ({PACKAGES}/studentapi/mysql/asking.py:9)"), MYSQL),
    ],
)
def test_a_sample_belongs_to_the_layer_of_its_innermost_frame(frames: tuple[str, ...], layer: str) -> None:
    found = read([stack(*frames, count=3)])
    assert (found.samples, found.by_layer) == (3, {layer: 3})
    files = {REST: "studentapi/gradebook/progress.py", MYSQL: frames[-1].rpartition("studentapi/mysql/")[2]}
    own = {REST: files[REST], MYSQL: f"studentapi/mysql/{files[MYSQL].split(':')[0]}"}
    assert found.by_file == ({own[layer]: 3} if layer in own else {})


@pytest.mark.parametrize(
    "frame",
    [
        f"monotonic ({STANDARD}/threading.py:1)",
        "__instancecheck__ (<frozen abc>:117)",
        "<lambda> (<string>:1)",
        f"dumps ({PACKAGES}/structlog/processors.py:4)",
    ],
)
def test_the_standard_library_and_other_packages_work_for_who_calls_them(frame: str) -> None:
    found = read([stack(FLASK_APP, CITY, READ, frame, frame)])
    assert found.by_layer == {MYSQL: 1}
    # but a function's own time is its own
    assert READ.rpartition(":")[0] not in found.by_function


def test_a_thread_without_frames_or_with_nobody_s_is_in_no_layer() -> None:
    found = read([" 20", stack(f"run ({STANDARD}/threading.py:1)", count=5)])
    assert found.by_layer == {NOWHERE: 25}


def test_shares_are_of_all_samples_and_functions_are_ranked() -> None:
    found = read(
        [stack(FLASK_APP, count=6), stack(FLASK_APP, CITY, READ, count=10), stack(CITY, READ, count=4), ""]
    )
    assert found.share(FLASK) == pytest.approx(0.3)
    assert found.share(FLASK, MYSQL) == 1
    assert found.share(PYMYSQL) == 0
    assert found.top(1) == [("Database.read (studentapi/mysql/database.py)", 0.7)]
    assert found.top(9)[1:] == [("Flask.wsgi_app (flask/app.py)", 0.3)]


def test_one_torn_line_among_many_is_left_out() -> None:
    found = read([*([stack(FLASK_APP)] * 20), "\x00\xb0 ("])
    assert found.by_layer == {FLASK: 20}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<svg>", "line 2 is no stack with a number behind it: '<svg>'"),
        (f"{FLASK_APP} many", "line 2 is no stack"),
        ("Flask.wsgi_app 3", "line 2 is no stack"),
        (f"{FLASK_APP};city 3", "line 2 is no stack"),
    ],
)
def test_what_is_no_sample_is_refused_and_quoted(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"2 of 3 lines cannot be read") as refused:
        read([stack(FLASK_APP), line, line])
    assert said in str(refused.value)


def test_this_interpreter_s_own_library_is_nobody_s_layer() -> None:
    encodings = sys.modules["encodings"].__file__
    assert read([stack(FLASK_APP, f"encode ({encodings}:9)")]).by_layer == {FLASK: 1}
