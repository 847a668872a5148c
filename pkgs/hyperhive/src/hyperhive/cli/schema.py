"""`hyperhive schema`: the declared hive as JSON Schema."""

import json

import click

from hyperhive.hive.models import HiveConfig


@click.command()
def schema() -> None:
    """Print the JSON Schema of a declared hive: every field, described.

    Editors use it to complete and check hive.toml and hive.json.
    """
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **HiveConfig.model_json_schema(),
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
