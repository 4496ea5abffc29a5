"""An engine is found and spoken to over its socket; what it says no to becomes an error that tells it."""

import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from console.sandbox.engine import Engine, EngineAnswered, find_engine
from runner.errors import Unavailable


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/_ping":
            self.answer(200, b"OK")
        elif self.path == "/version":
            self.answer(200, b'{"Version": "20.10.24"}')
        else:
            self.answer(404, b'{"message": "No such image: x"}')

    def do_POST(self):
        events = [{"status": "one"}, {"errorDetail": {"message": "no space left"}, "error": "no space left"}]
        body = "\r\n".join(json.dumps(event) for event in events[: 2 if "bad" in self.path else 1])
        self.answer(200, body.encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "unix"

    def log_message(self, *_args):
        pass


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(
        prefix="e."
    ) as name:  # tmp_path may be longer than a socket's path can be
        yield Path(name)


@pytest.fixture
def engine(folder):
    with ThreadingUnixStreamServer(str(folder / "docker.sock"), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Engine(folder / "docker.sock")
        server.shutdown()
        thread.join()


def test_it_answers_and_says_its_version(engine):
    assert engine.answers()
    assert engine.version() == "20.10.24"


def test_its_no_is_told_with_its_status(engine):
    with pytest.raises(EngineAnswered, match="404: No such image: x") as caught:
        engine.ask("GET", "/images/x/json")
    assert caught.value.status == 404


def test_a_progress_stream_is_yielded_as_objects(engine):
    assert list(engine.stream("POST", "/images/create")) == [{"status": "one"}]


def test_an_error_inside_of_a_stream_of_status_200_is_an_error(engine):
    with pytest.raises(EngineAnswered, match="no space left"):
        list(engine.stream("POST", "/images/create?bad"))


def test_an_engine_that_is_gone_is_unavailable(folder):
    gone = Engine(folder / "docker.sock")
    assert not gone.answers()
    with pytest.raises(Unavailable, match="cannot be asked"):
        gone.version()


def test_docker_host_names_the_engine(engine):
    assert find_engine({"DOCKER_HOST": engine.host}) == engine


@pytest.mark.parametrize("named", ["unix:///nowhere/docker.sock", "tcp://10.0.0.1:2375"])
def test_a_docker_host_that_cannot_be_used_is_refused_rather_than_passed_over(named):
    with pytest.raises(Unavailable, match="DOCKER_HOST=" + named):
        find_engine({"DOCKER_HOST": named})


def test_a_rootless_engine_is_found_where_it_listens(engine):
    assert find_engine({"XDG_RUNTIME_DIR": str(engine.socket.parent)}) in {engine, find_engine({})}
