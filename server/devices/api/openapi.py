"""The API's description, OpenAPI 3.1, made from the messages themselves."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from protocol import messages, signing
from protocol.messages import Enrol, Enrolled, Hello, Problem, Proposals, Receipt, Report, Ring

MESSAGES: Final = (Hello, Enrol, Enrolled, Ring, Receipt, Report, Proposals, Problem)
SIGNED: Final = "A request that is signed by its controller; docs/protocol.md says over what."


def document() -> dict[str, Any]:
    """Describe every operation."""
    _, schemas = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Loquet: the devices' API",
            "version": str(messages.PROTOCOL),
            "summary": "What controllers say to the central server, and hear from it.",
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "paths": {f"{messages.PREFIX}{path}": operations for path, operations in _paths().items()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signed": {"type": "apiKey", "in": "header", "name": signing.SIGNATURE, "description": SIGNED}
            },
        },
    }


def _paths() -> dict[str, dict[str, Any]]:
    described = {"application/json": {"schema": {"type": "object"}}}
    since = [_query("base"), _query("generation"), _query("wait", messages.WAIT), _KNOWS]
    news = "What is new since a version, held until there is something"
    report = _operation("report", "How a controller is", signed=True, body=_json("Report"), answer=_EMPTY)
    alone = "What a controller had kept alone"
    journal = _operation(
        "journal", "Part of a journal", signed=True, body=_LINES, answer=_json("Receipt"), refused=(409,)
    )
    enrol = _operation("enrol", "Take a controller in", body=_json("Enrol"), answer=_json("Enrolled"), refused=(403,))
    return {
        "/hello": {"get": _operation("hello", "Who the server is", answer=_json("Hello"))},
        "/openapi.json": {"get": _operation("openapi", "This description", answer=described)},
        "/enrol": {"post": enrol},
        "/whitelist": {"get": _operation("whitelist", news, signed=True, parameters=since, answer=_LINES)},
        "/ring": {"get": _operation("ring", "The badge keys, sealed", signed=True, answer=_json("Ring"))},
        "/journal": {"post": journal},
        "/report": {"post": report},
        "/proposals": {
            "post": _operation("proposals", alone, signed=True, body=_json("Proposals"), answer=_EMPTY),
        },
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


_LINES: Final = {"application/x-ndjson": {"schema": {"type": "string"}}}
_EMPTY: Final = {"application/json": {"schema": {"type": "object"}}}


_KNOWS: Final = {"name": "knows", "in": "query", "required": False, "schema": {"type": "string"}}


def _query(name: str, most: int = 2**53) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0, "maximum": most}
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _operation(
    name: str,
    summary: str,
    *,
    answer: dict[str, Any],
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
    signed: bool = False,
    refused: tuple[int, ...] = (),
) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    statuses = {400: "Malformed", 413: "Too large", 500: "Failed", 503: "Too busy"}
    statuses |= {401: "Not signed by an enrolled controller"} if signed else {}
    statuses |= {415: "Another media type"} if body else {}
    statuses |= {status: {403: "Refused", 409: "Does not fit what is there"}[status] for status in refused}
    said: dict[str, Any] = {"operationId": name, "summary": summary}
    if parameters:
        said["parameters"] = parameters
    if body is not None:
        said["requestBody"] = {"required": True, "content": body}
    said["responses"] = {"200": {"description": "Done", "content": answer}} | {
        str(status): {"description": text, "content": problem} for status, text in sorted(statuses.items())
    }
    if signed:
        said["security"] = [{"signed": []}]
    return said
