"""What moves wheels and motor: a file each, and `TABLE` of import strings, so that no vendor is imported unchosen."""
