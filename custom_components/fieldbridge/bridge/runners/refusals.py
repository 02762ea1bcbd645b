"""Commands that cannot be carried out as they are; each kind has a word of its own in the error report."""

from ..errors import BridgeError


class RefusedCommandError(BridgeError, ValueError):
    """The sender has to say it differently."""


class PayloadValidationError(RefusedCommandError):
    """The payload is not what the handler takes."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        handler: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(message)
        self.param = param
        """The parameter that it is for."""
        self.handler = handler
        self.__cause__ = cause


class InvalidJsonError(RefusedCommandError):
    """The payload is no JSON object."""


class MissingSubKeyError(RefusedCommandError):
    """The JSON object does not say which handler it is for."""


class UnknownSubCommandError(RefusedCommandError):
    """No handler has the name that the JSON object gives."""


class ReturnValidationError(BridgeError, ValueError):
    """What a handler returned has no form in JSON."""

    def __init__(self, message: str, *, handler: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.handler = handler
        self.__cause__ = cause


ERROR_TYPES: dict[type[Exception], str] = {
    PayloadValidationError: "invalid_payload",
    InvalidJsonError: "invalid_json",
    MissingSubKeyError: "missing_sub_key",
    UnknownSubCommandError: "unknown_sub_command",
}
