from apiflask import APIFlask
from flask.testing import FlaskClient

PATH = "/students/11391/at-data"


def test_json_and_form_give_the_object_of_the_native_route(client: FlaskClient) -> None:
    native = client.get("/api/v1/students/11391/chapters/AAA-1/assessment-data").json
    expected = {"resultCode": 100, "resultDescription": "SUCCESS", "result": native}
    assert client.post(PATH, json={"chapterId": "AAA-1"}).json == expected
    assert client.post(PATH, data={"chapterId": "AAA-1"}).json == expected
    assert client.post(PATH, json={"chapterId": "AAA-1", "other": 1}).json == expected


def test_failures_have_another_result_code_and_the_right_status(client: FlaskClient, app: APIFlask) -> None:
    for answer, status in (
        (client.post("/students/nobody/at-data", json={"chapterId": "AAA-1"}), 404),
        (client.post(PATH, json={"chapterId": "ZZZ-1"}), 404),
        (client.post(PATH, json={"chapterId": 7}), 404),
        (client.post(PATH, json={}), 422),
        (client.post(PATH, json={"chapterId": "no such id!"}), 422),
        (client.post(PATH, json=[1]), 422),
        (client.post(PATH, data="{broken", content_type="application/json"), 400),
        (client.post(PATH), 422),
        (client.get(PATH), 405),
        (client.post("/students/a%20b/at-data", json={}), 404),
        (app.test_client().post(PATH, json={"chapterId": "AAA-1"}), 401),
    ):
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert answer.json is not None
        assert answer.json["resultCode"] == answer.json["status"] == status
        assert answer.json["resultDescription"] != "SUCCESS"
        assert answer.json["result"] is None
