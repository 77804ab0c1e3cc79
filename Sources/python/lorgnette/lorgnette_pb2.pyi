from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_PICTURE: _ClassVar[Kind]
    KIND_QUESTION: _ClassVar[Kind]
    KIND_TENSOR: _ClassVar[Kind]
    KIND_TEXT: _ClassVar[Kind]

class FailureCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CODE_UNSPECIFIED: _ClassVar[FailureCode]
    FAILURE_CODE_BAD_PICTURE: _ClassVar[FailureCode]
    FAILURE_CODE_UNSUPPORTED_PICTURE: _ClassVar[FailureCode]
    FAILURE_CODE_PICTURE_TOO_LARGE: _ClassVar[FailureCode]
    FAILURE_CODE_BAD_INPUT: _ClassVar[FailureCode]
    FAILURE_CODE_BAD_OPTION: _ClassVar[FailureCode]
    FAILURE_CODE_MISSING_MODEL: _ClassVar[FailureCode]
    FAILURE_CODE_WRONG_MODEL: _ClassVar[FailureCode]
    FAILURE_CODE_OUT_OF_MEMORY: _ClassVar[FailureCode]
    FAILURE_CODE_CANCELLED: _ClassVar[FailureCode]
    FAILURE_CODE_DRAINING: _ClassVar[FailureCode]
    FAILURE_CODE_INTERNAL: _ClassVar[FailureCode]
    FAILURE_CODE_PROTOCOL: _ClassVar[FailureCode]
    FAILURE_CODE_CHANGED: _ClassVar[FailureCode]
KIND_UNSPECIFIED: Kind
KIND_PICTURE: Kind
KIND_QUESTION: Kind
KIND_TENSOR: Kind
KIND_TEXT: Kind
FAILURE_CODE_UNSPECIFIED: FailureCode
FAILURE_CODE_BAD_PICTURE: FailureCode
FAILURE_CODE_UNSUPPORTED_PICTURE: FailureCode
FAILURE_CODE_PICTURE_TOO_LARGE: FailureCode
FAILURE_CODE_BAD_INPUT: FailureCode
FAILURE_CODE_BAD_OPTION: FailureCode
FAILURE_CODE_MISSING_MODEL: FailureCode
FAILURE_CODE_WRONG_MODEL: FailureCode
FAILURE_CODE_OUT_OF_MEMORY: FailureCode
FAILURE_CODE_CANCELLED: FailureCode
FAILURE_CODE_DRAINING: FailureCode
FAILURE_CODE_INTERNAL: FailureCode
FAILURE_CODE_PROTOCOL: FailureCode
FAILURE_CODE_CHANGED: FailureCode

class Envelope(_message.Message):
    __slots__ = ("protocol", "epoch", "hello", "welcome", "refuse", "ready", "task", "progress", "result", "failure", "heartbeat", "cancel", "drain", "goodbye")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    epoch: int
    hello: Hello
    welcome: Welcome
    refuse: Refuse
    ready: Ready
    task: Task
    progress: Progress
    result: Result
    failure: Failure
    heartbeat: Heartbeat
    cancel: Cancel
    drain: Drain
    goodbye: Goodbye
    def __init__(self, protocol: _Optional[int] = ..., epoch: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., refuse: _Optional[_Union[Refuse, _Mapping]] = ..., ready: _Optional[_Union[Ready, _Mapping]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("service", "software", "worker", "inputs", "outputs", "options", "concurrency", "about", "pid")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    service: str
    software: str
    worker: str
    inputs: _containers.RepeatedCompositeFieldContainer[Port]
    outputs: _containers.RepeatedCompositeFieldContainer[Port]
    options: _containers.RepeatedCompositeFieldContainer[Option]
    concurrency: int
    about: str
    pid: int
    def __init__(self, service: _Optional[str] = ..., software: _Optional[str] = ..., worker: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., options: _Optional[_Iterable[_Union[Option, _Mapping]]] = ..., concurrency: _Optional[int] = ..., about: _Optional[str] = ..., pid: _Optional[int] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("name", "kind", "required")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: Kind
    required: bool
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[Kind, str]] = ..., required: bool = ...) -> None: ...

class Option(_message.Message):
    __slots__ = ("name", "type", "about", "default_text", "minimum", "maximum", "choices")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[Option.Type]
        TYPE_STRING: _ClassVar[Option.Type]
        TYPE_NUMBER: _ClassVar[Option.Type]
        TYPE_INTEGER: _ClassVar[Option.Type]
        TYPE_BOOL: _ClassVar[Option.Type]
        TYPE_STRING_LIST: _ClassVar[Option.Type]
        TYPE_INTEGER_MAP: _ClassVar[Option.Type]
    TYPE_UNSPECIFIED: Option.Type
    TYPE_STRING: Option.Type
    TYPE_NUMBER: Option.Type
    TYPE_INTEGER: Option.Type
    TYPE_BOOL: Option.Type
    TYPE_STRING_LIST: Option.Type
    TYPE_INTEGER_MAP: Option.Type
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TEXT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: Option.Type
    about: str
    default_text: str
    minimum: float
    maximum: float
    choices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[Option.Type, str]] = ..., about: _Optional[str] = ..., default_text: _Optional[str] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., choices: _Optional[_Iterable[str]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("stage", "options", "heartbeat_ms", "liveness_ms", "max_message_bytes")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    LIVENESS_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    stage: str
    options: _struct_pb2.Struct
    heartbeat_ms: int
    liveness_ms: int
    max_message_bytes: int
    def __init__(self, stage: _Optional[str] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., heartbeat_ms: _Optional[int] = ..., liveness_ms: _Optional[int] = ..., max_message_bytes: _Optional[int] = ...) -> None: ...

class Refuse(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: FailureCode
    message: str
    def __init__(self, code: _Optional[_Union[FailureCode, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Ready(_message.Message):
    __slots__ = ("credit", "models", "load_seconds")
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    LOAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    credit: int
    models: _containers.RepeatedCompositeFieldContainer[Model]
    load_seconds: float
    def __init__(self, credit: _Optional[int] = ..., models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., load_seconds: _Optional[float] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("role", "name", "fingerprint")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    role: str
    name: str
    fingerprint: str
    def __init__(self, role: _Optional[str] = ..., name: _Optional[str] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "attempt", "lease_ms", "picture", "question", "inputs", "seed", "item")
    ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    id: int
    attempt: int
    lease_ms: int
    picture: Picture
    question: str
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    seed: int
    item: str
    def __init__(self, id: _Optional[int] = ..., attempt: _Optional[int] = ..., lease_ms: _Optional[int] = ..., picture: _Optional[_Union[Picture, _Mapping]] = ..., question: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ..., seed: _Optional[int] = ..., item: _Optional[str] = ...) -> None: ...

class Picture(_message.Message):
    __slots__ = ("path", "frame", "sha256", "byte_count")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    path: str
    frame: int
    sha256: bytes
    byte_count: int
    def __init__(self, path: _Optional[str] = ..., frame: _Optional[int] = ..., sha256: _Optional[bytes] = ..., byte_count: _Optional[int] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("port", "stage", "expert", "outcome", "passage", "models")
    PORT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    EXPERT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PASSAGE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    port: str
    stage: str
    expert: str
    outcome: Outcome
    passage: Passage
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, port: _Optional[str] = ..., stage: _Optional[str] = ..., expert: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., passage: _Optional[_Union[Passage, _Mapping]] = ..., models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class Passage(_message.Message):
    __slots__ = ("label", "lines")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    label: str
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, label: _Optional[str] = ..., lines: _Optional[_Iterable[str]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("text", "confidence", "lines", "tensors", "generation", "facts", "picture")
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    text: str
    confidence: float
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    tensors: _containers.RepeatedCompositeFieldContainer[Tensor]
    generation: Generation
    facts: _containers.ScalarMap[str, str]
    picture: PictureFacts
    def __init__(self, text: _Optional[str] = ..., confidence: _Optional[float] = ..., lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ..., tensors: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., facts: _Optional[_Mapping[str, str]] = ..., picture: _Optional[_Union[PictureFacts, _Mapping]] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("text", "box", "confidence", "words")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    box: _containers.RepeatedScalarFieldContainer[int]
    confidence: float
    words: _containers.RepeatedCompositeFieldContainer[Word]
    def __init__(self, text: _Optional[str] = ..., box: _Optional[_Iterable[int]] = ..., confidence: _Optional[float] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "box", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    box: _containers.RepeatedScalarFieldContainer[int]
    confidence: float
    def __init__(self, text: _Optional[str] = ..., box: _Optional[_Iterable[int]] = ..., confidence: _Optional[float] = ...) -> None: ...

class Tensor(_message.Message):
    __slots__ = ("name", "dtype", "shape", "frame")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    frame: int
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., frame: _Optional[int] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ("tokens", "finish", "cut", "seed", "prompt_tokens", "used")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    tokens: int
    finish: str
    cut: _containers.RepeatedCompositeFieldContainer[Cut]
    seed: int
    prompt_tokens: int
    used: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tokens: _Optional[int] = ..., finish: _Optional[str] = ..., cut: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ..., seed: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., used: _Optional[_Iterable[str]] = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("stage", "lines", "tokens")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    lines: int
    tokens: int
    def __init__(self, stage: _Optional[str] = ..., lines: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...

class PictureFacts(_message.Message):
    __slots__ = ("format", "width", "height", "orientation", "pages")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    format: str
    width: int
    height: int
    orientation: int
    pages: int
    def __init__(self, format: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., orientation: _Optional[int] = ..., pages: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("task", "attempt", "text", "fraction")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    task: int
    attempt: int
    text: str
    fraction: float
    def __init__(self, task: _Optional[int] = ..., attempt: _Optional[int] = ..., text: _Optional[str] = ..., fraction: _Optional[float] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("task", "attempt", "outcome", "seconds")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    task: int
    attempt: int
    outcome: Outcome
    seconds: float
    def __init__(self, task: _Optional[int] = ..., attempt: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., seconds: _Optional[float] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("task", "attempt", "code", "retryable", "message")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    task: int
    attempt: int
    code: FailureCode
    retryable: bool
    message: str
    def __init__(self, task: _Optional[int] = ..., attempt: _Optional[int] = ..., code: _Optional[_Union[FailureCode, str]] = ..., retryable: bool = ..., message: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("task", "attempt")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    task: int
    attempt: int
    def __init__(self, task: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...
