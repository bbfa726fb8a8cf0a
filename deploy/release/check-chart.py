"""Renders the chart with Helm's own library, and looks at what comes out.

    check-chart.py CHART

Every object is validated against the schemas of Kubernetes; what svm needs of them is compared; and
values that cannot work have to be refused. Needs PyPI's helm-python-sdk and kubernetes-validate.
"""

import sys

import helm_python as helm
import kubernetes_validate
import yaml

chart_path = sys.argv[1]
versions = ["1.25", "1.31", "1.35"]
secret = {"tokens": {"existingSecret": "tokens"}}
redis = {"redis": {"host": "redis.cache:6380", "port": 6380}}
# Helm reads a number in such a file as a float.
file = """
tokens:
  existingSecret: tokens
settings:
  API_USAGE_THRESHOLD: 250
  MAX_UPSTREAM_RESPONSE_BYTES: 20971520
  CACHE_L1_MAX_GB: 0.5
"""

good = {
    "one replica with a volume": secret,
    "one replica without a volume": {**secret, "persistence": {"enabled": False}},
    "many replicas with Redis": {**secret, **redis, "replicas": 3},
    "Redis with a password": {**secret, "redis": {"existingSecret": "redis"}, "replicas": 2},
    "a file of tokens": {"tokens": {"file": "ghp_first\nghp_second\n"}},
    "a file of values": helm.values_from_yaml(file),
    "a longer shutdown": {
        **secret, "terminationGracePeriodSeconds": 75,
        "settings": {"API_USAGE_THRESHOLD": 100, "SHUTDOWN_GRACE": "1m"},
    },
    "everything": {
        **secret, **redis, "replicas": 2, "memory": "2Gi", "shutdownDelaySeconds": 0,
        "image": {"digest": "sha256:" + "a" * 64}, "imagePullSecrets": [{"name": "pull"}],
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "networkPolicy": {"from": [{"namespaceSelector": {}}]},
        "settings": {"API_USAGE_THRESHOLD": 250, "CACHE_HARD_TTL": "12h", "REQUIRE_PUBLIC_TOKENS": True},
        "podAnnotations": {"a": "b"}, "nodeSelector": {"a": "b"}, "service": {"type": "LoadBalancer", "port": 80},
        "tolerations": [{"operator": "Exists"}], "affinity": {"nodeAffinity": {}},
    },
}
bad = {
    "no tokens": {},
    "tokens twice": {"tokens": {"existingSecret": "tokens", "file": "ghp_first"}},
    "several replicas without Redis": {**secret, "replicas": 2},
    "a size that is in no table": {**secret, "memory": "64Mi"},
    "a variable that the chart sets": {**secret, "settings": {"API_USAGE_THRESHOLD": "1", "PORT": "80"}},
    "a value that there is not": {**secret, "replicaCount": 2},
    "a digest that is none": {**secret, "image": {"digest": "latest"}},
    "no time to end": {**secret, "terminationGracePeriodSeconds": 0},
}


def render(values):
    with helm.Chart.load(chart_path) as chart:
        chart.validate_schema(chart.merge_values(values))
        texts = chart.render(values, name="release", namespace="cache")
    objects = [(name, yaml.safe_load(text)) for name, text in texts.items() if name.endswith(".yaml")]
    return {it["kind"]: it for _, it in objects if it}


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"FAILED: {what}: {got!r} in place of {wanted!r}")


def validate(objects):
    for kind, it in objects.items():
        for version in versions if kind != "ServiceMonitor" else []:
            kubernetes_validate.validate(it, version, strict=True)


def workload(objects):
    return objects.get("StatefulSet") or objects["Deployment"]


def pod(objects):
    return workload(objects)["spec"]["template"]["spec"]


def environment(objects):
    return {it["name"]: it.get("value", it.get("valueFrom")) for it in pod(objects)["containers"][0]["env"]}


def check_all(objects, values):
    spec = pod(objects)
    container = spec["containers"][0]
    expect("liveness", container["livenessProbe"]["httpGet"]["path"], "/livez")
    expect("readiness", container["readinessProbe"]["httpGet"]["path"], "/readyz")
    expect("root file system", container["securityContext"]["readOnlyRootFilesystem"], True)
    expect("capabilities", container["securityContext"]["capabilities"], {"drop": ["ALL"]})
    expect("user", spec["securityContext"]["runAsNonRoot"], True)
    expect("limit", container["resources"]["limits"]["memory"], container["resources"]["requests"]["memory"])
    delay = int(environment(objects)["SHUTDOWN_DELAY"].removesuffix("s"))
    expect("time to end", spec["terminationGracePeriodSeconds"], values.get("terminationGracePeriodSeconds", delay + 10))
    labels = workload(objects)["spec"]["selector"]["matchLabels"]
    for selector in [objects["Service"]["spec"]["selector"], objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]:
        expect("selector", selector, labels)
    missing = labels.items() - workload(objects)["spec"]["template"]["metadata"]["labels"].items()
    expect("labels of the pod", missing, set())


def ports_out(objects):
    return sorted({port["port"] for rule in objects["NetworkPolicy"]["spec"]["egress"] for port in rule["ports"]})


def check_each(rendered):
    one, many = rendered["one replica with a volume"], rendered["many replicas with Redis"]
    expect("kinds of one", sorted(one), ["NetworkPolicy", "Service", "StatefulSet"])
    expect("its volume", one["StatefulSet"]["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "10Gi")
    expect("its ports out", ports_out(one), [53, 443])
    expect("its store", environment(one).get("REDIS_HOST"), None)
    expect("kinds of many", sorted(many), ["Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"])
    expect("their ports out", ports_out(many), [53, 443, 6380])
    expect("their store", environment(many)["REDIS_HOST"], "redis.cache:6380")
    expect("their volumes", pod(many).get("volumes"), None)
    bare = rendered["one replica without a volume"]
    expect("kind", pod(bare)["volumes"], [{"name": "store", "emptyDir": {}}])
    file = rendered["a file of tokens"]
    expect("its secret", file["Secret"]["stringData"], {"GITHUB_PATS": "ghp_first,ghp_second"})
    expect("its name", environment(file)["GITHUB_PATS"]["secretKeyRef"]["name"], file["Secret"]["metadata"]["name"])
    numbers = environment(rendered["a file of values"])
    expect("a small number", numbers["API_USAGE_THRESHOLD"], "250")
    expect("a large number", numbers["MAX_UPSTREAM_RESPONSE_BYTES"], "20971520")
    expect("a fraction", numbers["CACHE_L1_MAX_GB"], "0.5")
    everything = rendered["everything"]
    expect("image", pod(everything)["containers"][0]["image"], "REGISTRY/OWNER/svm@sha256:" + "a" * 64)
    expect("settings", environment(everything)["API_USAGE_THRESHOLD"], "250")
    expect("switches", environment(everything)["REQUIRE_PUBLIC_TOKENS"], "true")
    expect("monitor", everything["ServiceMonitor"]["spec"]["endpoints"][0]["path"], "/metrics")


def main():
    findings = helm.lint(chart_path, values=secret)
    expect("errors of lint", findings["errors"], [])
    print(f"Helm {helm.helm_sdk_version()}")
    rendered = {}
    for name, values in good.items():
        rendered[name] = render(values)
        validate(rendered[name])
        check_all(rendered[name], values)
        print(f"  {name:40} {', '.join(sorted(rendered[name]))}")
    check_each(rendered)
    for name, values in bad.items():
        try:
            render(values)
        except helm.HelmError as error:
            print(f"  {name:40} refused: {str(error).strip().splitlines()[-1][:90]}")
        else:
            sys.exit(f"FAILED: {name} is not refused")
    print(f"all well, valid in Kubernetes {', '.join(versions)}")


main()
