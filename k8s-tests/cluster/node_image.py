"""The node image of the registry-less path: a kind node made of Go modules and Debian packages alone.

Follows kind's own node build; what kind downloads as releases is built here from the same sources' Go modules. Proved
with Kubernetes 1.34 on cgroup v1 and without CAP_SYS_RESOURCE.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cluster import cache, engine, tools, versions
from cluster.steps import run, step, succeeds

NODE = tools.NODE
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubeadm",
    "kubectl",
)
HOST_PROGRAMS = ("kubelet", "kubeadm", "kubectl")
PROVISIONER_IMAGE = f"local-path-provisioner:{versions.LOCAL_PATH_PROVISIONER}"
STATIC_DOCKERFILE = 'FROM scratch\nCOPY {name} {path}/{name}\nENV PATH={path}\nENTRYPOINT ["{path}/{name}"]\n'
PROXY_DOCKERFILE = f"""FROM {versions.BASE_IMAGE}
RUN apt-get update \\
    && apt-get install -y --no-install-recommends iptables nftables conntrack kmod \\
    && rm -rf /var/lib/apt/lists/*
COPY kube-proxy /usr/local/bin/kube-proxy
"""


def tag() -> str:
    """The node image's name; the tag holds a digest of all it is made of."""
    recipe = cache.digest(versions.KUBERNETES, versions.LOCAL_PATH_PROVISIONER, NODE, Path(__file__))
    return f"kindest/node:{versions.KUBERNETES}-packages-{recipe}"


def ensure(docker: Mapping[str, str]) -> str:
    """The name of a node image that the engine has, built where it does not."""
    image = tag()
    if not succeeds("docker", "image", "inspect", image, environment=docker):
        ensure_base_image(docker)
        binaries = programs()
        with step(f"build the node image {image}"), tempfile.TemporaryDirectory() as folder:
            _build(Path(folder), binaries, image, docker)
    return image


def ensure_base_image(docker: Mapping[str, str]) -> None:
    """Make the Debian base image by debootstrap where the engine has none."""
    if succeeds("docker", "image", "inspect", versions.BASE_IMAGE, environment=docker):
        return

    def bootstrap(target: Path) -> None:
        root = target / "root"
        mirror = run(
            "apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Created-By: Packages"
        ).split()
        usual = [uri for uri in mirror if "security" not in uri][:1]
        run("debootstrap", "--variant=minbase", "--include=ca-certificates", versions.DEBIAN, root, *usual)
        for part in (
            "var/cache/apt/archives",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
        ):
            shutil.rmtree(root / part, ignore_errors=True)
            (root / part).mkdir(parents=True)
        run("tar", "-C", root, "--exclude=./dev/*", "-cf", target / "root.tar", ".")
        shutil.rmtree(root)

    with step(f"make {versions.BASE_IMAGE} by debootstrap"):
        archive = cache.built("debian", versions.DEBIAN, bootstrap) / "root.tar"
        run("docker", "import", archive, versions.BASE_IMAGE, environment=docker)


def programs() -> Path:
    """The folder of Kubernetes' programs, etcd, CoreDNS and pause, built from node/go.mod (five minutes when cold)."""

    def build(target: Path) -> None:
        go, environment = tools.go(), tools.go_environment()
        packages = [f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES_PROGRAMS]
        with step("compile Kubernetes"):
            flags = f"-s -w {version_flags(versions.KUBERNETES)}"
            run(go, "build", "-ldflags", flags, "-o", f"{target}/", *packages, folder=NODE, environment=environment)
        with step("compile etcd, CoreDNS and pause"):
            others = {"etcd": "go.etcd.io/etcd/server/v3", "coredns": "./coredns", "pause": "./pause"}
            for name, package in others.items():
                run(
                    go, "build", "-ldflags", "-s -w", "-o", target / name, package, folder=NODE, environment=environment
                )

    sources = [NODE / name for name in ("go.mod", "go.sum", "components.go", "coredns", "pause")]
    return cache.built("kubernetes", cache.digest(versions.KUBERNETES, *sources), build)


def version_flags(version: str) -> str:
    """Linker flags that tell Kubernetes' programs their version; kubeadm refuses to work without."""
    major, minor, _ = version.lstrip("v").split(".")
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "module",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def storage_manifest(source: str) -> str:
    """kind's manifest of the default storage, from its Go source, with the images that we have."""
    match = re.search(r"const defaultStorageManifest = `(.*?)\n`\n", source, re.DOTALL)
    if match is None:
        raise ValueError("kind's const_storage.go has no defaultStorageManifest: its version in node/go.mod changed")
    text = match[1].replace("` + storageProvisionerImage + `", PROVISIONER_IMAGE)
    return text.replace("` + storageHelperImage + `", versions.BASE_IMAGE)


def _build(folder: Path, binaries: Path, image: str, docker: Mapping[str, str]) -> None:
    kind = Path(
        run(
            tools.go(),
            "list",
            "-m",
            "-f",
            "{{.Dir}}",
            "sigs.k8s.io/kind",
            folder=NODE,
            environment=tools.go_environment(),
        ).strip()
    )
    shutil.copytree(kind / "images" / "base" / "files", folder / "files", copy_function=shutil.copy)
    for file in ("Dockerfile", "prepare-node", "10-kind.conflist"):
        shutil.copy(NODE / file, folder / file)
    (folder / "bin").mkdir()
    for name in HOST_PROGRAMS:
        shutil.copy(binaries / name, folder / "bin" / name)
    (folder / "version").write_text(versions.KUBERNETES)
    storage = (kind / "pkg" / "build" / "nodeimage" / "const_storage.go").read_text()
    (folder / "default-storage.yaml").write_text(storage_manifest(storage))
    pause = _control_plane_images(folder, binaries, docker)
    arguments = {"PAUSE_IMAGE": pause, "WITHOUT_SYS_RESOURCE": str(engine.lacks_sys_resource()).lower()}
    options = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    run("docker", "build", "-q", "-t", image, *options, folder, environment=docker)


def _control_plane_images(folder: Path, binaries: Path, docker: Mapping[str, str]) -> str:
    """Build the images that kubeadm names, save them as images.tar in `folder`, and return the pause image's name."""
    names = run(binaries / "kubeadm", "config", "images", "list", "--kubernetes-version", versions.KUBERNETES).split()
    provisioner = tools.go_install(
        "local-path-provisioner", "github.com/rancher/local-path-provisioner", versions.LOCAL_PATH_PROVISIONER
    )
    sources = {name: binaries / name.split(":")[0].rsplit("/", 1)[-1] for name in names}
    sources[PROVISIONER_IMAGE] = provisioner / "local-path-provisioner"
    for image, binary in sources.items():
        context = folder / "images" / binary.name
        context.mkdir(parents=True)
        shutil.copy(binary, context / binary.name)
        path = "" if binary.name in ("coredns", "pause") else "/usr/local/bin"
        proxy = binary.name == "kube-proxy"
        text = PROXY_DOCKERFILE if proxy else STATIC_DOCKERFILE.format(name=binary.name, path=path)
        (context / "Dockerfile").write_text(text)
        run("docker", "build", "-q", "-t", image, context, environment=docker)
    run("docker", "save", "-o", folder / "images.tar", *sources, versions.BASE_IMAGE, environment=docker)
    shutil.rmtree(folder / "images")
    return next(name for name in names if "/pause:" in name)
