"""The host keeps an app running: through crashes, hung invocations, broken code and restarts."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from odibi_local.functions_host import FunctionsHost, LogLine, printing_sink

APP = """
@app.route("runs", methods=["POST"])
def start_run(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({"got": req.get_json()}), status_code=202, mimetype="application/json", headers={"x-run": "1"})

@app.route("runs/{id}", methods=["GET"])
async def get_run(req: func.HttpRequest) -> str:
    return req.route_params["id"] + "?" + req.params.get("q", "")

@app.route("runs/latest", methods=["GET"])
def latest(req: func.HttpRequest) -> str:
    return "literal"

@app.route("slow")
def slow(req: func.HttpRequest) -> str:
    time.sleep(float(req.params["seconds"]))
    return "done"

@app.route("fails")
def fails(req: func.HttpRequest) -> str:
    raise ValueError("as told")

@app.timer_trigger(arg_name="timer", schedule="%SWEEP%")
def sweep(timer: func.TimerRequest) -> None:
    print("swept in", os.getcwd(), os.environ.get("FROM_FILE"))

import json
"""
SETTINGS = {**os.environ, "SWEEP": "0 0 0 1 1 *"}


@pytest.fixture
def start(write_app, lines):
    """Return a function that starts a host for the toy app and waits for it."""
    running = []

    def run(*, host_json=None, watch=False, **options):
        host = FunctionsHost(write_app(APP, host_json), SETTINGS, sink=lines, watch=watch, **options)
        running.append(host)
        host.start()
        host.wait_ready()
        return host

    yield run
    for host in running:
        host.stop()


def _ask(host, path, *, method="GET", body=None, timeout=20):
    request = urllib.request.Request(host.base_url + path, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_http_routes_methods_and_answers(start, lines):
    """Prefix, templates, methods, bodies, headers; a literal part beats a parameter; a failure is 500."""
    host = start()
    status, body, headers = _ask(host, "/api/runs", method="POST", body=b'{"pipeline": "sales"}')
    assert (status, json.loads(body), headers["x-run"]) == (202, {"got": {"pipeline": "sales"}}, "1")
    assert _ask(host, "/api/runs/a%20b?q=1")[1] == b"a b?1"
    assert _ask(host, "/api/runs/latest")[1] == b"literal"
    assert _ask(host, "/api/runs", method="DELETE")[0] == 404
    assert _ask(host, "/runs/1")[0] == 404
    assert _ask(host, "/api/fails")[0] == 500
    line = lines.wait_for("fails failed")
    assert (line.level, line.fields["error"]) == ("ERROR", "ValueError: as told")
    assert 'raise ValueError("as told")' in line.fields["trace"]


def test_a_route_prefix_can_be_empty(start):
    """`extensions.http.routePrefix` replaces /api."""
    host = start(host_json={"extensions": {"http": {"routePrefix": ""}}})
    assert _ask(host, "/runs/1")[1] == b"1?"


def test_a_timer_can_be_fired_by_hand(start, lines, write_app):
    """POST /admin/functions/NAME, as Core Tools has it; the app runs in its own folder."""
    host = start()
    assert _ask(host, "/admin/functions/sweep", method="POST", body=b'{"input": ""}')[0] == 202
    assert lines.wait_for("swept in").message == f"swept in {host._folder} None"
    assert lines.wait_for("sweep ok").kind == "function"
    assert _ask(host, "/admin/functions/nobody", method="POST", body=b"{}")[0] == 404
    assert json.loads(_ask(host, "/admin/host/status")[1])["state"] == "Running"


def test_a_function_with_a_wrong_setting_is_in_error_and_the_others_run(start, lines, monkeypatch):
    """A schedule that does not resolve stops its own function only."""
    monkeypatch.delitem(SETTINGS, "SWEEP")
    host = start()
    assert lines.wait_for("The 'sweep' function is in error").level == "ERROR"
    assert _ask(host, "/api/runs/1")[0] == 200


def test_a_crashed_child_is_replaced(start, lines):
    """Whatever kills the child, the next one answers."""
    host = start()
    before = host.child_pid
    host.kill_child()
    host.wait_ready()
    assert host.child_pid != before
    assert _ask(host, "/api/runs/1")[0] == 200
    assert "ended with code -9" in lines.wait_for("another starts").message


def test_function_timeout_kills_the_whole_child(start, lines):
    """As on Azure, everything in flight dies with the invocation that takes too long."""
    host = start(host_json={"functionTimeout": "00:00:01"})
    before = host.child_pid
    with pytest.raises(http.client.RemoteDisconnected):
        _ask(host, "/api/slow?seconds=30")
    lines.wait_for("slow ran longer than the functionTimeout")
    host.wait_ready()
    assert host.child_pid != before


def test_a_request_in_work_survives_a_reload(start):
    """The former child finishes what it took; the new one takes what comes."""
    host = start()
    before = host.child_pid
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(_ask, host, "/api/slow?seconds=1.5")
        time.sleep(0.3)
        host.reload()
        host.wait_ready()
        assert host.child_pid != before
        assert _ask(host, "/api/runs/1")[0] == 200
        assert not slow.done()
        assert slow.result()[:2] == (200, b"done")


def test_a_request_in_work_survives_a_stop(start):
    """A stop drains: it ends when the answer is written."""
    host = start()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(_ask, host, "/api/slow?seconds=1")
        time.sleep(0.3)
        host.stop()
        assert slow.result()[:2] == (200, b"done")


def test_what_does_not_drain_in_time_is_killed(start, lines):
    """A stop does not wait for ever."""
    host = start(drain_seconds=0.5)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(_ask, host, "/api/slow?seconds=30")
        time.sleep(0.3)
        began = time.monotonic()
        host.stop()
        assert time.monotonic() - began < 5
        assert isinstance(slow.exception(), OSError)
    lines.wait_for("did not drain")


def test_a_change_of_the_code_is_loaded_and_a_broken_one_is_explained(start, lines):
    """A broken app answers 503, says why, and recovers with the next change."""
    host = start(watch=True)
    path = host._folder / "function_app.py"
    good = path.read_text()
    path.write_text(good + "\nraise RuntimeError('half written')\n")
    assert "RuntimeError: half written" in host.wait_broken()
    assert "0 functions loaded" in lines.wait_for("half written").message
    assert _ask(host, "/api/runs/1")[0] == 503
    state = json.loads(_ask(host, "/admin/host/status")[1])
    assert state["state"] == "Error"
    assert "half written" in state["errors"][0]
    path.write_text(good.replace('"literal"', '"changed"'))
    host.wait_ready()
    assert _ask(host, "/api/runs/latest")[1] == b"changed"


def test_the_child_ends_when_its_host_is_killed(write_app, tmp_path):
    """No orphan is left behind to take messages."""
    folder = write_app(APP)
    host = subprocess.Popen(
        [sys.executable, "-m", "odibi_local.functions_host", str(folder), "--port", "0", "--no-watch"],
        env={**SETTINGS, "ODIBI_LOG_FORMAT": "json"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout.readline().startswith("http://127.0.0.1:")
        assert json.loads(host.stdout.readline())["message"].startswith("6 functions loaded")
        children = _children(host.pid)
        assert len(children) == 1
        host.send_signal(signal.SIGKILL)
        host.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and _alive(children[0]):
            time.sleep(0.05)
        assert not _alive(children[0])
    finally:
        host.kill()
        host.stdout.close()


def _children(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(line) for line in listed.stdout.split()]


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_lines_are_text_or_json():
    """People read text, machines read JSON; what an app prints as JSON stays as it is."""
    text, machine = io.StringIO(), io.StringIO()
    line = LogLine(kind="function", level="INFO", message="run_node ok 41 ms", fields={"milliseconds": 41})
    printing_sink(log_format="text", stream=text)(line)
    printing_sink(log_format="json", stream=machine)(line)
    printing_sink(log_format="json", stream=machine)(LogLine(kind="output", level="INFO", message='{"own": 1}'))
    assert text.getvalue().endswith("function run_node ok 41 ms\n")
    first, second = map(json.loads, machine.getvalue().splitlines())
    assert (first["message"], first["milliseconds"], first["level"]) == ("run_node ok 41 ms", 41, "INFO")
    assert second == {"own": 1}
