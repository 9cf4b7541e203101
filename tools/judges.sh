#!/usr/bin/env bash
# Installs clients which others wrote for the real Dataverse, so that the tests can let them judge the emulator.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON_CLIENT=PowerPlatform-Dataverse-Client==1.1.0
NODE_CLIENT=dynamics-web-api@2.5.0

.venv/bin/python -m pip install --quiet --constraint constraints.txt "$PYTHON_CLIENT"
if command -v npm >/dev/null; then
    npm install --silent --no-save --no-package-lock --no-audit --no-fund --prefix .judges "$NODE_CLIENT"
else
    echo "npm is not here: the client for Node is left out." >&2
fi
echo "Installed. The tests find the client for Node with NODE_PATH=$PWD/.judges/node_modules; make test sets it."
