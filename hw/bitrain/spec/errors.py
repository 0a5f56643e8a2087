"""The one exception for a user's mistake: the command line prints its single line and exits 2."""


class BitrainError(Exception):
    """A mistake in what the user gave (file, layer, option), or a tool that is missing.

    The message is one line: what is wrong and where, what was expected, how to mend it.
    """
