"""Write an expert for Lorgnette: a function from a picture to words, served by `protos/README.md`'s contract.

    from lorgnette import Picture, expert

    @expert
    def brightness(picture: Picture, *, dark: float = 100) -> str:
        '''Says how bright a picture is.'''
        ...

    if __name__ == "__main__":
        brightness.main()
"""
from .answer import Answer, Model, PictureFacts, Region, Tensor
from .expert import Expert, expert
from .failures import (
    BadInput, BadOption, BadPicture, Cancelled, Changed, Failure, InternalFault, MissingModel, OutOfMemory, PictureTooLarge,
    UnsupportedPicture, WrongModel)
from .option import Option
from .rehearsal import Rehearsal, rehearse
from .task import Picture, Said, Task, Tensors, Words

__version__ = "0.1.0"
__all__ = [
    "Answer", "BadInput", "BadOption", "BadPicture", "Cancelled", "Changed", "Expert", "Failure", "InternalFault",
    "MissingModel", "Model", "Option", "OutOfMemory", "Picture", "PictureFacts", "PictureTooLarge", "Region", "Rehearsal",
    "Said", "Task", "Tensor", "Tensors", "UnsupportedPicture", "Words", "WrongModel", "expert", "rehearse"]
