# Sourced on demand: Debian packages in a private prefix. apt works on private folders only, so no root is needed and
# the system stays as it is; packages are checked against the keyring that the system brings.

DEBIAN_SUITE=forky
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

debian_usable() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -r "$DEBIAN_KEYRING" ]
}

debian_multiarch() { echo "$(uname -m)-linux-gnu"; }

# debian_apt COMMAND...: apt-get on the packages of $DEBIAN_SUITE, with every folder private.
debian_apt() {
  local state="$CACHE/debian/apt"
  apt-get -qq -oDebug::NoLocking=1 -oAPT::Sandbox::User= -oAPT::Install-Recommends=false -oAcquire::Languages=none \
    -oAcquire::Retries=2 -oDir::Etc::SourceList="$state/sources.list" -oDir::Etc::SourceParts=/dev/null \
    -oDir::Etc::Preferences=/dev/null -oDir::Etc::PreferencesParts=/dev/null -oDir::State="$state" \
    -oDir::State::Lists="$state/lists" -oDir::State::Status="$state/status" -oDir::Cache="$state" \
    -oDir::Cache::archives="$state/archives" "$@" >&2
}

debian_update() {
  local state="$CACHE/debian/apt" mirror
  debian_usable || { say "apt-get, dpkg-deb or Debian's keyring is missing"; return 1; }
  # The mirror that this machine already uses.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
  [ -n "$mirror" ] || { say "no Debian mirror is configured"; return 1; }
  rm -rf "$state/archives"
  mkdir -p "$state/lists/partial" "$state/archives/partial"
  # Nothing counts as installed: every dependency comes along.
  : >"$state/status"
  echo "deb [signed-by=$DEBIAN_KEYRING] $mirror $DEBIAN_SUITE main" >"$state/sources.list"
  debian_apt update
}

# debian_unpack DIR PACKAGE...: unpacks packages with all their dependencies, none of them taken from the system.
debian_unpack() {
  local dir=$1 archives="$CACHE/debian/apt/archives" deb; shift
  debian_update && debian_apt install -y --download-only "$@" || return 1
  rm -rf "$dir"
  mkdir -p "$dir"
  for deb in "$archives"/*.deb; do dpkg-deb -x "$deb" "$dir" || return 1; done
  rm -rf "$archives"
  # Some packages leave the names of their libraries to the ldconfig of an installation.
  PATH="$PATH:/sbin:/usr/sbin" ldconfig -n "$dir/usr/lib/$(debian_multiarch)"
}

# Leaves pip in the cache, for a system whose Python comes without it; it is pure Python, so it needs nothing else.
debian_pip() {
  local root="$CACHE/debian/pip"
  [ ! -d "$root" ] || return 0
  debian_update && mkdir -p "$root.new" && (cd "$CACHE/debian/apt/archives" && debian_apt download python3-pip) &&
    dpkg-deb -x "$CACHE"/debian/apt/archives/python3-pip_*.deb "$root.new" && mv "$root.new" "$root"
}

# debian_loader DIR: the path of the prefix's own dynamic loader; its glibc is newer than the system's may be.
debian_loader() { ls "$1/usr/lib/$(debian_multiarch)"/ld-linux-*.so.* | head -n 1; }

# debian_relocate ROOT PROGRAM LIBRARIES: lets a program in ROOT.new run from ROOT on these libraries alone.
debian_relocate() {
  local loader; loader=$(basename "$(debian_loader "$1.new")")
  # RPATH instead of LD_LIBRARY_PATH: child processes are left alone.
  "$(tool patchelf)" --set-interpreter "$1/usr/lib/$(debian_multiarch)/$loader" --force-rpath --set-rpath "$3" "$1.new/$2"
}

# Leaves a Python 3.14 in the cache that runs on any glibc system and can compile extensions.
debian_python() {
  local root="$CACHE/debian/python3.14" arch; arch=$(debian_multiarch)
  debian_unpack "$root.new" python3.14 libpython3.14-dev libstdc++6 libgcc-s1 || return 1
  debian_relocate "$root" usr/bin/python3.14 "$root/usr/lib/$arch" || return 1
  # pyconfig.h is a stub that includes this one; linking it alone keeps testing's glibc headers out of compilations.
  mkdir -p "$root.new/usr/include/python3.14/$arch"
  ln -s "$root/usr/include/$arch/python3.14" "$root.new/usr/include/python3.14/$arch/python3.14"
  rm -rf "$root"
  mv "$root.new" "$root"
}

# debian_program PROGRAM PACKAGE...: prints the path of PROGRAM, a wrapper that runs it on the prefix's own libraries.
debian_program() {
  local root="$CACHE/debian/$1"
  [ -x "$root/bin/$1" ] || under_lock debian debian_wrap "$root" "$@" || return 1
  echo "$root/bin/$1"
}

debian_wrap() {
  local root=$1 program=$2 binary loader; shift 2
  [ ! -x "$root/bin/$program" ] || return 0
  say "fetching $program"
  debian_unpack "$root.new" "$@" || return 1
  binary=$(cd "$root.new" && find usr -path "*bin/$program" -type f | head -n 1)
  [ -n "$binary" ] || { say "no $program in $*"; return 1; }
  loader=$(basename "$(debian_loader "$root.new")")
  mkdir -p "$root.new/bin"
  cat >"$root.new/bin/$program" <<WRAPPER
#!/bin/sh
lib="$root/usr/lib/$(debian_multiarch)"
exec "\$lib/$loader" --library-path "\$lib" "$root/$binary" "\$@"
WRAPPER
  chmod +x "$root.new/bin/$program"
  rm -rf "$root"
  mv "$root.new" "$root"
}

# debian_chromium: prints the path of a Chromium that runs on the prefix's own libraries, fonts and certificates.
debian_chromium() {
  local root="$CACHE/debian/chromium"
  [ -x "$root/bin/chromium" ] || under_lock debian debian_wrap_chromium "$root" || return 1
  echo "$root/bin/chromium"
}

debian_wrap_chromium() {
  local root=$1 lib program; lib="$1/usr/lib/$(debian_multiarch)"
  [ ! -x "$root/bin/chromium" ] || return 0
  say "fetching Chromium (about 200 MB)"
  debian_unpack "$root.new" chromium fonts-dejavu-core fontconfig-config || return 1
  # It starts itself again for every tab, so its loader has to be inside, not in front of it.
  for program in chromium chrome_crashpad_handler; do
    debian_relocate "$root" "usr/lib/chromium/$program" "$lib" || return 1
  done
  mkdir -p "$root.new/bin"
  cat >"$root.new/bin/fonts.conf" <<FONTS
<?xml version="1.0"?><fontconfig><dir>$root/usr/share/fonts</dir><cachedir>$root/var/cache/fontconfig</cachedir></fontconfig>
FONTS
  # In the environment, since libpulse's own search path (a folder of the system) would come before an RPATH.
  cat >"$root.new/bin/chromium" <<WRAPPER
#!/bin/sh
export FONTCONFIG_FILE="$root/bin/fonts.conf" LD_LIBRARY_PATH="$lib:$lib/pulseaudio"
exec "$root/usr/lib/chromium/chromium" "\$@"
WRAPPER
  chmod +x "$root.new/bin/chromium"
  rm -rf "$root"
  mv "$root.new" "$root"
}
