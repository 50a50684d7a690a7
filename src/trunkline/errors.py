"""Errors, grouped by what the caller can do about them.

``Error``
├── NotFoundError            ask for something that exists
├── AlreadyExistsError       choose another name, or ask for an update
├── ConflictError            the state does not allow it now: change that first, then retry
├── InvalidInputError        fix the request
├── UnavailableError         wait, then retry the same request
├── AccessDeniedError        show who you are, or ask the server's owner
├── NotSupportedError        this server cannot do that
└── CorruptDataError         stop: stored bytes do not match their hash

A message is one clear line that names the object and, where there is one, the fix. Clients of the field match on
phrases in it (reference, section 6.3): keep them.
"""


class Error(Exception):
    """Anything that a caller is told about. ``str(error)`` is fit for a user's eyes."""


class NotFoundError(Error):
    """The thing that was asked for does not exist."""


class AlreadyExistsError(Error):
    """A thing of that name exists already."""


class ConflictError(Error):
    """The request is sound, but the present state forbids it."""


class UnfinishedError(ConflictError):
    """A commit that has to be finished first is not. Waiting for it helps."""


class InvalidInputError(Error):
    """The request itself is wrong."""


class UnavailableError(Error):
    """The same request may succeed later."""


class AccessDeniedError(Error):
    """The server answers others, and not this caller."""


class NotSupportedError(Error):
    """This server does not offer what was asked for."""


class CorruptDataError(Error):
    """Stored bytes do not match the hash that names them."""
