"""Notes what answers hold by the published documents of the Engine API, into api_documents.json:
`python -m tests.recorded.record_api FOLDER`, where FOLDER has v1.40.yaml and so on, as published at
https://github.com/moby/moby/tree/master/api/docs.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

VERSIONS = ("1.40", "1.41", "1.52", "1.55")
CALLS = (
    *("/version", "/info", "/containers/json", "/containers/{id}/json", "/containers/{id}/top"),
    *("/images/json", "/images/{name}/json", "/images/{name}/history", "/networks", "/volumes"),
    *("/swarm", "/nodes", "/services", "/secrets"),
)
FILE = Path(__file__).parent / "api_documents.json"


def main(folder: Path) -> None:
    found = {}
    for version in VERSIONS:
        document = yaml.safe_load((folder / f"v{version}.yaml").read_text())
        found[version] = {call: sorted(paths(document, call)) for call in CALLS}
    FILE.write_text(json.dumps(found, indent=1) + "\n")


def paths(document: Any, call: str) -> set[str]:
    """Every field of the answer, like "HostConfig.Memory", through lists and maps."""
    responses = document["paths"][call]["get"]["responses"]
    return set(fields(document, responses[200]["schema"], "", ()))


def fields(document: Any, schema: Any, before: str, above: tuple[str, ...]) -> Iterator[str]:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name in above:
        return  # it holds itself
    above = (*above, name) if name else above
    schema = document["definitions"][name] if name else schema
    for part in schema.get("allOf", ()):
        yield from fields(document, part, before, above)
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from fields(document, inner, before, above)
    for key, inner in schema.get("properties", {}).items():
        yield before + key
        yield from fields(document, inner, f"{before}{key}.", above)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
