"""What stands before BentoML in a service: requests good and bad, as a client sees them."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.promotion import launch
from nbprod.promotion.signature import Column, Input, Signature

from .folders import write_bento

KEY = "a secret of this test"
MODEL = """
import time

def predict(rows, label=""):
    if any(row["x"] == 7.0 for row in rows):
        raise ValueError("sevens are not for me")
    if label == "refused":
        from bentoml.exceptions import InvalidArgument
        raise InvalidArgument("no such label")
    if label == "slow":
        time.sleep(0.3)
    return [2.0 * row["x"] for row in rows]
"""
ROWS = Input("rows", "records", columns=(Column("x", "x", "float"), Column("n", "n", "int")))
SIGNATURE = Signature((ROWS, Input("label", "value", "str", default="''")), {"predict": "list[float]"}, rowwise=True)
SAMPLE = {"route": "predict", "arguments": {"rows": [{"x": 1.0, "n": 1}]}, "answer": [2.0]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    folder = write_bento(home / "bento", 3, model=MODEL, signature=SIGNATURE, samples=[SAMPLE])
    env = {"NBPROD_LOG_FOLDER": str(home / "predictions"), "NBPROD_API_KEY": KEY, "NBPROD_MAX_BODY": "1000000"}
    process = launch.start(launch.Deployment(3, str(folder), env=env), home / "home", home / "service.log")
    try:
        process.wait_ready(120)
        yield process.url
    finally:
        process.stop()


Answer = tuple[int, Any, dict[str, str]]


def ask(url: str, path: str, body: Any = None, method: str | None = None, **headers: str) -> Answer:
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"X-API-Key": KEY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request(method or ("GET" if data is None else "POST"), path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    try:
        value = json.loads(text)
    except ValueError:
        value = text.decode()
    return answer.status, value, {name.lower(): value for name, value in answer.getheaders()}


def row(x: Any = 1.5, n: Any = 1) -> dict[str, Any]:
    return {"x": x, "n": n}


def test_an_answer_names_its_version_and_the_request(url: str) -> None:
    status, answer, headers = ask(url, "/predict", {"rows": [row()]}, X_Request_ID="mine-1")

    assert (status, answer) == (200, [3.0])
    assert (headers["x-request-id"], headers["x-model-version"]) == ("mine-1", "3")
    _, _, first = ask(url, "/predict", {"rows": [row()]})
    _, _, second = ask(url, "/predict", {"rows": [row()]}, X_Request_ID="ill\tformed")
    assert first["x-request-id"] != second["x-request-id"] != "ill\tformed"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"rows": [row(x="1")]}, 400, "rows.*0.*x.*valid number"),
        ({"rows": [row(n=1.5)]}, 400, "valid integer"),
        ({"rows": [{"x": 1.0}]}, 400, "n.*Field required"),
        ({"rows": [{**row(), "colour": 1}]}, 400, "colour.*Extra inputs"),
        ({"rows": [row(x=None)]}, 400, "valid number"),
        ({"rows": []}, 400, "at least 1 item"),
        (b'{"rows": [{"x": NaN, "n": 1}]}', 400, "finite number|Invalid JSON"),
        (b'{"rows": [{"x": 1e999, "n": 1}]}', 400, "finite number"),
        (b'{"rows": [', 400, "Invalid JSON"),
        (b"", 400, "Field required"),
        (b"\xff\xfe", 400, "Invalid JSON"),
        (b"[" * 100_000, 400, "Invalid JSON"),
        (b" " * 1_000_001, 413, "longer than 1000000 bytes"),
        (b'{"rows": [' + b'{"x": 1.0, "n": 1},' * 600_000, 413, "longer"),
        ({"rows": [row(x=7.0)]}, 500, "the model failed"),
        ({"rows": [row()], "label": 1}, 400, "label.*valid string"),
        ({"rows": [row()], "label": "refused"}, 400, '"error": "no such label"'),
    ],
)
def test_a_bad_request_is_told_what_is_wrong_with_it(url: str, body: Any, status: int, message: str) -> None:
    got, answer, _ = ask(url, "/predict", body)

    assert got == status
    assert re.search(message, json.dumps(answer))
    assert "Traceback" not in json.dumps(answer)
    assert ask(url, "/predict", {"rows": [row()]})[1] == [3.0]


def test_what_is_no_json_is_not_read_as_such(url: str) -> None:
    assert ask(url, "/predict", b"\x80\x04.", Content_Type="application/vnd.bentoml+pickle")[0] == 415
    assert ask(url, "/predict", b"--x", Content_Type="multipart/form-data; boundary=x")[0] == 415


def test_without_the_key_only_probes_and_metrics_are_answered(url: str) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/v2/health/ready"):
        assert ask(url, path, X_API_Key="")[0] == 200
    for path, body in (("/predict", {"rows": [row()]}), ("/info", None), ("/", None), ("/docs.json", None)):
        status, answer, headers = ask(url, path, body, X_API_Key="wrong")
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert "key" in answer["error"]
    assert ask(url, "/info", X_API_Key="", Authorization=f"Bearer {KEY}")[0] == 200


def test_what_is_not_there_is_404_and_makes_no_series(url: str) -> None:
    for number in range(30):
        assert ask(url, f"/nowhere/{number}")[0] == 404
    assert ask(url, "/predict")[0] == 405
    assert ask(url, "/info", {})[0] == 405

    metrics = ask(url, "/metrics")[1]

    assert "nowhere" not in metrics
    assert 'nbprod_requests_total{code="404",model="double",route="other",version="3"}' in metrics
    assert 'nbprod_model_info{commit="abc",model="double"' in metrics


def test_the_pages_load_nothing_from_elsewhere(url: str) -> None:
    status, page, headers = ask(url, "/")

    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "double v3" in page
    assert not re.search(r"https?://|<script", page)
    assert ask(url, "/info")[1]["run"] == "run-1"
    paths = ask(url, "/docs.json")[1]["paths"]
    assert "/predict" in paths


def test_many_requests_at_once_each_get_their_own_answer_and_a_bad_row_fails_alone(url: str) -> None:
    import threading

    answers: dict[int, Answer] = {}

    def client(number: int) -> None:
        answers[number] = ask(url, "/predict", {"rows": [row(float(number)), row(float(number) + 0.5)]})

    threads = [threading.Thread(target=client, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number for number, (status, _, _) in answers.items() if status != 200} == {7}
    assert all(answer == [2.0 * n, 2.0 * n + 1] for n, (_, answer, _) in answers.items() if n != 7)


def test_a_client_that_reads_slowly_gets_all_of_a_long_answer(url: str) -> None:
    numbers = [float(number) for number in range(8, 30_008)]
    body = json.dumps({"rows": [row(x, 1) for x in numbers]}).encode()
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((host, int(port)))
        head = (
            f"POST /predict HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nConnection: close\r\nContent-Length: {len(body)}"
        )
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        time.sleep(0.5)
        text = b""
        while part := connection.recv(65536):
            text += part
            time.sleep(0.001)

    assert json.loads(text.partition(b"\r\n\r\n")[2]) == [2 * number for number in numbers]


def test_the_log_holds_what_was_sent_and_answered(url: str, home: Path) -> None:
    ask(url, "/predict", b'{"rows":\n [{"x": 4.5, "n": 9}]}', X_Request_ID="logged-1")
    ask(url, "/predict", {"rows": [row(x=7.0)]}, X_Request_ID="logged-2")
    ask(url, "/predict", {"rows": [row(x="no")]}, X_Request_ID="logged-3")

    lines = logged(home / "predictions", "logged-", 3)

    assert {key: lines[0][key] for key in ("id", "version", "route", "arguments", "answer", "status")} == {
        "id": "logged-1",
        "version": 3,
        "route": "predict",
        "arguments": {"rows": [{"x": 4.5, "n": 9}]},
        "answer": [9.0],
        "status": 200,
    }
    assert lines[0]["ms"] > 0
    assert (lines[1]["status"], "answer" in lines[1], "failed" in lines[1]["error"]["error"]) == (500, False, True)
    assert (lines[2]["status"], "arguments" in lines[2]) == (400, False)


def logged(folder: Path, start: str, count: int) -> list[dict[str, Any]]:
    """The lines of requests whose ids start so, once there are so many."""
    until = time.monotonic() + 15
    while True:
        texts = [path.read_text() for path in sorted(folder.glob("predictions-*.jsonl"))]
        lines = [json.loads(line) for text in texts for line in text.splitlines()]
        found = [line for line in lines if str(line.get("id", "")).startswith(start)]
        if len(found) >= count:
            return found
        assert time.monotonic() < until, lines
        time.sleep(0.05)


def test_feedback_is_kept_or_refused(url: str, home: Path) -> None:
    assert ask(url, "/feedback", [{"id": "logged-1", "label": 9.0, "row": 0}, {"id": "b", "label": "x"}])[1] == {
        "kept": 2
    }
    for bad in ({"label": 1}, {"id": 1, "label": 2}, {"id": "a", "label": 1, "more": 2}, [], b"{"):
        status, answer, _ = ask(url, "/feedback", bad)
        assert (status, "error" in answer) == ((200, False) if bad == [] else (400, True))

    (path,) = (home / "predictions").glob("feedback-*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["id"], line["label"], line.get("row")) for line in lines] == [("logged-1", 9.0, 0), ("b", "x", None)]


def test_open_inference_protocol(url: str, home: Path) -> None:
    assert ask(url, "/v2")[1] == {"name": "nbprod", "version": "3", "extensions": ["binary_tensor_data"]}
    assert ask(url, "/v2/models/double/ready")[1] == {"name": "double", "ready": True}
    told = ask(url, "/v2/models/double/versions/3")[1]
    assert (told["name"], told["versions"]) == ("double", ["3"])
    assert {"name": "x", "datatype": "FP64", "shape": [-1]} in told["inputs"]
    tensors = [
        {"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [[1.5], [2.0]]},
        {"name": "n", "shape": [2], "datatype": "INT64", "data": [1, 2]},
    ]

    status, answer, _ = ask(url, "/v2/models/double/infer", {"id": "q", "inputs": tensors})

    assert status == 200
    output = {"name": "predict", "datatype": "FP64", "shape": [2], "data": [3.0, 4.0]}
    assert answer == {"model_name": "double", "model_version": "3", "id": "q", "outputs": [output]}
    whole = {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": [1.5, 1, 2.0, 2]}
    assert ask(url, "/v2/models/double/infer", {"inputs": [whole]}, X_Request_ID="tensors-1")[1]["outputs"] == [output]
    (line,) = logged(home / "predictions", "tensors-", 1)
    assert (line["route"], line["answer"], line["status"]) == ("predict", [3.0, 4.0], 200)
    assert line["arguments"]["rows"] == [{"x": 1.5, "n": 1}, {"x": 2.0, "n": 2}]


def infer(url: str, request: dict[str, Any], raw: bytes, length: int | None = None) -> tuple[int, Any, bytes]:
    """Send an inference request with bytes behind its JSON; give the status, the JSON and the bytes of the answer."""
    head = json.dumps(request).encode()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    fields = {"X-API-Key": KEY, "Inference-Header-Content-Length": str(len(head) if length is None else length)}
    fields["Content-Type"] = "application/octet-stream"
    connection.request("POST", "/v2/models/double/infer", head + raw, fields)
    answer = connection.getresponse()
    text = answer.read()
    end = int(answer.headers.get("Inference-Header-Content-Length") or len(text))
    connection.close()
    return answer.status, json.loads(text[:end]), text[end:]


def tensor(name: str, kind: str, shape: list[int], raw: bytes) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(raw)}}


def test_binary_tensors_are_read_and_written(url: str) -> None:
    x, n = struct.pack("<2f", 1.5, 2.0), struct.pack("<2h", 1, 2)
    label = struct.pack("<I", 3) + b"abc"
    inputs = [
        tensor("x", "FP32", [2, 1], x),
        {"name": "label", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(label)}},
        tensor("n", "INT16", [2], n),
    ]

    status, answer, raw = infer(url, {"inputs": inputs, "parameters": {"binary_data_output": True}}, x + label + n)

    assert (status, struct.unpack("<2d", raw)) == (200, (3.0, 4.0))
    assert answer["outputs"] == [
        {"name": "predict", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}}
    ]
    plain = {"name": "predict", "parameters": {"binary_data": False}}
    status, answer, raw = infer(url, {"inputs": inputs, "outputs": [plain]}, x + label + n)
    assert (status, answer["outputs"][0]["data"], raw) == (200, [3.0, 4.0], b"")


@pytest.mark.parametrize(
    ("kind", "raw", "length", "message"),
    [
        ("FP32", b"\0" * 7, None, "x: 7 bytes are no whole number of FP32"),
        ("FP32", b"\0" * 8, None, "x: its bytes hold 2 values of 1"),
        ("BYTES", b"\x09\0\0\0a", None, "x: its last text is cut off"),
        ("BYTES", b"\x01\0\0\0\xff", None, "x: a value is no text in UTF-8"),
        ("FP64", struct.pack("<d", float("nan")), None, "rows.0.x"),
        ("FP32", b"\0" * 4, 10_000, "must be the length of the JSON"),
        ("FP32", b"\0" * 4, 5, "no JSON"),
    ],
)
def test_bad_binary_tensors_are_told_what_is_wrong(
    url: str, kind: str, raw: bytes, length: int | None, message: str
) -> None:
    n = struct.pack("<q", 1)
    inputs = [tensor("x", kind, [1], raw), tensor("n", "INT64", [1], n)]

    status, answer, _ = infer(url, {"inputs": inputs}, raw + n, length)

    assert status == 400
    assert message in answer["error"]
    status, answer, _ = infer(url, {"inputs": [tensor("x", "FP32", [1], b"1234"), inputs[1]]}, b"1234" + n + b"more")
    assert (status, "16 bytes stand behind" in answer["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "no JSON"),
        ({"inputs": {}}, "list `inputs`"),
        ({"inputs": []}, "inputs are missing"),
        ({"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1]}]}, "do not fill"),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP9", "data": [1]}]}, "datatype"),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}, "valid number"),
        ({"inputs": [{"name": "y", "shape": [1, 5], "datatype": "FP64", "data": [1, 2, 3, 4, 5]}]}, "takes 2: x, n"),
    ],
)
def test_a_bad_inference_request_is_told_what_is_wrong(url: str, body: Any, message: str) -> None:
    status, answer, _ = ask(url, "/v2/models/double/infer", body)

    assert status == 400
    assert message in answer["error"]


def test_a_log_that_cannot_be_written_fails_no_request_and_is_counted(tmp_path: Path) -> None:
    folder = write_bento(tmp_path / "bento")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    env = {"NBPROD_LOG_FOLDER": str(blocked / "predictions")}
    process = launch.start(launch.Deployment(1, str(folder), env=env), tmp_path / "home", tmp_path / "log")
    try:
        process.wait_ready(120)
        for _ in range(5):
            assert ask(process.url, "/predict", {"rows": [row()]})[0] == 200
        assert ask(process.url, "/feedback", {"id": "a", "label": 1})[0] == 503
        until = time.monotonic() + 15
        while 'dropped_total{model="double",version="1"} 5.0' not in ask(process.url, "/metrics")[1]:
            assert time.monotonic() < until, ask(process.url, "/metrics")[1]
            time.sleep(0.1)
    finally:
        process.stop()
    assert (tmp_path / "log").read_text().count("predictions cannot be logged") == 1


def test_bentoml_alone_serves_the_folder_too(tmp_path: Path) -> None:
    """`bentoml serve FOLDER` answers the same, with the same pages."""
    import subprocess
    import sys

    from nbprod.promotion import bento

    made = write_bento(tmp_path / "source", 2)
    bento.build(
        made / "src",
        tmp_path / "bento",
        tmp_path / "home",
        service="Double",
        name="double",
        version="v2",
        readme="",
        packages=[],
    )
    port = bento.free_port()
    where = [str(tmp_path / "bento"), "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", *where],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=bento.environment(tmp_path / "home"),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while not bento.answers(url):
            assert time.monotonic() < until, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.1)
        assert ask(url, "/predict", {"rows": [row()]})[:2] == (200, [3.0])
        assert ask(url, "/v2/models/double")[1]["versions"] == ["2"]
        assert ask(url, "/nowhere")[0] == 404
    finally:
        launch.stop(process.pid)
        process.wait()
