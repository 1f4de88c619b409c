import pytest
from flask.testing import FlaskClient

from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import assessments, attempts, courses, people
from studentapi.gradebook.listing import Filter, Listing, Place
from studentapi.gradebook.resources import Resource
from studentapi.mysql.database import Database
from tests.clients import bearer, settings_for

TOTALS = {
    "courses": 7,
    "classes": 22,
    "chapters": 40,
    "assessments": 206,
    "students": 28_785,
    "enrollments": 32_593,
    "attempts": 173_912,
}


@pytest.mark.parametrize(("plural", "total"), TOTALS.items())
def test_pages_hold_everything_once(client: FlaskClient, plural: str, total: int) -> None:
    url: str | None = f"/api/v1/{plural}?limit=500"
    seen: list[str] = []
    while url is not None:
        answer = client.get(url)
        assert answer.status_code == 200
        assert answer.json is not None
        seen += [item["id"] for item in answer.json["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next_cursor"] is None)
        if link is None:
            break
        assert link.endswith('; rel="next"')
        url = link[link.index("<") + 1 : link.index(">")]
        assert answer.json["next_cursor"] in url
    assert len(seen) == len(set(seen)) == total
    assert seen == sorted(seen)


@pytest.mark.parametrize("plural", TOTALS)
def test_each_item_is_what_its_own_path_gives(client: FlaskClient, plural: str) -> None:
    page = client.get(f"/api/v1/{plural}?limit=3").json
    assert page is not None
    assert len(page["items"]) == 3
    for item in page["items"]:
        assert client.get(f"/api/v1/{plural}/{item['id']}").json == item


@pytest.mark.parametrize("plural", TOTALS)
def test_a_page_and_a_single_read_take_one_statement_each(
    client: FlaskClient, statements: list[str], plural: str
) -> None:
    client.get(f"/api/v1/{plural}?limit=1")
    statements.clear()
    page = client.get(f"/api/v1/{plural}?limit=500").json
    assert len(statements) == 1
    assert page is not None
    client.get(f"/api/v1/{plural}/{page['items'][0]['id']}")
    assert len(statements) == 2


@pytest.mark.parametrize("plural", TOTALS)
def test_no_page_reads_more_rows_than_it_gives(client: FlaskClient, statements: list[str], plural: str) -> None:
    """The rows that the server reads for a page do not grow with its depth."""
    database = client.application.extensions[EXTENSION].database
    deep = client.get(f"/api/v1/{plural}?limit=500").json
    for _ in range(20):
        if deep is None or deep["next_cursor"] is None:
            break
        deep = client.get(f"/api/v1/{plural}?limit=500&cursor={deep['next_cursor']}").json
    assert deep is not None
    last = deep["items"][-1]["id"]
    reads = []
    for after in (None, Place(None, last)):
        # the statement of a page is run as it stands; the session counts what it reads
        before = _rows_read(database)
        statements.clear()
        Listing().page(_resource(plural), database, limit=10, after=after)
        reads.append(_rows_read(database) - before)
    assert max(reads) <= 10 * 4 + 15, reads


@pytest.mark.parametrize("descending", [False, True])
def test_a_page_of_several_assessments_reads_no_more_rows_than_a_page_of_each(
    sample: Database, descending: bool
) -> None:
    asked = ("1752", "1753", "no-such", "37443", "1752")
    listing = Listing(descending=descending, filters=(Filter("assessment_id", "in", asked),))
    there = sample.read(
        "SELECT attempts.public_id FROM attempts JOIN assessments ON assessments.id = assessment_id"
        " WHERE assessments.public_id IN %s ORDER BY attempts.public_id",
        (asked,),
    )
    expected = [public_id for (public_id,) in there]
    found: list[str] = []
    after = None
    while True:
        before = _rows_read(sample)
        page = listing.page(attempts.attempts, sample, limit=100, after=after)
        assert _rows_read(sample) - before <= 4 * 101 * 4
        found += [row["id"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert len(found) > 1000
    assert found == (expected[::-1] if descending else expected)


def _rows_read(database: Database) -> int:
    rows = database.read("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(value) for name, value in rows if "rnd_next" not in name)


def _resource(plural: str) -> Resource:
    for module in (people, courses, assessments, attempts):
        found = getattr(module, plural, None)
        if isinstance(found, Resource):
            return found
    raise AssertionError(plural)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("limit=1e9", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=!!!", "cursor"),
        ("cursor=w7w", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=MTAwMjgyCg", "cursor"),
        ("offset=3", "offset"),
    ],
)
def test_a_bad_page_is_refused_by_its_parameters_name(client: FlaskClient, query: str, name: str) -> None:
    answer = client.get(f"/api/v1/students?{query}")
    assert answer.status_code == 422
    assert answer.json is not None
    assert [error["name"] for error in answer.json["errors"]] == [name]


def test_an_id_that_is_none_leads_nowhere(client: FlaskClient) -> None:
    for path in ("no-such", "x" * 65, "a%20b", "%00", "..%2f", "é"):
        answer = client.get(f"/api/v1/students/{path}")
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"


def test_bytes_that_are_no_utf_8_and_chunks_are_refused(client: FlaskClient) -> None:
    answer = client.get("/api/v1/students", environ_overrides={"QUERY_STRING": "a=\xff"})
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    answer = client.get("/api/v1/students", headers={"Transfer-Encoding": "chunked"})
    assert (answer.status_code, answer.content_type) == (411, "application/problem+json")


@pytest.mark.parametrize(
    ("prefix", "quoted"),
    [("/school", "/school"), ("/a b", "/a%20b"), ('/<">%2F', "/%3C%22%3E%252F"), ("/\xc3\xa9", "/%C3%A9")],
)
def test_the_link_is_a_url_wherever_the_service_is_mounted(client: FlaskClient, prefix: str, quoted: str) -> None:
    answer = client.get("/api/v1/students?limit=1", environ_overrides={"SCRIPT_NAME": prefix})
    assert answer.headers["Link"].startswith(f"<http://localhost{quoted}/api/v1/students?limit=1&cursor=")


@pytest.mark.parametrize(
    ("trusted", "proto", "scheme"), [(1, "https", "https"), (1, "http", "http"), (0, "https", "http")]
)
def test_the_link_is_secure_where_a_trusted_proxy_says_so(
    sample_url: str, reader: str, trusted: int, proto: str, scheme: str
) -> None:
    app = create_app(settings_for(sample_url).model_copy(update={"trusted_proxies": trusted}))
    answer = bearer(app, reader).get("/api/v1/students?limit=1", headers={"X-Forwarded-Proto": proto})
    app.extensions[EXTENSION].database.close()
    assert answer.headers["Link"].startswith(f"<{scheme}://localhost/api/v1/students?")
