"""Two small federations of the same people, side by side: device to device, and by a server alone.

fedxr data new mine          # or a folder with recordings of yours
python federate.py [mine]
"""

import sys
from pathlib import Path

import fedxr

COLUMNS = ["role", "arm", "mean", "low", "high", "users"]


def main(data="mine", folder="runs/compared"):
    for coordination in ("semi-decentralized", "centralized"):
        result = fedxr.federate(
            source="recorded", data=Path(data), rounds=2, steps=20, copies=1, workers=1,
            coordination=coordination, out=Path(folder, coordination), say=print,
        )  # fmt: skip
        table = result.to_pandas()[COLUMNS]
        print(f"\n{coordination}\n{table.to_string(index=False)}")
        result.plot().savefig(Path(folder, f"{coordination}.svg"))


if __name__ == "__main__":  # runs with more workers spawn processes, which import this file
    main(*sys.argv[1:])
