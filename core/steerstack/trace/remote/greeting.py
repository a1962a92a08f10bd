"""What a server says of its model, in the first request: checked, and who it is."""

from steerstack.trace.check import check_model
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely


@remotely()
def greet(model: Model) -> dict[str, object]:
    """Check the model as on opening, and tell its fingerprint, dtype, device and kind of blocks."""
    check_model(model)
    return {
        "fingerprint": model.fingerprint,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "tuple_output": model.tuple_output,
        "absent": model.absent,
    }
