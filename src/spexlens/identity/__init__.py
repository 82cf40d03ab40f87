"""What a value is, told so that it changes whenever the value does: the floor under
every fingerprint.

::

    describe(value)          JSON, equal for equal values, in this process and in any other
    describe_module(module)  the same of a torch module
    digest(value)            sha256 of a description
    Unknown                  raised where something can't be told: a generator, a lock, an open file

Code of installed packages, of Python and of this package is told by its name; all other
code by what it does: its bytecode, what it closes over, and the globals that it reads.
"""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spexlens.identity.arrays import tell_array
from spexlens.identity.code import tell_code
from spexlens.identity.containers import tell_container
from spexlens.identity.graph import Graph, Unknown
from spexlens.identity.leaves import is_leaf, leaf
from spexlens.identity.modules import tell_module
from spexlens.identity.objects import tell_object
from spexlens.identity.tables import tell_table
from spexlens.identity.tensors import tell_tensor

if TYPE_CHECKING:
    import torch

__all__ = ["Unknown", "describe", "describe_module", "digest"]

_TELLERS = (
    tell_array,
    tell_tensor,
    tell_table,
    tell_code,
    tell_module,
    tell_container,
    tell_object,
)


def describe(value: Any) -> Any:
    """What decides a value, as JSON: itself if it is a number or a text, else its kind
    and a sha256.

    Numbers of numpy are those of Python; an array is told by its bytes. Lists and
    tuples differ; the order of a dict or a set does not matter, that of an OrderedDict
    does. A description holds for one version of Python, whose bytecode is its own.

    Raises:
        Unknown: something in it can't be told.
    """
    return leaf(value) if is_leaf(value) else Graph(_TELLERS).solved(value)


def describe_module(
    module: "torch.nn.Module", tensor_of: "Callable[[str], torch.Tensor] | None" = None
) -> Any:
    """What decides a module's answers, as JSON: its classes, attributes, hooks,
    parameters and buffers.

    Whether it is in training or its parameters ask for gradients does not matter, nor
    on which device it is.

    Args:
        module: of torch.
        tensor_of: gives the parameter or buffer of a name where it is on the "meta"
            device, because its data is kept elsewhere. It is called by one thread at a
            time.

    Raises:
        Unknown: something in it can't be told, such as a hook's state.
    """
    from itertools import chain

    named = chain(module.named_parameters(), module.named_buffers())
    names = {id(tensor): name for name, tensor in named if tensor.is_meta}
    return Graph(_TELLERS, names, tensor_of).solved(module)


def digest(value: Any) -> str:
    """sha256 of a value's description.

    Raises:
        Unknown: something in it can't be told.
    """
    return hashlib.sha256(json.dumps(describe(value)).encode()).hexdigest()
