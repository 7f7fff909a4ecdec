"""The blocks of each document, run in its order in a box of its own."""
import os

import pytest

from blocks import DOCUMENTS, blocks
from plain_box import Box, missing
from plan import INSTALLS, PLAN, PREPARE, pair


@pytest.fixture
def box(document):
    why = missing()
    if why and os.environ.get("RJ_BOX") == "required":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    one = Box(is_installed=document not in INSTALLS)
    yield one
    one.close()


@pytest.mark.limit(900)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples(box, document):
    PREPARE[document](box)
    for block, entry in pair(blocks(DOCUMENTS[document]), PLAN[document]):
        if entry.how is None:
            continue
        try:
            if entry.before:
                entry.before(box)
            entry.how(box, block)
            if entry.after:
                entry.after(box)
        except Exception as failure:
            raise AssertionError(f"{block.place}:\n{block.text}\n-- {failure}\n-- the box said:\n"
                                 f"{box.said()}") from failure
