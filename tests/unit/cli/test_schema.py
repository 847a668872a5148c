import json
import tomllib

from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from hyperhive.cli.main import main
from tests.tools import ROOT


def test_the_schema_accepts_the_examples_and_refuses_what_is_wrong() -> None:
    result = CliRunner().invoke(main, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for path in sorted((ROOT / "examples").glob("*.toml")):
        validator.validate(tomllib.loads(path.read_text()))
    for wrong in (
        {"hive": {"name": "lab"}},
        {"hive": {"name": "Lab"}, "agents": {"a": {}}},
        {"hive": {"name": "lab"}, "agents": {"a": {"modle": "opus"}}},
        {"hive": {"name": "lab"}, "agents": {"A": {}}},
        {"hive": {"name": "lab"}, "agents": {"a": {"uid_base": 7}}},
    ):
        assert not validator.is_valid(wrong), wrong
