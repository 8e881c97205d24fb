"""Names of electrodes in the 10-20, 10-10 and 10-5 systems, as sources write them.

Jurcak, Tsuzuki, Dan: 10/20, 10/10, and 10/5 systems revisited. NeuroImage 2007.
"""

from __future__ import annotations

import re

_ROWS = (
    *("Fp", "AFp", "AF", "AFF", "F", "FFC", "FFT", "FC", "FCC", "FT", "FTT"),
    *("T", "TT", "TTP", "C", "CCP", "CP", "CPP", "TP", "TPP", "P", "PPO", "PPT"),
    *("PO", "POO", "O", "OI", "I", "N", "A", "M"),
)
_CASE = {row.lower(): row for row in _ROWS}
_NAME = re.compile(
    rf"(?:eeg[\s_:.-]*)?({'|'.join(sorted(_CASE, key=len, reverse=True))})(z|10|[1-9])"
    r"(?:[\s_-]+(?:ref|le|a[12]|m[12]|avg?|av))?",
    re.IGNORECASE,
)


def electrode(label: str) -> str | None:
    """The electrode that ``label`` names, in its usual spelling ("EEG FP1-REF": "Fp1"), or None."""
    found = _NAME.fullmatch(label.strip())
    if found is None:
        return None
    return _CASE[found[1].lower()] + found[2].lower()
