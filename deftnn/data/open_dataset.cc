#include "deftnn/data/open_dataset.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "deftnn/base/file.h"
#include "deftnn/data/cifar.h"
#include "deftnn/data/idx.h"
#include "deftnn/data/image_folder.h"
#include "deftnn/data/inflate.h"
#include "deftnn/data/npy.h"
#include "deftnn/data/npz.h"

namespace deftnn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAccepted =
    ".npz, .npy, IDX (.gz or not), CIFAR-10 .bin, or a folder with a subfolder of pictures for "
    "each class";

/// What a reader finds: inputs and the labels that come with them.
struct Found {
  std::vector<Dataset::Input> inputs;
  std::vector<int64_t> labels;
  std::vector<std::string> class_names;
};

Result<std::vector<int64_t>> LabelsOf(const Tensor& tensor) {
  const bool column = tensor.rank() == 2 && tensor.dim(1) == 1;
  if (tensor.rank() != 1 && !column) {
    return Error("labels must be one integer a sample, not an array of shape {}",
                 ToString(tensor.shape()));
  }
  std::vector<int64_t> labels;
  bool integers = true;
  const bool known = VisitArithmetic(tensor.type(), [&](auto zero) {
    using T = decltype(zero);
    integers = std::is_integral_v<T>;
    if (!integers) return;
    for (T value : tensor.values<T>()) labels.push_back(static_cast<int64_t>(value));
  });
  if (!known || !integers) {
    return Error("labels must be integers, not {}", NameOf(tensor.type()));
  }
  return labels;
}

Result<std::vector<int64_t>> ReadLabels(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const bool idx = IsGzip(file.bytes()) || LooksLikeIdx(file.bytes());
  Result<Tensor> tensor = idx ? ParseIdx(file.bytes()) : ParseNpy(file.bytes());
  if (!tensor.ok()) return tensor.status().WithFile(path).WithHint("labels as .npy or IDX");
  Result<std::vector<int64_t>> labels = LabelsOf(*tensor);
  if (!labels.ok()) return labels.status().WithFile(path);
  return labels;
}

std::string OnlyName(const DataOptions& options) {
  return options.input_names.size() == 1 ? options.input_names[0] : "x";
}

Status NeedsOneInput(const DataOptions& options) {
  if (options.input_names.size() <= 1) return {};
  return Error("holds one input but the network has {}", options.input_names.size())
      .WithHint(fmt::format("an .npz with the arrays {}", fmt::join(options.input_names, ", ")));
}

/// An array in the layout that the network takes, with the preprocessing's normalisation.
Result<Dataset::Input> ArrayInput(std::string name, Tensor samples, const DataOptions& options) {
  Dataset::Input input{std::move(name), std::move(samples)};
  if (!options.preprocess || input.samples.rank() == 0) return input;
  const Preprocess& preprocess = *options.preprocess;
  if (preprocess.ChangesPixels()) {
    return Error("color, resize, crop and channel_order apply to pictures, not to arrays")
        .WithHint("scale, mean, std and layout");
  }
  if (!preprocess.Normalises()) return input;
  if (input.samples.type() == ElementType::kFloat16 ||
      input.samples.type() == ElementType::kBfloat16) {
    DEFTNN_ASSIGN_OR_RETURN(input.samples, ToFloat32(input.samples));
  }
  if (!VisitArithmetic(input.samples.type(), [](auto) {})) {
    return Error("{} arrays cannot be normalised", NameOf(input.samples.type()));
  }
  const int rank = input.samples.rank();
  input.channel_axis = rank < 3 || preprocess.nhwc ? rank - 1 : 1;
  const int64_t channels = rank < 2 ? 1 : input.samples.dim(input.channel_axis);
  DEFTNN_ASSIGN_OR_RETURN(input.affine, AffineOf(preprocess, channels));
  return input;
}

/// uint8 pictures N x C x H x W that PreparePicture has been applied to.
Result<Dataset::Input> PreparedInput(Tensor pictures, const DataOptions& options) {
  const Preprocess preprocess = options.preprocess.value_or(Preprocess{});
  DEFTNN_RETURN_IF_ERROR(NeedsOneInput(options));
  DEFTNN_ASSIGN_OR_RETURN(ChannelAffine affine, AffineOf(preprocess, pictures.dim(1)));
  Dataset::Input input{OnlyName(options), std::move(pictures), std::move(affine)};
  input.to_nhwc = preprocess.nhwc;
  return input;
}

/// uint8 pictures N x C x H x W as a file holds them: prepared one by one where that changes them.
Result<Dataset::Input> PicturesInput(Tensor pictures, const DataOptions& options) {
  const Preprocess preprocess = options.preprocess.value_or(Preprocess{});
  if (!preprocess.ChangesPixels() || pictures.size() == 0) {
    return PreparedInput(std::move(pictures), options);
  }
  const int64_t count = pictures.dim(0);
  const size_t channels = static_cast<size_t>(pictures.dim(1));
  const size_t plane = static_cast<size_t>(pictures.dim(2) * pictures.dim(3));
  Tensor prepared;
  for (int64_t n = 0; n < count; ++n) {
    Picture picture{static_cast<int>(pictures.dim(2)), static_cast<int>(pictures.dim(3)),
                    static_cast<int>(channels), std::vector<uint8_t>(channels * plane)};
    const uint8_t* from =
        pictures.values<uint8_t>().data() + static_cast<size_t>(n) * channels * plane;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = 0; i < plane; ++i) picture.pixels[i * channels + c] = from[c * plane + i];
    }
    DEFTNN_ASSIGN_OR_RETURN(picture, PreparePicture(std::move(picture), preprocess));
    if (n == 0) {
      const Shape shape = {count, picture.channels, picture.height, picture.width};
      DEFTNN_RETURN_IF_ERROR(CheckShape(ElementType::kUint8, shape));
      prepared = Tensor::Zeros(ElementType::kUint8, shape);
    }
    const size_t out_channels = static_cast<size_t>(picture.channels);
    const size_t out_plane = picture.pixels.size() / out_channels;
    uint8_t* to =
        prepared.mutable_values<uint8_t>().data() + static_cast<size_t>(n) * picture.pixels.size();
    for (size_t c = 0; c < out_channels; ++c) {
      for (size_t i = 0; i < out_plane; ++i) {
        to[c * out_plane + i] = picture.pixels[i * out_channels + c];
      }
    }
  }
  return PreparedInput(std::move(prepared), options);
}

Result<Found> OpenNpz(const std::string& path, const DataOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const NpzFile npz, NpzFile::Open(path));
  Found found;
  std::vector<std::pair<std::string, std::string>> wanted;  // input name, array name
  if (options.input_names.size() <= 1) {
    const std::string name = OnlyName(options);
    std::string array = npz.Has(name) ? name : "x";
    if (!npz.Has(array)) {  // the only array that is not y is meant
      std::vector<std::string> others = npz.names();
      std::erase(others, "y");
      if (others.size() != 1) {
        return Error("has no array 'x'; it holds: {}", fmt::join(npz.names(), ", "))
            .WithHint("numpy.savez(file, x=inputs, y=labels)");
      }
      array = others[0];
    }
    wanted.emplace_back(name, array);
  } else {
    for (const std::string& name : options.input_names) {
      if (!npz.Has(name)) {
        return Error("has no array for the network's input '{}'; it holds: {}", name,
                     fmt::join(npz.names(), ", "));
      }
      wanted.emplace_back(name, name);
    }
  }
  bool y_is_input = false;
  for (const auto& [name, array] : wanted) {
    DEFTNN_ASSIGN_OR_RETURN(Tensor samples, npz.Read(array));
    DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input, ArrayInput(name, std::move(samples), options));
    found.inputs.push_back(std::move(input));
    y_is_input |= array == "y";
  }
  if (npz.Has("y") && !y_is_input && options.labels_path.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(const Tensor y, npz.Read("y"));
    DEFTNN_ASSIGN_OR_RETURN(found.labels, LabelsOf(y));
  }
  return found;
}

Result<Found> OpenIdx(const std::string& path, const DataOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(Tensor tensor, ReadIdx(path));
  Found found;
  if (tensor.type() == ElementType::kUint8 && tensor.rank() == 3) {
    const Shape pictures = {tensor.dim(0), 1, tensor.dim(1), tensor.dim(2)};
    if (std::max(tensor.dim(1), tensor.dim(2)) > 65536) {
      return Error("holds pictures of {} x {} pixels", tensor.dim(1), tensor.dim(2));
    }
    DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input,
                            PicturesInput(tensor.Reshaped(pictures), options));
    found.inputs.push_back(std::move(input));
  } else {
    DEFTNN_RETURN_IF_ERROR(NeedsOneInput(options));
    DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input,
                            ArrayInput(OnlyName(options), std::move(tensor), options));
    found.inputs.push_back(std::move(input));
  }
  const std::string labels = SiblingLabels(path);
  if (options.labels_path.empty() && !labels.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(found.labels, ReadLabels(labels));
  }
  return found;
}

Result<Found> OpenCifar(const std::string& path, const DataOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(CifarPictures cifar, ReadCifar10(path));
  DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input, PicturesInput(std::move(cifar.pictures), options));
  return Found{
      {std::move(input)},
      std::move(cifar.labels),
      {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}};
}

Result<Found> OpenFolder(const std::string& path, const DataOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(FolderPictures pictures,
                          ReadImageFolder(path, options.preprocess.value_or(Preprocess{})));
  DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input,
                          PreparedInput(std::move(pictures.pictures), options));
  return Found{{std::move(input)}, std::move(pictures.labels), std::move(pictures.class_names)};
}

Result<Found> OpenNpy(const std::string& path, const DataOptions& options) {
  DEFTNN_RETURN_IF_ERROR(NeedsOneInput(options));
  DEFTNN_ASSIGN_OR_RETURN(Tensor samples, ReadNpy(path));
  DEFTNN_ASSIGN_OR_RETURN(Dataset::Input input,
                          ArrayInput(OnlyName(options), std::move(samples), options));
  return Found{{std::move(input)}, {}, {}};
}

Result<Found> Open(const std::string& path, const DataOptions& options) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return CifarFilesIn(path).empty() ? OpenFolder(path, options) : OpenCifar(path, options);
  }
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const auto bytes = file.bytes();
  if (bytes.empty()) return Error("is empty").WithHint(kAccepted);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 8));
  if (path.ends_with(".bin")) return OpenCifar(path, options);
  if (path.ends_with(".npz") || start.starts_with("PK")) return OpenNpz(path, options);
  if (path.ends_with(".npy") || start.starts_with("\x93NUMPY")) return OpenNpy(path, options);
  if (IsGzip(bytes) || LooksLikeIdx(bytes)) return OpenIdx(path, options);
  return Error("is in no known data format").WithHint(kAccepted);
}

}  // namespace

Result<Dataset> OpenDataset(const std::string& path, const DataOptions& options) {
  Result<Found> found = Open(path, options);
  if (!found.ok()) return found.status().WithFile(path);
  if (!options.labels_path.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(found->labels, ReadLabels(options.labels_path));
    if (found->labels.empty()) return Error("holds no labels").WithFile(options.labels_path);
  }
  Result<Dataset> set = Dataset::Of(std::move(found->inputs), std::move(found->labels),
                                    std::move(found->class_names));
  if (!set.ok()) return set.status().WithFile(path);
  return set;
}

}  // namespace deftnn
