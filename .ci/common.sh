# What the scripts beside this one share; they source it. Each can be run by itself, from a fresh
# clone or after the others. TORCH_BACKEND=cpu fetches torch's build without CUDA with uv, which
# knows where it lies; without it, pip takes the build of the index that it is set up with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 MPLBACKEND=agg
TORCH=${TORCH:-torch==2.13.0}  # one build for all checks; the package takes any recent torch

# environment FOLDER: a virtual environment with torch in it, unless it is there
environment() {
  [ -x "$1/bin/python" ] && return
  python3 -m venv "$1"
  if [ -n "${TORCH_BACKEND:-}" ]; then
    "$1/bin/pip" install -q uv
    "$1/bin/uv" pip install -q --python "$1/bin/python" --torch-backend "$TORCH_BACKEND" "$TORCH"
  else
    "$1/bin/pip" install -q "$TORCH"
  fi
}

# readme N: run the N-th of README's two commands, as they stand there
readme() {
  local commands
  commands=$(grep '^python3 -m venv .venv && ' README.md) || true
  [ "$(wc -l <<<"$commands")" -eq 2 ] || { echo "README.md must have its two commands"; exit 1; }
  commands=$(sed -n "$1p" <<<"$commands")
  echo "+ $commands"
  bash -euo pipefail -c "$commands"
}
