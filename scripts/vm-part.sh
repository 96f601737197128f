# Sourced by scripts/vm-* after common.sh. A part of the virtual machine's tools is a folder of the cache that is named after a hash
# of what it is made from, and is there whole or not at all.

# part NAME SCRIPT_ARGUMENT INPUT…: sets folder, and prints it and ends if it is there. Else ends with 3 if the argument is
# --if-built, or sets work, an empty folder that `finish` gives its final name. INPUT are files and texts. Only one run goes on.
part() {
    name=$1; argument=$2; shift 2
    case $argument in
    '' | --if-built) ;;
    *) say "usage: scripts/vm-$name [--if-built]"; exit 2 ;;
    esac
    hash=$(for input in "$root/scripts/vm-$name" "$root/scripts/vm-part.sh" "$@"; do
        if [ -f "$input" ]; then sha256sum <"$input"; else printf '%s\n' "$input"; fi
    done | sha256sum | cut -c 1-12)
    folder=$cache/vm-$name-$hash
    work=$folder.new
    show_if_there
    [ -z "$argument" ] || exit 3
    exec 9>"$cache/vm-$name.lock"
    flock -n 9 || { say "  … vm-$name: another run builds it"; flock 9; }
    show_if_there
    rm -rf "$cache/vm-$name-"*.new # of runs that were ended
    mkdir -p "$work"
}

show_if_there() {
    [ ! -d "$folder" ] || { printf '%s\n' "$folder"; exit 0; }
}

finish() {
    mv "$work" "$folder"
    printf '%s\n' "$folder"
}

# use_debian: makes apt read an own configuration, whose lists are this Debian's backports and the sources of the next Debian, from
# where this machine gets its Debian. /etc/apt and the system's lists stay as they are, and no privilege is needed.
use_debian() {
    code=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    [ "$code" = bookworm ] || die "the virtual machine's tools are built on Debian 12, this is ${code:-another system}" "run 'make vm' in a container of Debian 12"
    mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$code //p" | head -n 1)
    [ -n "$mirror" ] || die "no source of packages of $code in /etc/apt" "add one, as a Debian system has"
    apt=$cache/vm-apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    cat >"$apt/sources.list" <<LIST
deb [signed-by=$key] $mirror $code-backports main
deb-src [signed-by=$key] $mirror $code-backports main
deb-src [signed-by=$key] $mirror trixie main
LIST
    cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Languages "none";
APT::Sandbox::User "";
CONF
    export APT_CONFIG="$apt/apt.conf"
    exec 8>"$cache/vm-apt.lock"
    flock 8
    step "lists of Debian's backports" apt-get -q update
    exec 8>&-
}
