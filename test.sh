#!/usr/bin/env bash
# All tests, with what they need: arguments go to `cargo test`.
#
# One of them is a Python program with stock gRPC libraries. It gets a virtual environment under the target
# directory; where Python itself is missing, it is installed with apt-get if that is possible. Without network
# or Python, HIGHWATER_SKIP_PYTHON=1 leaves that one test out, and says so.
set -euo pipefail
cd "$(dirname "$0")"

requirements=tests/e2e/requirements.txt

has_python() {
    command -v python3 > /dev/null && python3 -c 'import ensurepip, venv' 2> /dev/null
}

install_python() {
    echo "test.sh: installing python3 and python3-venv with apt-get" >&2
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv
}

make_environment() {
    local environment=$1
    # A half-made one has no mark.
    if [ -e "$environment/made-from" ] && cmp -s "$requirements" "$environment/made-from"; then
        return
    fi
    echo "test.sh: making a Python environment in $environment" >&2
    rm -rf "$environment"
    # One chain: called behind ||, the function goes on after a failure otherwise, and would leave its mark.
    python3 -m venv "$environment" &&
        "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" &&
        cp "$requirements" "$environment/made-from"
}

if [ "${HIGHWATER_SKIP_PYTHON:-}" != 1 ]; then
    has_python || install_python || {
        echo "test.sh: python3 with venv is needed; install it, or set HIGHWATER_SKIP_PYTHON=1" >&2
        exit 1
    }
    target=${CARGO_TARGET_DIR:-target}
    mkdir -p "$target"
    environment=$(cd "$target" && pwd)/python
    make_environment "$environment" || {
        echo "test.sh: no Python environment (is there a network?); HIGHWATER_SKIP_PYTHON=1 does without" >&2
        exit 1
    }
    export HIGHWATER_TEST_PYTHON=$environment/bin/python
fi

exec cargo test "$@"
