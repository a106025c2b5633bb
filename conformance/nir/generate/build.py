#!/usr/bin/env python3
"""Make the whole pack again: python build.py [--out DIR].

Needs requirements.txt. Without the simulators the parts of the pack that they give are refused.
"""
import argparse
import os

import live
import pack
import paper
import primitives


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--out", default=os.path.dirname(here), help="folder of the pack")
    parser.add_argument("--recordings", metavar="DIR",
                        help="folder with the paper's lif_*.csv: compare with them")
    options = parser.parse_args()
    made = pack.Pack(options.out)
    primitives.add(made)
    live.add(made)
    paper.add(made)
    made.finish()
    if options.recordings:
        paper.check_recordings(made, options.recordings)
    print(f"{len(made.cases)} cases")


if __name__ == "__main__":
    main()
