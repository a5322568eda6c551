"""The list of networks that the bench measures, and where their files are."""
import dataclasses
import os
import pathlib

import onnx

import networks

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / "build" / "bench" / "models"
SHARED = pathlib.Path(os.environ.get("DEFTNN_DATA") or ROOT.parent / "shared") / "models"


@dataclasses.dataclass(frozen=True)
class Model:
    name: str  # of --models
    title: str
    build: object = None  # makes the network; nothing where there is a file
    file: pathlib.Path | None = None
    missing: str = ""  # why it cannot be measured yet

    def path(self):
        """The .onnx, made when it is not there. FileNotFoundError with the reason where it cannot be."""
        if self.missing:
            raise FileNotFoundError(self.missing)
        if self.build is not None:
            return networks.write(self.build, BUILT / f"{self.name}.onnx")
        if not self.file.exists():
            raise FileNotFoundError(f"{self.file} is not there (set DEFTNN_DATA)")
        return self.file


    def fixed_batch(self):
        """The batch size that the file is fixed to, or 0 when any will do."""
        if self.build is not None:
            return 0
        graph = onnx.load(self.path(), load_external_data=False).graph
        weights = {tensor.name for tensor in graph.initializer}
        first = next(value for value in graph.input if value.name not in weights)
        return first.type.tensor_type.shape.dim[0].dim_value


TRANSFORMER = "operators missing"
MODELS = [
    Model("resnet50", "ResNet-50", networks.resnet50),
    Model("resnet18", "ResNet-18", networks.resnet18),
    Model("vgg16", "VGG-16", networks.vgg16),
    Model("mobilenetv2", "MobileNetV2", networks.mobilenetv2),
    Model("alexnet", "AlexNet", networks.alexnet),
    Model("bert_base", "BERT-base, 128 tokens", missing=TRANSFORMER),
    Model("minilm_l6", "MiniLM-L6, 128 tokens", missing=TRANSFORMER),
    Model("mlp", "MLP 784-4096-4096-10", networks.mlp),
    Model("lenet5", "LeNet-5", networks.lenet5),
    Model("fc4096", "FC 4096x4096", networks.fc4096),
    Model("vgg_fc6", "VGG fc6 25088x4096", networks.vgg_fc6),
    Model("mnist8", "MNIST-8", file=SHARED / "mnist-8.onnx"),
    Model("resnet20", "CIFAR-10 ResNet-20", file=SHARED / "cifar10_resnet20.onnx"),
    Model("squeezenet", "SqueezeNet", file=SHARED / "squeezenet_fp32.onnx"),
    Model("dscnn", "DS-CNN", file=SHARED / "kws_dscnn.onnx"),
    Model("ultraface", "UltraFace RFB-320", file=SHARED / "ultraface_rfb320.onnx"),
    Model("magika", "magika v3.3", file=SHARED / "magika_v3_3.onnx"),
]
BY_NAME = {model.name: model for model in MODELS}


def chosen(names):
    """The models of a comma-separated list; a path to an .onnx is a model too. ValueError names what is unknown."""
    if names == "all":
        return list(MODELS)
    picked = []
    for name in names.split(","):
        if name in BY_NAME:
            picked.append(BY_NAME[name])
        elif name.endswith(".onnx") and pathlib.Path(name).exists():
            picked.append(Model(pathlib.Path(name).stem, pathlib.Path(name).stem, file=pathlib.Path(name).resolve()))
        else:
            raise ValueError(f"no model '{name}': a path to an .onnx, or one of {', '.join(BY_NAME)}")
    return picked
