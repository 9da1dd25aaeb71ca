"""Exports of a promoted model: what they write, what they check, what they refuse."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbprod.errors import ExportError, ServiceError
from nbprod.promotion.exports import alerts, compose, container, engine, kserve, kubernetes, locking
from nbprod.promotion.exports.dashboard import dashboard, queries
from nbprod.promotion.exports.export import Export, dns_name
from nbprod.promotion.exports.modelfile import export_model
from nbprod.promotion.version import ModelVersion


@pytest.fixture(scope="module")
def image(promoted: ModelVersion, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return container.export_container(promoted, tmp_path_factory.mktemp("out") / "image", build=False)


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return a Containerfile's instructions with their arguments, continued lines joined."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_final_image_has_no_compiler_runs_as_nobody_and_says_whether_it_is_ready(image: Export) -> None:
    found = instructions(image.folder / "Containerfile")
    stages = [number for number, (word, _) in enumerate(found) if word == "FROM"]
    assert len(stages) == 2
    final = found[stages[1] :]
    assert [word for word, _ in final if word == "RUN"] == []
    assert dict(final)["USER"] == "10001:10001"
    assert "/readyz" in dict(final)["HEALTHCHECK"]
    assert all(word != "ADD" for word, _ in found)


def test_requirements_are_locked_with_hashes_to_what_is_installed_here(image: Export) -> None:
    import bentoml
    import starlette

    text = (image.folder / "requirements.txt").read_text()
    if not any("locked with hashes" in one for one in image.tested):
        pytest.skip("no package index answers")
    pinned = {line.split("==")[0]: line for line in text.splitlines() if "==" in line}
    assert f"bentoml=={bentoml.__version__} \\" in pinned["bentoml"]
    assert f"starlette=={starlette.__version__} \\" in pinned["starlette"]
    assert text.count("--hash=sha256:") >= len(pinned)
    assert (
        "http"
        not in text.replace("httptools", "").replace("httpx", "").replace("httpcore", "").lower().split("--hash")[0]
    )


def test_without_an_index_the_versions_own_requirements_are_taken_and_it_is_said(
    promoted: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    locked = locking.lock(promoted.path / "env" / "python" / "requirements.txt", "3.11.7")
    assert not locked.hashed
    assert "bentoml==" in locked.text
    assert "no hashes" in locked.why


def test_the_same_version_gives_the_same_bytes_and_anybody_may_read_them(
    promoted: ModelVersion, image: Export, tmp_path: Path
) -> None:
    again = container.export_container(promoted, tmp_path / "again", build=False)
    files = {path.relative_to(image.folder) for path in image.folder.rglob("*")}
    assert files == {path.relative_to(again.folder) for path in again.folder.rglob("*")}
    for name in files:
        one, other = image.folder / name, again.folder / name
        assert one.stat().st_mtime == other.stat().st_mtime
        assert one.stat().st_mode & 0o044 == 0o044
        assert one.is_dir() or one.read_bytes() == other.read_bytes()


def test_a_line_break_in_a_name_never_becomes_an_instruction(promoted: ModelVersion, tmp_path: Path) -> None:
    evil = dataclasses.replace(promoted, run="1\nRUN echo taken")
    with pytest.raises(ExportError, match=r"control characters \(U\+000A\)"):
        container.export_container(evil, tmp_path / "out", build=False)
    with pytest.raises(ExportError, match="control characters"):
        kubernetes.export_kubernetes(promoted, tmp_path / "other", image="wine:v1\r\nx: y")


def test_a_folder_with_something_else_in_it_is_left_alone(promoted: ModelVersion, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with pytest.raises(ExportError, match="is not empty"):
        kubernetes.export_kubernetes(promoted, tmp_path)
    assert mine.read_text() == "mine"


def test_a_version_that_was_altered_is_not_exported(promoted: ModelVersion, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(promoted.path, copy)
    (copy / "src" / "model.py").write_text("x = 1")
    with pytest.raises(ServiceError, match="is not what was promoted"):
        container.export_container(dataclasses.replace(promoted, path=copy), tmp_path / "out", build=False)


def test_an_engine_without_its_daemon_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine.find_engine() is None


def manifests(folder: Path) -> dict[str, Any]:
    found = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]
    return {one["kind"]: one for one in found}


def test_manifests_fit_kubernetes_schemas_with_nothing_unknown(promoted: ModelVersion, tmp_path: Path) -> None:
    made = kubernetes.export_kubernetes(promoted, tmp_path / "out", image="example/wine:1")
    assert made.tested[0].startswith(
        "Deployment, Service, HorizontalPodAutoscaler, PodDisruptionBudget, NetworkPolicy fit"
    )
    found = manifests(made.folder)
    assert set(found) == {
        *("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"),
        *("ServiceMonitor", "PrometheusRule", "Kustomization"),
    }
    assert {f"{kind.lower()}.yaml" for kind in found} - {"kustomization.yaml"} == set(
        found["Kustomization"]["resources"]
    )


def test_what_belongs_together_is_named_alike(promoted: ModelVersion, tmp_path: Path) -> None:
    found = manifests(kubernetes.export_kubernetes(promoted, tmp_path / "out").folder)
    deployment = found["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    selector = deployment["selector"]["matchLabels"]
    assert selector.items() <= labels
    assert found["Service"]["spec"]["selector"] == selector
    assert (
        found["Service"]["metadata"]["labels"].items()
        >= found["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items()
    )
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == selector
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    port = found["ServiceMonitor"]["spec"]["endpoints"][0]["port"]
    assert port in [one["name"] for one in found["Service"]["spec"]["ports"]]
    container = deployment["template"]["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/tmp"]
    grace = deployment["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > 30 + 5  # the supervisor's time to end, and the pause before it is told


def test_a_manifest_that_does_not_fit_is_refused(promoted: ModelVersion, tmp_path: Path) -> None:
    made = Export.of("kubernetes", promoted, tmp_path / "out")
    wrong = dict(kubernetes.manifests_of(promoted, "wine:v1")[0])
    wrong["spec"] = {**wrong["spec"], "replica": 2}
    with pytest.raises(ExportError, match="Deployment does not fit the schema"):
        kubernetes.check(made, [wrong])


def test_an_inference_service_asks_nothing_that_knative_forbids(promoted: ModelVersion, tmp_path: Path) -> None:
    made = kserve.export_kserve(promoted, tmp_path / "out")
    predictor = yaml.safe_load((made.folder / "inferenceservice.yaml").read_text())["spec"]["predictor"]
    forbidden = {
        "securityContext",
        "topologySpreadConstraints",
        "terminationGracePeriodSeconds",
        "affinity",
        "tolerations",
    }
    assert not forbidden & set(predictor)
    [container] = predictor["containers"]
    assert container["name"] == "kserve-container"
    assert container["securityContext"]["runAsNonRoot"]
    assert "lifecycle" not in container


def test_a_models_name_becomes_one_that_dns_allows() -> None:
    assert dns_name("wine_quality") == "wine-quality"
    assert dns_name("3d") == "m-3d"
    assert len(dns_name("a" * 80)) <= 63 - len("-key")


def test_the_stack_names_files_that_are_there(promoted: ModelVersion, tmp_path: Path) -> None:
    made = compose.export_compose(promoted, tmp_path / "out")
    stack = yaml.safe_load((made.folder / "compose.yaml").read_text())
    for service in stack["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in stack["volumes"] or (made.folder / source).is_dir()
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (made.folder / stack["services"]["wine"]["build"]["context"] / "Containerfile").is_file()
    assert yaml.safe_load((made.folder / "prometheus" / "rules.yml").read_text())["groups"]
    board = json.loads((made.folder / "grafana" / "dashboards" / "wine.json").read_text())
    source = yaml.safe_load((made.folder / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["datasources"][0]["uid"]}


def test_panels_do_not_overlap_and_every_alert_has_words() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in dashboard("wine", job="wine")["panels"]]
    assert len({(x, y) for x, y, _, _ in places}) == len(places)
    assert queries(dashboard("wine", job="wine"))
    for rule in alerts.rules("wine", job="wine")["groups"][0]["rules"]:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_a_model_of_scikit_learn_becomes_an_onnx_file_that_answers_alike(
    promoted: ModelVersion, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("skl2onnx")
    made = export_model("onnx", promoted, tmp_path / "out")
    assert made.files == ["model.onnx"]
    assert made.tested == ["model.onnx: onnxruntime answers 1000 rows as the model does (predict, predict_proba)"]
    assert any("scaler is not written: skl2onnx cannot convert" in one for one in made.untested)
    told = {one.key: one.value for one in onnx.load(made.folder / "model.onnx").metadata_props}
    assert told["model"] == "wine"
    assert told["run"] == promoted.run


def test_a_format_whose_packages_are_missing_says_what_to_install(promoted: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="litert needs tensorflow") as caught:
        export_model("litert", promoted, tmp_path / "out")
    assert caught.value.fix == "pip install tensorflow"


def test_a_file_that_answers_otherwise_is_not_written(promoted: ModelVersion, tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx")
    from sklearn.datasets import load_wine
    from sklearn.ensemble import GradientBoostingClassifier

    from nbprod.promotion.exports import convert

    features, labels = load_wine(return_X_y=True, as_frame=True)
    other = GradientBoostingClassifier(n_estimators=2).fit(features, (labels + 1) % 3)
    source = tmp_path / "src"
    shutil.copytree(promoted.path / "src", source)
    (source / "artifacts" / "model.onnx").write_bytes(convert._converted("model", other).SerializeToString())
    folder = tmp_path / "out"
    folder.mkdir()
    values = {"model": promoted.lineage["values"]["model"]}
    told = {"kind": "onnx", "source": str(source), "folder": str(folder), "values": values, "about": {}}
    done = subprocess.run(
        [sys.executable, "-m", "nbprod.promotion.exports.convert"],
        input=json.dumps(told),
        capture_output=True,
        text=True,
    )
    assert "model.onnx does not answer as the model does" in json.loads(done.stdout.splitlines()[-1])["problem"]
    assert list(folder.iterdir()) == []


def test_a_keras_model_says_which_exporter_is_missing_or_answers_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    source, folder = tmp_path / "src", tmp_path / "out"
    (source / "artifacts").mkdir(parents=True)
    (source / "service.py").write_text("self.model = model")
    (source / "model.py").write_text("")
    folder.mkdir()
    code = (
        "import sys, keras\n"
        "network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation='softmax')])\n"
        "network.save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(source / "artifacts" / "net.keras")], check=True)
    values = {"net": {"format": "keras", "file": "net.keras", "type": "keras.Sequential"}}
    told = {"kind": "onnx", "source": str(source), "folder": str(folder), "values": values, "about": {"model": "net"}}
    done = subprocess.run(
        [sys.executable, "-m", "nbprod.promotion.exports.convert"],
        input=json.dumps(told),
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    if "problem" in found:
        assert found["problem"].startswith("a Keras model on ")
        assert found["fix"].startswith("pip install ")
    else:
        assert found["tested"] == ["net.onnx: onnxruntime answers 1000 rows as the model does"]
