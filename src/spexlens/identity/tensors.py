"""Tensors of torch, by their bytes; torch is not imported for it."""

import hashlib
import sys
from typing import TYPE_CHECKING, Any

from spexlens.identity.graph import Later, Seen, Unknown
from spexlens.identity.objects import state

if TYPE_CHECKING:
    import torch

_CHUNK = 1 << 26


def tell_tensor(value: Any, seen: Seen) -> Any:
    """A tensor, a data type, a device or a generator of torch; None for anything else."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "Tensor"):
        return None
    if isinstance(
        value, (torch.dtype, torch.device, torch.layout, torch.memory_format)
    ):
        return ["torch", str(value)]
    if isinstance(value, torch.Generator):
        return ["generator", str(value.device), seen(value.get_state())]
    return _tensor(value, seen) if isinstance(value, torch.Tensor) else None


def _tensor(value: "torch.Tensor", seen: Seen) -> Any:
    """What is in a tensor. Its device, and whether it asks for a gradient, do not
    matter.
    """
    import torch

    if type(value) not in (torch.Tensor, torch.nn.Parameter):
        if hasattr(value, "__tensor_flatten__"):  # it is made of others
            names, rest = value.__tensor_flatten__()
            parts = [[name, seen(getattr(value, name))] for name in names]
            return ["tensor", seen(type(value)), list(value.shape), parts, seen(rest)]
        plain = value.detach().as_subclass(torch.Tensor)
        return ["tensor", seen(type(value)), seen(plain), state(value, seen)]
    if value.is_sparse:
        whole = value.detach().coalesce()
        return [
            "tensor",
            "sparse",
            list(value.shape),
            seen(whole.indices()),
            seen(whole.values()),
        ]
    if value.layout != torch.strided:
        raise Unknown(f"a tensor of layout {value.layout}")
    if value.is_quantized:
        raise Unknown(f"a quantized tensor of {value.dtype}")
    data = seen.data(value)
    return Later(
        lambda: ["tensor", str(value.dtype), list(value.shape), _bytes_of(data())]
    )


def _bytes_of(tensor: "torch.Tensor") -> str:
    """sha256 of a tensor's bytes, row after row; what does not lie so in memory is
    copied, in parts.

    Raises:
        Unknown: its bytes can't be had.
    """
    import torch

    try:
        rows = tensor.detach().resolve_conj().resolve_neg()
        rows = rows.reshape(1) if rows.ndim == 0 else rows
        if rows.numel() == 0:
            return ""
        digest = hashlib.sha256()
        whole = rows.is_contiguous() and rows.device.type == "cpu"
        step = (
            len(rows)
            if whole
            else max(1, _CHUNK // (rows[0].numel() * rows.element_size()))
        )
        for first in range(0, len(rows), step):
            chunk = rows[first : first + step].cpu().contiguous()
            digest.update(chunk.flatten().view(torch.uint8).numpy().data)
        return digest.hexdigest()
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise Unknown(f"a tensor of {tensor.dtype} on {tensor.device}") from error
