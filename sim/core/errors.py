"""The one exception family: a message that says what, where and how to mend it, and an exit status."""


class LazypullError(Exception):
    """Base of every error lazypull raises on purpose; its text is one line for a stranger.

    `exit_status` is what the command line returns: 1 the run failed, 2 wrong use or bad input.
    """

    exit_status = 1


class RunFailed(LazypullError):
    """The input was good but the run could not be completed."""


class BadInput(LazypullError):
    """The input is wrong; the text names the place and the mend."""

    exit_status = 2


class BadBlob(BadInput):
    """A layer blob does not follow its format."""


class BadBundle(BadInput):
    """A stored tree, layout or trace is missing, damaged or of a newer schema."""


class BadConfig(BadInput):
    """An experiment file asks for something that does not exist or makes no sense."""


class ContentMismatch(BadInput):
    """Two inputs that must describe the same files do not."""


class NotPossibleHere(LazypullError):
    """The machine lacks what the verb needs (root, FUSE, a tool); the text says what to install."""

    exit_status = 2
