"""What can be read and pressed on a message of the workspace, as a person would."""

from typing import Any

Json = dict[str, Any]


def elements(message: Json) -> list[tuple[Json, Json]]:
    """Return the (block, element) pairs of a message that people can act on."""
    found = [(block, element) for block in message["blocks"] for element in block.get("elements", ())
             if isinstance(element, dict) and "action_id" in element]  # fmt: skip
    return found + [(b, b["accessory"]) for b in message["blocks"] if "accessory" in b]


def buttons(message: Json) -> list[str]:
    """Return the labels that can be pressed on a message."""
    labels = []
    for _, element in elements(message):
        if element["type"] == "button":
            labels.append(element["text"]["text"])
        labels += [option["text"]["text"] for option in element.get("options", ())]
    return labels


def words(message: Json) -> str:
    """Return everything that can be read on a message, in one text."""
    read: list[str] = [message.get("text", "")]

    def collect(thing: Any) -> None:
        if isinstance(thing, dict):
            for key, value in thing.items():
                if key in {"text", "title", "alt_text", "status", "raw_text"} and isinstance(value, str):
                    read.append(value)
                elif key not in {"value", "action_id", "block_id", "confirm"}:
                    collect(value)
        elif isinstance(thing, list):
            for one in thing:
                collect(one)

    collect(message.get("blocks", []))
    return "\n".join(read)
