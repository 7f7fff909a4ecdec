"""The stand-in has all that the bridge touches of the Registry and of CakePHP, so that no test passes
over something that is not there."""
import os
import subprocess

import pytest
from conftest import ROOT

PROGRAM = ROOT / "plugins/registry/bridge.php"
HERE = ROOT / "tests/registry"


def find_missing(program):
    php = os.environ.get("RJ_PHP", "php")
    done = subprocess.run([php, HERE / "names.php", HERE / "standin", program], capture_output=True,
                          text=True, timeout=30)
    assert not done.stderr and done.returncode == bool(done.stdout), done
    return [line.partition(" (line")[0] for line in done.stdout.splitlines()]


def test_the_bridge_names_nothing_else():
    assert find_missing(PROGRAM) == []


@pytest.mark.parametrize("code, missing", [
    ("use Cake\\ORM\\Query;", "Cake\\ORM\\Query"),
    ("new \\App\\Lib\\Enum\\JobStatusEnum();", "\\App\\Lib\\Enum\\JobStatusEnum"),
    ("\\Cake\\Log\\Log::debug('x');", "Cake\\Log\\Log::debug"),
    ("TableRegistry::getTableLocator()->genericInstances();", "->genericInstances()"),
])
def test_another_name_is_noticed(tmp_path, code, missing):
    program = tmp_path / "program.php"
    program.write_text(f"<?php\nuse Cake\\ORM\\TableRegistry;\n{code}\n")
    assert find_missing(program) == [missing]
