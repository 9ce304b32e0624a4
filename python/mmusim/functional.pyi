# SPDX-License-Identifier: MIT
from typing import Any, Literal, Mapping, Union

import numpy as np
import numpy.typing as npt

from ._work import Platform

class FunctionalMachine:
    def __init__(self, platform: Union[str, Platform, Mapping[str, Any]] = ..., *, pages: str = ..., frames: str = ...,
                 levels: Literal[4, 5] = ..., seed: int = ...) -> None: ...
    def access(self, addresses: npt.NDArray[Any], kind: Literal["read", "write", "fetch"] = ..., *, bytes: int = ...,
               user: bool = ...) -> dict[str, int]: ...
    @property
    def totals(self) -> dict[str, int]: ...
    @property
    def faults(self) -> int: ...
