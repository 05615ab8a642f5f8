"""The packed model, `.epk`: one flat file of a carrier's skeleton and its weights, each coded as it is smallest.

`docs/reference/epk.md` specifies it. From bytes to values: `container` (header, hash, signature, blocks), `head` (the
manifest inside), `codecs` (a block to a tensor, by `values`, `classes` and `cells`), `rans` (the entropy coder),
`carriers` (tensors back into the file of an engine). `read` is the way in. The way out is `pack`, with `encode` and
`drafts`, which a device that only loads models never imports; and since loading is to cost little more than a plain
file, small records in here are named tuples: making a dataclass takes Python half a millisecond.
"""
