"""The JSON Schema of the configuration, so that editors complete and check it."""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from bot.settings.model import Settings
from integrations.contract import Integration

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(integrations: Mapping[str, Integration] | None = None) -> dict[str, Any]:
    """Return the schema of `shipmate.yaml`; each entry of `integrations` is checked by its `type`."""
    if integrations is None:
        from integrations.registry import declared  # noqa: PLC0415 - only where the caller names none

        integrations = declared()
    schema = Settings.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = schema.setdefault("$defs", {})
    kinds = []
    for name, integration in sorted(integrations.items()):
        body = integration.settings.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}")
        for inner, definition in body.pop("$defs", {}).items():
            definitions[f"{name}.{inner}"] = definition
        properties = {"type": {"const": name, "description": integration.title}, **body.get("properties", {})}
        required = ["type", *body.get("required", [])]
        definitions[name] = {**body, "title": integration.title, "properties": properties, "required": required}
        kinds.append({"$ref": f"#/$defs/{name}"})
    instances: dict[str, Any] = {"type": "object", "description": "The tools, by a name of your choice."}
    if kinds:
        mapping = {name: f"#/$defs/{name}" for name in sorted(integrations)}
        instances["additionalProperties"] = {
            "oneOf": kinds,
            "discriminator": {"propertyName": "type", "mapping": mapping},
        }
    schema["properties"]["integrations"] = instances
    definitions["GroupSettings"] = _group(definitions["GroupSettings"])
    return {"$schema": _DIALECT, **schema, "title": "shipmate.yaml"}


class _Generator(GenerateJsonSchema):
    """Leaves out what has no place in a file."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - Pydantic's signature
        """Write defaults plainly; a secret's is the empty text."""
        return "" if type(dft).__name__ == "SecretStr" else super().encode_default(dft)


def _group(definition: dict[str, Any]) -> dict[str, Any]:
    listed = {"type": "array", "items": {"type": "string"}, "description": "Names from `people`, or Slack user ids."}
    return {"oneOf": [definition, listed]}
