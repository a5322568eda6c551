#include "deftnn/data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"

namespace deftnn {
namespace {

using Json = nlohmann::json;

Status Wrong(const std::string& key, std::string_view expected) {
  return Error("\"{}\" must be {}", key, expected);
}

Result<std::vector<double>> Numbers(const std::string& key, const Json& value) {
  std::vector<double> numbers;
  for (const Json& item : value.is_array() ? value : Json::array({value})) {
    if (!item.is_number() || !std::isfinite(item.get<double>())) {
      return Wrong(key, "a number or an array of numbers");
    }
    numbers.push_back(item.get<double>());
  }
  if (numbers.empty() || numbers.size() > 65536) return Wrong(key, "at least one number");
  return numbers;
}

Result<std::vector<int>> Sides(const std::string& key, const Json& value) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> numbers, Numbers(key, value));
  std::vector<int> sides;
  for (double number : numbers) {
    if (number < 1 || number > 65536 || number != std::floor(number)) {
      return Wrong(key, "whole pixels from 1 to 65536");
    }
    sides.push_back(static_cast<int>(number));
  }
  if (sides.size() > 2) return Wrong(key, "one side or [height, width]");
  return sides;
}

/// Which of two words the value is: 0 or 1.
Result<bool> IsSecond(const std::string& key, const Json& value, const char* first,
                      const char* second) {
  if (value == first) return false;
  if (value == second) return true;
  return Wrong(key, fmt::format("\"{}\" or \"{}\"", first, second));
}

Status Apply(const std::string& key, const Json& value, Preprocess& out) {
  if (key == "color") {
    DEFTNN_ASSIGN_OR_RETURN(const bool gray, IsSecond(key, value, "RGB", "gray"));
    out.channels = gray ? 1 : 3;
  } else if (key == "resize") {
    DEFTNN_ASSIGN_OR_RETURN(out.resize, Sides(key, value));
  } else if (key == "crop") {
    DEFTNN_ASSIGN_OR_RETURN(out.crop, Sides(key, value));
  } else if (key == "channel_order") {
    DEFTNN_ASSIGN_OR_RETURN(out.bgr, IsSecond(key, value, "RGB", "BGR"));
  } else if (key == "layout") {
    DEFTNN_ASSIGN_OR_RETURN(out.nhwc, IsSecond(key, value, "NCHW", "NHWC"));
  } else if (key == "scale") {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> scale, Numbers(key, value));
    if (scale.size() != 1 || scale[0] == 0) return Wrong(key, "one number that is not 0");
    out.scale = scale[0];
  } else if (key == "mean") {
    DEFTNN_ASSIGN_OR_RETURN(out.mean, Numbers(key, value));
  } else if (key == "std") {
    DEFTNN_ASSIGN_OR_RETURN(out.deviation, Numbers(key, value));
    if (std::any_of(out.deviation.begin(), out.deviation.end(), [](double d) { return d <= 0; })) {
      return Wrong(key, "greater than 0");
    }
  } else {
    return Error("has the unknown key \"{}\"", key)
        .WithHint("color, resize, crop, channel_order, layout, scale, mean, std");
  }
  return {};
}

}  // namespace

Result<Preprocess> ParsePreprocess(std::string_view json) {
  const Json root = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return Error("is not a JSON object")
        .WithHint(R"({"scale": 0.00392157, "mean": [0.485, 0.456, 0.406]})");
  }
  Preprocess preprocess;
  for (const auto& [key, value] : root.items()) {
    DEFTNN_RETURN_IF_ERROR(Apply(key, value, preprocess));
  }
  return preprocess;
}

Result<Preprocess> ReadPreprocess(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, int64_t{1} << 20));
  Result<Preprocess> preprocess = ParsePreprocess(text);
  if (!preprocess.ok()) return preprocess.status().WithFile(path);
  return preprocess;
}

Result<Picture> PreparePicture(Picture picture, const Preprocess& preprocess) {
  const int channels = preprocess.channels.value_or(picture.channels);
  picture = ToChannels(std::move(picture), channels);
  if (preprocess.resize.size() == 2) {
    picture = Resize(picture, preprocess.resize[0], preprocess.resize[1]);
  } else if (preprocess.resize.size() == 1) {
    const int64_t side = preprocess.resize[0];
    const int64_t shorter = std::min(picture.height, picture.width);
    const int64_t height = side * picture.height / shorter, width = side * picture.width / shorter;
    if (std::max(height, width) > 65536) {
      return Error("is too elongated to be resized: {} x {}", picture.height, picture.width);
    }
    picture = Resize(picture, static_cast<int>(height), static_cast<int>(width));
  }
  if (!preprocess.crop.empty()) {
    const int height = preprocess.crop.front(), width = preprocess.crop.back();
    if (height > picture.height || width > picture.width) {
      return Error("is {} x {} pixels, smaller than the crop of {} x {}", picture.height,
                   picture.width, height, width)
          .WithHint("set \"resize\" in the preprocessing file");
    }
    picture = CentreCrop(picture, height, width);
  }
  if (preprocess.bgr && picture.channels == 3) {
    for (size_t i = 0; i + 2 < picture.pixels.size(); i += 3) {
      std::swap(picture.pixels[i], picture.pixels[i + 2]);
    }
  }
  return picture;
}

Result<ChannelAffine> AffineOf(const Preprocess& preprocess, int64_t channels) {
  const auto value = [](const std::vector<double>& values, int64_t c, double absent) {
    if (values.empty()) return absent;
    return values[values.size() == 1 ? 0 : static_cast<size_t>(c)];
  };
  for (const auto* values : {&preprocess.mean, &preprocess.deviation}) {
    if (values->size() > 1 && static_cast<int64_t>(values->size()) != channels) {
      return Error("the preprocessing gives {} values of {} for data with {} channels",
                   values->size(), values == &preprocess.mean ? "mean" : "std", channels);
    }
  }
  ChannelAffine affine;
  for (int64_t c = 0; c < channels; ++c) {
    const double deviation = value(preprocess.deviation, c, 1);
    affine.multiply.push_back(static_cast<float>(preprocess.scale / deviation));
    affine.add.push_back(static_cast<float>(-value(preprocess.mean, c, 0) / deviation));
  }
  return affine;
}

}  // namespace deftnn
