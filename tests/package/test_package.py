"""The Debian packages: what is in them, that it works from where they put it, and what their scripts
do to a system. Needs no systemd that runs; that is tests/systemd.

Environment: RJ_PACKAGE, a directory with packages that are there already. Otherwise they are built
once per run of pytest, into build/package.
"""
import gzip
import os
import platform
import re
import shlex
import subprocess

import pytest
from conftest import ROOT
from deb import BUILD_PACKAGE, Package, built_packages, sh

pytestmark = pytest.mark.limit(300)  # the first one builds the packages

LIB = "/usr/lib/" + sh("dpkg-architecture", "-qDEB_HOST_MULTIARCH").stdout.strip()
PLUGINS = f"{LIB}/registry-job/plugins"
UNITS = "/usr/lib/systemd/system"
CONFIG = "/etc/registry-jobd/registry-jobd.conf"
MAIN = [
    CONFIG,
    "/usr/bin/registry-job",
    "/usr/sbin/registry-jobd",
    f"{PLUGINS}/CoreJob.so",
    f"{PLUGINS}/Example.so",
    "/usr/lib/systemd/catalog/registry-jobd.catalog",
    "/usr/lib/sysusers.d/registry-jobd.conf",
    *[f"{UNITS}/registry-jobd{rest}" for rest in (
        ".service", "@.service", "-metrics.service", "-metrics@.service", "-metrics.timer",
        "-metrics@.timer")],
    f"{UNITS}/registry-job-register@.service",
    f"{UNITS}/registry-job-register@.timer",
    "/usr/lib/systemd/system-generators/registry-job-schedules",
    "/usr/share/bash-completion/completions/registry-job",
    *[f"/usr/share/doc/registry-jobd/{name}" for name in (
        "CHANGELOG.md", "README.md", "changelog", "copyright")],
    "/usr/share/registry-jobd/registry/bridge.php",
    "/usr/share/man/man1/registry-job.1",
    "/usr/share/man/man5/registry-jobd.conf.5",
    "/usr/share/man/man8/registry-jobd.8",
]
DEV = [
    "/usr/include/registry-job/plugin.h",
    f"{LIB}/pkgconfig/registry-job-plugin.pc",
    *[f"{LIB}/cmake/registry-job-plugin/registry-job-plugin-config{rest}.cmake"
      for rest in ("", "-version")],
    *[f"/usr/share/doc/registry-jobd-dev/{name}" for name in (
        "changelog", "copyright", "examples/CMakeLists.txt", "examples/outside.c")],
    "/usr/share/man/man3/registry-job-plugin.3",
]


@pytest.fixture(scope="session")
def built():
    return built_packages()


def package(name):
    @pytest.fixture(scope="session", name=name.replace("registry-jobd", "main").replace("main-", ""))
    def unpacked(built, tmp_path_factory):
        found = list(built.glob(f"{name}_*.deb"))
        assert len(found) == 1, found
        return Package(found[0], tmp_path_factory.mktemp(name) / "tree")
    return unpacked


main = package("registry-jobd")
dev = package("registry-jobd-dev")


@pytest.fixture(params=["main", "dev"])
def each(request):
    return request.getfixturevalue(request.param)


# ---- what is in them ----

def version():
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"^project\(registry-jobd VERSION (\S+)", text, re.MULTILINE)[1]


def test_version(each):
    """The project's version, in the package and its name, and at the top of its changelog."""
    name, arch = each.field("Package"), each.field("Architecture")
    assert each.field("Version") == version()
    assert each.path.name == f"{name}_{version()}_{arch}.deb"
    changelog = gzip.decompress(each.find(f"usr/share/doc/{name}/changelog.gz").read_bytes())
    assert changelog.decode().startswith(f"registry-jobd ({version()}) ")


def test_files(main, dev):
    """Every file where it belongs, and no other one."""
    schema = [f"/usr/share/registry-jobd/schema/{path.name}" for path in (ROOT / "schema").glob("*.sql")]
    examples = [f"/usr/share/doc/registry-jobd/examples/{path.name}"
                for path in (ROOT / "systemd" / "examples").iterdir()]
    rules = ROOT / "systemd" / "registry-jobd.rules.yml"
    if rules.exists():
        examples.append(f"/usr/share/doc/registry-jobd/examples/{rules.name}")
    assert len(schema) >= 5 and len(examples) >= 6

    def plain(paths):
        return [path.removesuffix(".gz") for path in paths]
    assert plain(main.paths()) == sorted(MAIN + schema + examples)
    assert plain(dev.paths()) == sorted(DEV)


def test_owners_and_modes(each):
    """Everything is root's, who alone may write; nothing has a special bit."""
    for path, (mode, owner) in each.members().items():
        assert owner == "root/root", path
        if path.endswith("/"):
            expected = "drwxr-xr-x"
        elif "/bin/" in path or "/sbin/" in path or "-generators/" in path:
            expected = "-rwxr-xr-x"
        else:
            expected = "-rw-r--r--"
        assert mode == expected, path


def test_conffiles(main, dev):
    """The one file that is the administrator's to change."""
    assert (main.control / "conffiles").read_text().split() == [CONFIG]
    assert not (dev.control / "conffiles").exists()


def test_nothing_of_the_build(each, built):
    """No path of the tree that it was built in, in any file, packed or not."""
    words = [str(ROOT).encode(), str(built.resolve()).encode(), b"/build/package/source"]
    for path in each.tree.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            assert not [word for word in words if word in data], path


def test_programs(main, dev):
    """Hardened as those of a release, stripped, and bound to no directory of libraries."""
    programs = main.programs()
    assert [path.name for path in programs] == ["registry-job", "CoreJob.so", "Example.so",
                                                "registry-jobd"]
    assert not dev.programs()
    sh(ROOT / "tests" / "lint" / "check-hardening", *programs)
    for program in programs:
        text = sh("readelf", "--dynamic", "--sections", "--wide", program).stdout
        assert "RPATH" not in text and "RUNPATH" not in text, program
        assert ".debug_info" not in text and ".symtab" not in text, program
    # The flags that check-hardening cannot see: protected stacks, and checked copies.
    for name in ("registry-job", "registry-jobd"):
        symbols = sh("readelf", "--dyn-syms", "--wide", main.find(f"usr/*bin/{name}")).stdout
        assert "__stack_chk_fail" in symbols and re.search(r"__\w+_chk@", symbols), name


def test_flags(main, built):
    """The flags of Debian come with those of the tree, and weaken none; see what came of them."""
    sh(ROOT / "tests" / "lint" / "check-flags", built / "log")
    if platform.machine() != "x86_64":
        return
    for name in ("registry-job", "registry-jobd"):
        code = sh("objdump", "--disassemble", main.find(f"usr/*bin/{name}")).stdout
        assert code.count("endbr64") > 100, name  # -fcf-protection, beyond what the C library brings
        assert re.search(r"orq +\$0x0,.*\(%rsp\)", code), name  # -fstack-clash-protection


def test_depends(main, dev):
    """Libraries by their version; no particular kind of server."""
    depends = main.field("Depends")
    for library in ("libc6", "libev4", "libinih1", "libjansson4", "libpq5", "libsystemd0"):
        assert library in depends, depends
    assert "adduser" not in depends and "postgresql" not in depends
    assert not dev.field("Depends")


def test_lintian(main, dev):
    """No errors, no warnings, no overrides either."""
    done = sh("lintian", "--allow-root", "--show-overrides", "--fail-on", "error,warning",
              main.path, dev.path)
    assert not done.stdout.strip(), done.stdout


def test_units(main):
    """They start programs of the package, with its configuration."""
    found = 0
    for unit in main.tree.glob(f"{UNITS[1:]}/*.service"):
        for line in re.findall(r"^Exec\w+=(.*)", unit.read_text(), re.MULTILINE):
            argv = shlex.split(line)
            if "${CONFIG}" in argv:  # a drop-in may set it
                argv[argv.index("${CONFIG}")], = re.findall(r"^Environment=CONFIG=(.*)", unit.read_text(), re.M)
            if argv[0] == "/bin/kill":
                continue
            assert argv[0] in MAIN, line
            config = argv[argv.index("--config") + 1]
            assert config in (CONFIG, CONFIG.replace("registry-jobd.conf", "%i.conf")), line
            found += 1
    assert found >= 6


def test_user(main, tmp_path):
    """systemd-sysusers makes the user that the units name."""
    (tmp_path / "etc").mkdir()
    sh("systemd-sysusers", f"--root={tmp_path}", main.find("usr/lib/sysusers.d/*.conf"))
    names = [line.split(":")[0] for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    users = set()
    for unit in main.tree.glob(f"{UNITS[1:]}/*.service"):
        users |= set(re.findall(r"^User=(.*)", unit.read_text(), re.MULTILINE))
    assert users == {"registry-jobd"} and users <= set(names)


def test_catalog(main, tmp_path):
    """It compiles, and lies where systemd's package waits for catalogs."""
    catalog = main.find("usr/lib/systemd/catalog/*.catalog")
    interest = sh("dpkg-query", "--control-show", "systemd", "triggers").stdout
    assert re.search(r"^interest\S* /usr/lib/systemd/catalog$", interest, re.MULTILINE)
    ids = re.findall(r"^-- ([0-9a-f]{32})$", catalog.read_text(), re.MULTILINE)
    root = tmp_path / "root"
    target = root / "usr" / "lib" / "systemd" / "catalog"
    target.mkdir(parents=True)
    (target / catalog.name).write_bytes(catalog.read_bytes())
    (root / "var" / "lib" / "systemd" / "catalog").mkdir(parents=True)
    done = sh("journalctl", f"--root={root}", "--update-catalog")
    assert not done.stdout.strip(), done.stdout
    assert ids and (root / "var" / "lib" / "systemd" / "catalog" / "database").stat().st_size > 0


# ---- that it works ----

@pytest.fixture
def config(main, tmp_path):
    """The configuration as shipped, but for plugins, which lie in the unpacked tree."""
    text = main.find(CONFIG[1:]).read_text()
    assert text.count("\n[plugins]\n") == 1
    path = tmp_path / "conf"
    path.write_text(text.replace("\n[plugins]\n", f"\n[plugins]\ndirectory = {main.tree}{PLUGINS}\n"))
    return path


def test_programs_start(main):
    sh(ROOT / "tests" / "lint" / "check-help", main.find("usr/bin/registry-job"),
       main.find("usr/sbin/registry-jobd"))
    for name in ("bin/registry-job", "sbin/registry-jobd"):
        assert version() in sh(main.find(f"usr/{name}"), "--version").stdout


def test_configuration(main, config):
    """What is shipped is accepted, and loads what is shipped; plugins are looked for where they lie."""
    daemon, command = main.find("usr/sbin/registry-jobd"), main.find("usr/bin/registry-job")
    checked = sh(daemon, "--config", config, "--check").stdout
    assert "\nload = CoreJob\n" in checked
    assert "CoreJob.NesterJob" in sh(command, "--config", config, "plugins").stdout
    defaults = sh(daemon, "--config", "/dev/null", "--check").stdout
    assert f"\ndirectory = {PLUGINS}\n" in defaults
    for program in (daemon, command):
        assert CONFIG.encode() in program.read_bytes()


def test_manual(each):
    """Every page is one that mandoc reads without a warning."""
    pages = list(each.tree.glob("usr/share/man/man*/*.gz"))
    assert pages
    for page in pages:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], check=False, text=True,
                              input=gzip.decompress(page.read_bytes()).decode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout


def lists_outside(main, directory, config):
    config.write_text(f"[plugins]\ndirectory = {directory}\nload = Outside\n")
    listed = sh(main.find("usr/bin/registry-job"), "--config", config, "plugins").stdout
    assert "Outside.HelloJob  says hello" in listed


def test_plugin_with_cmake(main, dev, tmp_path):
    """The example of the -dev package, built with nothing but that package; installed, it goes
    where the daemon looks for it."""
    build, root = tmp_path / "build", tmp_path / "root"
    sh("cmake", "-S", dev.find("usr/share/doc/registry-jobd-dev/examples"), "-B", build,
       f"-DCMAKE_PREFIX_PATH={dev.tree}/usr")
    sh("cmake", "--build", build)
    sh("cmake", "--install", build, env={**os.environ, "DESTDIR": str(root)})
    # The unpacked tree is in front of it here, as it is in front of the package's files.
    lists_outside(main, f"{root}{dev.tree}{PLUGINS}", tmp_path / "conf")


def test_plugin_with_pkg_config(main, dev, tmp_path):
    environment = {**os.environ, "PKG_CONFIG_PATH": f"{dev.tree}{LIB}/pkgconfig"}

    def pkg_config(*arguments):
        return sh("pkg-config", f"--define-variable=prefix={dev.tree}/usr", *arguments,
                  "registry-job-plugin", env=environment).stdout.split()
    assert pkg_config("--modversion") == [version()]
    assert pkg_config("--variable=plugindir") == [f"{dev.tree}{PLUGINS}"]
    sh("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *pkg_config("--cflags"),
       "-o", tmp_path / "Outside.so",
       dev.find("usr/share/doc/registry-jobd-dev/examples/outside.c"))
    lists_outside(main, tmp_path, tmp_path / "conf")


# ---- what the scripts do ----

def test_scripts(main, dev):
    scripts = [main.control / name for name in ("postinst", "prerm", "postrm")]
    for script in scripts:
        sh("sh", "-n", script)
    sh("shellcheck", "--severity=warning", *scripts)
    assert sorted(path.name for path in main.control.iterdir() if os.access(path, os.X_OK)) == \
        ["postinst", "postrm", "prerm"]
    assert not [path for path in dev.control.iterdir() if os.access(path, os.X_OK)]


class System:
    """A system of its own below a directory, with a dpkg database and nothing installed."""

    def __init__(self, root):
        self.root = root
        for directory in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/credstore", "run"):
            (root / directory).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()

    def dpkg(self, *arguments):
        return sh("dpkg", f"--root={self.root}", f"--log={self.root}/log", "--force-depends",
                  "--force-script-chrootless", "--force-not-root", *arguments).stdout

    def enable(self, *units):
        sh("systemctl", f"--root={self.root}", "enable", *units)

    def links(self):
        return sorted(path.name for path in (self.root / "etc/systemd/system").glob("*.wants/*"))

    def has(self, path):
        return os.path.lexists(self.root / path)


@pytest.fixture
def system(main, tmp_path):
    """One with the package, and what an administrator and a while of running add to it."""
    made = System(tmp_path / "system")
    made.dpkg("--install", main.path)
    assert not made.links(), "installing enables nothing"
    made.enable("registry-jobd.service", "registry-jobd@a.service", "registry-jobd-metrics@a.timer")
    with open(made.root / CONFIG[1:], "a", encoding="utf-8") as file:
        file.write("# changed here\n")
    for directory in ("var/lib/registry-jobd/a", "run/registry-jobd-metrics"):
        (made.root / directory).mkdir(parents=True)
    for file in ("etc/registry-jobd/a.conf", "etc/credstore/registry-jobd.password"):
        (made.root / file).touch()
    return made


ENABLED = ["registry-jobd-metrics@a.timer", "registry-jobd.service", "registry-jobd@a.service"]


def test_upgrade(system, main, tmp_path):
    """What was changed, enabled or written stays; the schema is spoken of."""
    newer = tmp_path / "newer.deb"
    sh(ROOT / "tests" / "package" / "bump", main.path, "99.0", newer)
    assert "registry-job schema check" in system.dpkg("--install", newer)
    status = (system.root / "var/lib/dpkg/status").read_text()
    assert "\nVersion: 99.0\n" in status and "install ok installed" in status
    assert (system.root / CONFIG[1:]).read_text().endswith("# changed here\n")
    assert system.links() == ENABLED
    for path in ("var/lib/registry-jobd/a", "run/registry-jobd-metrics", "etc/registry-jobd/a.conf"):
        assert system.has(path), path


def test_remove_and_purge(system):
    """Removing leaves what is the administrator's or the jobs'; purging leaves the administrator's."""
    system.dpkg("--remove", "registry-jobd")
    for path in (CONFIG[1:], "etc/registry-jobd/a.conf", "var/lib/registry-jobd/a",
                 "etc/credstore/registry-jobd.password"):
        assert system.has(path), path
    assert system.links() == ENABLED
    assert not system.has("usr") and not system.has("run/registry-jobd-metrics")

    system.dpkg("--purge", "registry-jobd")
    for path in ("etc/registry-jobd/a.conf", "etc/credstore/registry-jobd.password"):
        assert system.has(path), path
    assert not system.has(CONFIG[1:]) and not system.has("var/lib/registry-jobd")
    assert not system.links()
    assert "registry-jobd:" in (system.root / "etc/passwd").read_text(), "the user stays"


def test_reinstall(system, main):
    """After a removal, what was enabled is so again."""
    system.dpkg("--remove", "registry-jobd")
    system.dpkg("--install", main.path)
    assert system.links() == ENABLED
    assert (system.root / CONFIG[1:]).read_text().endswith("# changed here\n")


# ---- the command that builds them ----

def test_build_package_speaks():
    assert "usage: systemd/build-package" in sh(BUILD_PACKAGE, "--help").stdout
    done = sh(BUILD_PACKAGE, "--nonsense", check=False)
    assert done.returncode == 2 and "--nonsense" in done.stdout
