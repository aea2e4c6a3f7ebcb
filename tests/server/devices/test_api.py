"""The devices' API against its own description: whatever is sent, what comes back is what the description says."""

from pathlib import Path

import msgspec
import pytest
import requests
import schemathesis
from central import HOME, Central, OnTheLine
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from workshop import Workshop

from protocol import messages, signing
from protocol.signing import SigningKey, decoded
from server.devices.api.openapi import document


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    """Send what was made up as it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def line(databases):
    with Central(databases("sqlite")) as running, Workshop() as shop:
        yield OnTheLine(shop, running)


def test_the_description_in_the_documents_is_the_one_that_is_served(line):
    checked_in = (Path(__file__).parents[3] / "docs/openapi.json").read_bytes()
    assert msgspec.json.decode(checked_in) == msgspec.json.decode(msgspec.json.encode(document()))
    served = line.line.get("/openapi.json")
    assert msgspec.json.decode(served) == msgspec.json.decode(checked_in)


def signed(line, case):
    """Make the request that a case describes, signed as a controller does."""
    identity = line.identity
    made = case.as_transport_kwargs(base_url=f"https://{identity.address}")
    known = {"method", "url", "headers", "data", "json", "params"}
    ready = requests.Request(**{key: value for key, value in made.items() if key in known}).prepare()
    body = ready.body.encode() if isinstance(ready.body, str) else ready.body or b""
    target = ready.url.partition(identity.address)[2]
    if not line.line._challenge:
        line.line.hello()
    challenge = line.line._challenge
    text = signing.request_text(ready.method, target, identity.device, challenge, "n", body)
    ready.headers[signing.DEVICE] = identity.device
    ready.headers[signing.CHALLENGE] = challenge
    ready.headers[signing.NONCE] = "n"
    ready.headers[signing.SIGNATURE] = SigningKey(decoded(identity.signing)).sign(text)
    return ready, target


@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_is_asked_the_answer_is_one_of_those_described_and_signed(line, label, rng):
    session = requests.Session()
    session.trust_env = False

    @seeded(rng.randrange(2**32))
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy())
    def asked(case):
        case.query = {**(case.query or {}), "wait": 0} if label.endswith("/whitelist") else case.query
        ready, target = signed(line, case)
        answer = session.send(ready, verify=str(HOME / "data/tls.pem"), allow_redirects=False)
        headers = answer.headers
        text = signing.answer_text(
            answer.status_code, target, "n", headers[signing.TIME], headers[signing.CHALLENGE], answer.content
        )
        line.line.server.verify(text, headers[signing.SIGNATURE])
        case.validate_response(answer, checks=list(CHECKS))

    asked()
    session.close()
    assert messages.PROTOCOL == 1
