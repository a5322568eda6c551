// The one file that compiles stb_image: JPEG and PNG only, which keeps the rest of its decoders out
// of reach of a hostile file.
#include <limits>
#include <memory>

#include "deftnn/data/picture.h"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS (1 << 16)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace deftnn {

Result<Picture> DecodePicture(std::span<const std::byte> bytes, int channels) {
  constexpr int64_t kMaxPixels = int64_t{1} << 27;
  const char* const hint = "JPEG or PNG files of 8 bits a channel";
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return Error("is too large for a picture");
  }
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, stored = 0;
  if (size == 0 || stbi_info_from_memory(data, size, &width, &height, &stored) == 0) {
    return Error("is not a readable picture").WithHint(hint);
  }
  if (width < 1 || height < 1 || int64_t{width} * height > kMaxPixels) {
    return Error("says that it is {} x {} pixels, which is too large", width, height);
  }
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &stored, channels), stbi_image_free);
  if (pixels == nullptr) {
    return Error("is a damaged picture: {}", stbi_failure_reason()).WithHint(hint);
  }
  Picture picture{height, width, channels, {}};
  const size_t count =
      static_cast<size_t>(height) * static_cast<size_t>(width) * static_cast<size_t>(channels);
  picture.pixels.assign(pixels.get(), pixels.get() + count);
  return picture;
}

}  // namespace deftnn
