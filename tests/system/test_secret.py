"""Values of secret parameters: in the database, in no listing and no message."""
import json
import stat

from conftest import *  # noqa: F401,F403
