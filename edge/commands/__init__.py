"""The sub-commands of `edge`, a file each; `edge.cli.COMMANDS` is their table."""
