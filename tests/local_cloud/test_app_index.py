"""An app that Azure could not index is refused here with the reason."""

from __future__ import annotations

import pytest

from odibi_local.functions_host import IndexingError, InProcessHost

QUEUE = '@app.service_bus_queue_trigger(arg_name="msg", connection="C", queue_name="q")\n'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no settings')", "cannot be imported: ValueError: no settings"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("del app", "has no FunctionApp"),
        ("second = func.FunctionApp()", "more than one FunctionApp"),
        (QUEUE + "def f(msg: func.ServiceBusMessage): ...\n" + QUEUE + "def f(msg): ...", "unique function name"),
        (QUEUE + "def f(message): ...", "decorators name arguments that the function does not have: msg"),
        (QUEUE + "def f(msg, more): ...", "arguments without a binding: more"),
        (QUEUE + "def f(msg: func.TimerRequest): ...", "does not fit 'serviceBusTrigger'"),
        (QUEUE + "def f(msg: func.Out[str]): ...", "'msg' is an input"),
        ("@app.function_name('host')\n" + QUEUE + "def f(msg): ...", "function 'host'"),
        ("@app.function_name('9lives')\n" + QUEUE + "def f(msg): ...", "function '9lives'"),
        (QUEUE.replace("msg", "my__msg") + "def f(my__msg): ...", "refuses the binding name 'my__msg'"),
        ("@app.service_bus_queue_output(arg_name='out', connection='C', queue_name='q')\n" + QUEUE
         + "def f(msg, out: func.Out[list[str]]): ...", "does not fit 'serviceBus'"),
        ("@app.function_name('f')\ndef f(msg): ...", "does not have a trigger"),
    ],
)  # fmt: skip
def test_a_broken_app_is_refused_with_its_reason(write_app, body, said):
    """One bad function takes the whole app down, as on Azure."""
    with pytest.raises(IndexingError, match=said), InProcessHost(write_app(body)):
        pass


def test_an_app_is_indexed_again_after_a_change(write_app):
    """Each host sees the code as it is now, modules beside function_app.py included."""
    folder = write_app("from beside import NAME\n@app.route(NAME)\ndef f(req: func.HttpRequest) -> str: return NAME")
    for name in ("one", "two"):
        (folder / "beside.py").write_text(f"NAME = '{name}'  # {'x' * len(name) * (1 if name == 'one' else 9)}")
        with InProcessHost(folder) as host:
            assert host.functions["f"].trigger.properties["route"] == name
