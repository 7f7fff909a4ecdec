"""The Registry of the soak writes its times in a zone, a long way and half an hour from UTC."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from registry import now_in  # noqa: E402

ZONE = "America/St_Johns"
NOW = now_in(ZONE)
