"""What a board is set up with around the program: files of `firmware-configs/`, applied, kept track of, taken back.

    board.py      the boards that are known, and which one this is
    fence.py      our part of a file that is somebody else's: a block of config.txt, words of cmdline.txt
    tree.py       files below a root: looked at, written whole, removed
    record.py     what was there before, so that it can come back; survives a power cut
    plan.py       what would change, and its diff
    apply.py      apply and revert

`files` is a link to `firmware-configs/`, so that an installed package has them.
"""
