"""The packed model, `.epk`: one flat file of a carrier's skeleton and its weights, each coded as it is smallest.

`docs/reference/epk.md` specifies it. From bytes to values: `container` (header, hash, signature, blocks), `head` (the
manifest inside), `codecs` (a block to a tensor, by `values`, `classes` and `cells`), `rans` (the entropy coder),
`carriers` (tensors back into the file of an engine). `read` is the way in, `pack` the way out.
"""

from __future__ import annotations

from edge.models.packed.coded import Coded, Origin
from edge.models.packed.read import Packed, read

__all__ = ["Coded", "Origin", "Packed", "read"]
