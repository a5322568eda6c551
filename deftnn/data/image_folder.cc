#include "deftnn/data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "deftnn/base/file.h"

namespace deftnn {
namespace {

namespace fs = std::filesystem;

bool IsPicture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

/// The entries of a folder that `keep` accepts, by name; hidden ones are passed over.
Result<std::vector<fs::path>> Entries(const fs::path& folder, bool (*keep)(const fs::path&)) {
  std::error_code error;
  std::vector<fs::path> entries;
  fs::directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(".")) continue;
    if (keep(it->path())) entries.push_back(it->path());
  }
  if (error) return Error("cannot be listed: {}", error.message()).WithFile(folder.string());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool IsDecimal(const std::string& name) {
  return !name.empty() && name.size() <= 9 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<Picture> ReadPicture(const std::string& path, const Preprocess& preprocess) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, int64_t{1} << 30));
  Result<Picture> picture =
      DecodePicture(std::as_bytes(std::span(bytes)), preprocess.channels.value_or(3));
  if (!picture.ok()) return picture.status().WithFile(path);
  picture = PreparePicture(std::move(picture).value(), preprocess);
  if (!picture.ok()) return picture.status().WithFile(path);
  return picture;
}

void ToPlanes(const Picture& picture, std::byte* out) {
  const size_t channels = static_cast<size_t>(picture.channels);
  const size_t plane = picture.pixels.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < plane; ++i) {
      out[c * plane + i] = std::byte{picture.pixels[i * channels + c]};
    }
  }
}

}  // namespace

Result<FolderPictures> ReadImageFolder(const std::string& folder, const Preprocess& preprocess) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<fs::path> classes, Entries(folder, IsFolder));
  if (classes.empty()) {
    return Error("holds no subfolders")
        .WithFile(folder)
        .WithHint("one subfolder of JPEG or PNG files for each class");
  }
  FolderPictures result;
  for (const fs::path& path : classes) result.class_names.push_back(path.filename().string());
  const bool numbered =
      std::all_of(result.class_names.begin(), result.class_names.end(), IsDecimal);
  std::vector<fs::path> files;
  for (size_t c = 0; c < classes.size(); ++c) {
    result.class_ids.push_back(numbered ? std::stoll(result.class_names[c])
                                        : static_cast<int64_t>(c));
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<fs::path> pictures, Entries(classes[c], IsPicture));
    files.insert(files.end(), pictures.begin(), pictures.end());
    result.labels.insert(result.labels.end(), pictures.size(), result.class_ids.back());
  }
  if (files.empty()) {
    return Error("holds no .jpg, .jpeg or .png files in its subfolders").WithFile(folder);
  }
  Picture first;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string path = files[i].string();
    DEFTNN_ASSIGN_OR_RETURN(const Picture picture, ReadPicture(path, preprocess));
    if (i == 0) {
      first = picture;
      const Shape shape = {static_cast<int64_t>(files.size()), picture.channels, picture.height,
                           picture.width};
      if (Status status = CheckShape(ElementType::kUint8, shape); !status.ok()) {
        return status.WithFile(folder);
      }
      result.pictures = Tensor::Zeros(ElementType::kUint8, shape);
    }
    if (picture.height != first.height || picture.width != first.width) {
      return Error("is {} x {} pixels, but the pictures before it are {} x {}", picture.height,
                   picture.width, first.height, first.width)
          .WithFile(path)
          .WithHint("--preprocess with \"resize\" and \"crop\"");
    }
    ToPlanes(picture, result.pictures.mutable_data() + i * picture.pixels.size());
  }
  return result;
}

}  // namespace deftnn
