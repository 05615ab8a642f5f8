"""A look into a model file that nobody has described yet, and a draft of its manifest, guesses marked as guesses."""

from edge.models.inspect.draft import described, draft
from edge.models.inspect.facts import Facts, facts_of, open_any
from edge.models.inspect.families import guess
from edge.models.inspect.guess import Guess

__all__ = ["Facts", "Guess", "described", "draft", "facts_of", "guess", "open_any"]
