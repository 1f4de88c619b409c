"""Tables that can drift are held against the code."""

import re
from pathlib import Path

from studentapi.app import create_app
from studentapi.settings import Settings
from tests.clients import settings_for

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows][2:]


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    documented = {row[0].strip("`"): row[1] for row in table("Settings")}
    assert set(documented) == {f"STUDENTAPI_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = documented[f"STUDENTAPI_{name.upper()}"]
        if field.is_required():
            assert default == "–"
        elif field.default_factory is not None:
            assert default == "the processors"
        else:
            shown = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            assert default == shown


def test_the_page_of_the_api_has_every_route_that_the_readme_names_only_in_part() -> None:
    app = create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))
    page = (ROOT / "docs" / "api.md").read_text()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        assert path in page or path in ("/docs/{name}", "/docs", "/openapi.json"), path


def test_each_file_is_a_room() -> None:
    for file in (ROOT / "src").rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 400, file
