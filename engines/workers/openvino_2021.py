"""OpenVINO's Inference Engine, releases 2021.4 to 2022.3: the last with the plug-in for Movidius sticks (Myriad X).

API 2.0 came with 2022.1 and has no part in 2021.4; `IECore` is in both, until 2024.0.
Source: https://docs.openvino.ai/2022.3/api/ie_python_api/_autosummary/openvino.inference_engine.IECore.html
"""

import importlib
import re
from typing import Any, Callable, Dict, List, Tuple

from . import onnx_names
from .protocol import Message, Refused, Tensor, field, shape_of, size

FAULTS = (RuntimeError, ValueError, TypeError, OSError)
PACKAGES = {"libusb-1.0.so.0": "libusb-1.0-0"}
NO_STICK = re.compile(r"NC_ERROR|device is not opened|NC_DEVICE_NOT_FOUND")
LIBRARY = re.compile(r"(lib[\w.+-]+): cannot open shared object file")
UNKNOWN = re.compile(r"not support the following ONNX operations: *(.+)")
PRECISIONS = {
    "FP64": "float64",
    "FP32": "float32",
    "FP16": "float16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "uint8",
}
"""Element types of blobs, as NumPy calls them in the arrays that the bindings give and take."""
NO_LAYERS = ("Parameter", "Constant", "Result")
STICK = (
    "finds no Movidius stick ({}): plug it in; if `lsusb -d 03e7:` shows it, a udev rule has to let this user open it: "
    'SUBSYSTEM=="usb", ATTRS{{idVendor}}=="03e7", MODE="0666"'
)
CORES: List[Any] = []
"""One core for the life of the process: each new one would open its plug-ins, and the stick, again."""


def look() -> Tuple[str, List[str]]:
    """The release, e.g. `2021.4.2`, and the devices that it finds: MYRIAD is one where a stick answers."""
    return _vendor().get_version().partition("-")[0], list(_core().available_devices)


def load(request: Message, progress: Callable[[float, str], None]) -> "Net":
    """Read a model file, give its open inputs their shapes, and put it on the device."""
    core, device, network = _core(), field(request, "device", str), _read(request)
    inputs = _tensors(network.input_info, lambda info: info.input_data)
    blobs = _blobs(network, field(request, "model", str))
    outputs = _tensors({name: network.outputs[blob] for name, blob in blobs.items()}, lambda data: data)
    progress(0.5, "loading on " + device)
    try:
        loaded = core.load_network(network, device, num_requests=1, config=_settings(request, device))
    except FAULTS as fault:
        raise _refused(device, fault, network) from fault
    return Net(loaded, inputs, outputs, blobs)


def layers(request: Message) -> List[str]:
    """The layers of a model that the device cannot run, as `name (type)`. MYRIAD answers without a stick."""
    device = field(request, "device", str)
    network = _read(request)
    try:
        return _unsupported(network, device)
    except FAULTS as fault:
        raise _refused(device, fault, None) from fault


class Net:
    """The only inference request of a network on a device. blobs: OpenVINO's names of its outputs, by the file's."""

    def __init__(
        self, loaded: Any, inputs: Tuple[Tensor, ...], outputs: Tuple[Tensor, ...], blobs: Dict[str, str]
    ) -> None:
        self._loaded = loaded  # its request does not keep it, and crashes without it
        self._request = loaded.requests[0]
        self.inputs, self.outputs, self._blobs = inputs, outputs, blobs

    def run(self, given: Dict[str, Any]) -> Dict[str, Any]:
        """Infer; inputs are copied into its blobs, results are views of them until the next run."""
        self._request.infer(given)
        blobs = self._request.output_blobs
        return {name: blobs[blob].buffer for name, blob in self._blobs.items()}


def _vendor() -> Any:
    try:
        return importlib.import_module("openvino.inference_engine")
    except ImportError as fault:
        raise Refused("package", f"openvino.inference_engine cannot be imported ({fault})") from fault


def _core() -> Any:
    if not CORES:
        CORES.append(_vendor().IECore())
    return CORES[0]


def _read(request: Message) -> Any:
    model, shapes = field(request, "model", str), field(request, "inputs", dict)
    try:
        network = _core().read_network(model=model)
        # An open size is 0 in 2022.3; in 2021.4 a shape with one is empty.
        still_open = [n for n, i in network.input_info.items() if 0 in (i.input_data.shape or [0])]
        given = {name: shape_of(shapes[name]) for name in still_open if name in shapes}
        if given:
            network.reshape(given)
    except FAULTS as fault:
        unknown = UNKNOWN.search(str(fault))
        if unknown:
            text = f"OpenVINO has no operator {unknown.group(1)}, which this model needs"
            raise Refused("unsupported", text) from fault
        raise Refused("model", _line(fault)) from fault
    if not network.outputs:  # a file cut off behind its first bytes
        raise Refused("model", "there is no output in it")
    missing = [name for name in still_open if name not in given]
    if missing:
        raise Refused("unsupported", f"a size of input `{missing[0]}` is open, and this back end wants it given")
    return network


def _blobs(network: Any, model: str) -> Dict[str, str]:
    """OpenVINO's names of the outputs by those of the file; its own, in its order, where the file does not tell."""
    try:
        named = {name: network.get_ov_name_for_tensor(name) for name in onnx_names.outputs(model)}
    except FAULTS:
        named = {}
    return named if sorted(named.values()) == sorted(network.outputs) else {blob: blob for blob in network.outputs}


def _settings(request: Message, device: str) -> Dict[str, str]:
    if device != "CPU":
        return {}
    # Left alone, 2021.4 computes in bfloat16 on CPUs that have it.
    half = field(request, "precision", str) == "bf16"
    return {"CPU_THREADS_NUM": str(field(request, "threads", int)), "ENFORCE_BF16": "YES" if half else "NO"}


def _tensors(data: Any, of: Callable[[Any], Any]) -> Tuple[Tensor, ...]:
    made = []
    for name, info in data.items():
        port = of(info)
        shape, precision = tuple(int(side) for side in port.shape), str(info.precision)
        if precision not in PRECISIONS:
            raise Refused("unsupported", f"tensor `{name}` is {precision}, which the runtime does not handle")
        made.append(Tensor(name, shape, PRECISIONS[precision], size(shape, PRECISIONS[precision])))
    return tuple(made)


def _refused(device: str, fault: Exception, network: Any) -> Refused:
    """Why a device does not take a network, in words for its owner."""
    text = str(fault)
    library = LIBRARY.search(text)
    if library:
        package = PACKAGES.get(library.group(1), "the package that has it")
        return Refused("device", f"needs {library.group(1)} for {device}: sudo apt install {package}")
    if NO_STICK.search(text):
        return Refused("device", STICK.format(_line(fault)))
    if "not registered" in text:
        devices = ", ".join(_core().available_devices)
        return Refused("device", f"has no device {device} here; it has {devices}")
    if "dynamic" in text:
        return Refused("unsupported", _line(fault))
    unable = _unsupported(network, device) if network is not None else []
    if unable:
        return Refused("unsupported", "{} has no layer {}".format(device, ", ".join(unable[:3])))
    return Refused("failed", _line(fault))


def _unsupported(network: Any, device: str) -> List[str]:
    try:
        graphs = importlib.import_module("ngraph")
    except ImportError:  # a part of its own in the archives of 2022.3
        return []
    able = _core().query_network(network, device)
    names = [(op.get_friendly_name(), op.get_type_name()) for op in graphs.function_from_cnn(network).get_ordered_ops()]
    return [f"{name} ({kind})" for name, kind in names if name not in able and kind not in NO_LAYERS]


def _line(fault: Exception) -> str:
    """The last line of a report that tells something: the first ones are places in OpenVINO's own sources."""
    lines = [line.strip() for line in str(fault).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("/", "Check '", "[ GENERAL_ERROR ]"))]
    return (telling[-1] if telling else " ".join(str(fault).split()))[:300]
