"""Why a task, or the loading, failed: one exception for each code of the contract."""
from . import lorgnette_pb2 as wire


class Failure(Exception):
    """The message says what was expected, what was found, and where. Raise one of its kinds."""

    code = wire.FAILURE_CODE_INTERNAL
    retryable = False

    def __init__(self, message: str, *, retryable: "bool | None" = None):
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable

    @property
    def message(self) -> str:
        return str(self)

    @staticmethod
    def of(error: BaseException) -> "Failure":
        """A Failure as it is; any other exception as the code that fits it best."""
        if isinstance(error, Failure):
            return error
        if isinstance(error, MemoryError):
            return OutOfMemory(str(error) or "out of memory")
        text = str(error)
        return InternalFault(f"{type(error).__name__}: {text}" if text else type(error).__name__)


class BadPicture(Failure):
    """The picture is corrupt, cut off or empty."""
    code = wire.FAILURE_CODE_BAD_PICTURE


class UnsupportedPicture(Failure):
    """A format without a decoder."""
    code = wire.FAILURE_CODE_UNSUPPORTED_PICTURE


class PictureTooLarge(Failure):
    """Over a limit on bytes or pixels."""
    code = wire.FAILURE_CODE_PICTURE_TOO_LARGE


class BadInput(Failure):
    """A port: missing, unknown, or of another shape than it should be."""
    code = wire.FAILURE_CODE_BAD_INPUT


class BadOption(Failure):
    """A value that an option cannot have."""
    code = wire.FAILURE_CODE_BAD_OPTION


class MissingModel(Failure):
    """A file of a model that is not there."""
    code = wire.FAILURE_CODE_MISSING_MODEL


class WrongModel(Failure):
    """A file of another kind than expected."""
    code = wire.FAILURE_CODE_WRONG_MODEL


class OutOfMemory(Failure):
    """Another attempt may succeed."""
    code = wire.FAILURE_CODE_OUT_OF_MEMORY
    retryable = True


class Cancelled(Failure):
    """The coordinator no longer wants the answer; raised by ``Task.check_cancelled``."""
    code = wire.FAILURE_CODE_CANCELLED
    retryable = True

    def __init__(self, message: str = "cancelled by the coordinator"):
        super().__init__(message)


class InternalFault(Failure):
    """The expert's own fault."""


class Changed(Failure):
    """The picture's file is gone, or not the one that was hashed."""
    code = wire.FAILURE_CODE_CHANGED


class Draining(Failure):
    """A task after Drain."""
    code = wire.FAILURE_CODE_DRAINING
    retryable = True


class ProtocolFault(Failure):
    """A message that the contract does not allow."""
    code = wire.FAILURE_CODE_PROTOCOL
