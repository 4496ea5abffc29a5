"""Requests as no client would send them, and what every refusal must be."""

import http.client
import json
from urllib.parse import quote, urlsplit

from console.sandbox.signed_http import Credentials, authorization
from runner.masking import Masked

DEEP = b'{"a":' * 100


class Wire:
    """Sends what no client would."""

    def __init__(self, target):
        self.target = target
        self.place = urlsplit(target.root_url).netloc

    def send(self, method, path, body=b"", **headers):
        connection = http.client.HTTPConnection(self.place, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in named)
            for name, value in {**named, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def signed(self, method, path, body=b"", **headers):
        return self.send(method, path, body, Authorization=self.authorization(method, path), **headers)

    def authorization(self, method, path):
        credentials = Credentials(self.target.client_id, Masked(self.target.access_token))
        return authorization(credentials, method, f"{self.target.root_url}{path}")


def check_refusal(status, body):
    assert status < 500, body[:2000]
    if status >= 400 and body and not body.startswith((b"<!DOCTYPE html>", b'{"error"')) and DEEP not in body:
        refusal = json.loads(body)
        assert refusal.keys() == {"code", "message", "requestInfo"}
        assert f"* statusCode: {status}\n" in refusal["message"]


def path_of(service, endpoint, values):
    path = endpoint.route
    for name, value in values.items():
        path = path.replace(f"<{name}>", quote(value, safe=""))
    return f"/api/{service}/v1{path}"


def parameters(endpoint):
    return [part.partition(">")[0] for part in endpoint.route.split("<")[1:]]
