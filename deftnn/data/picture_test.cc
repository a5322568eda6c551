#include "deftnn/data/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "deftnn/base/rng.h"
#include "deftnn/data/preprocess.h"
#include "deftnn/data/test_files.h"
#include "deftnn/data/test_pictures.h"

namespace deftnn {
namespace {

using ::testing::HasSubstr;

Picture RandomPicture(Rng& rng, int height, int width, int channels) {
  Picture p{height, width, channels, {}};
  for (int i = 0; i < height * width * channels; ++i) {
    p.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  }
  return p;
}

/// The definition, pixel by pixel in double: the triangle filter over the whole picture.
double ResizedPixel(const Picture& in, int height, int width, int y, int x, int c) {
  const double sy = static_cast<double>(in.height) / height, wy = std::max(sy, 1.0);
  const double sx = static_cast<double>(in.width) / width, wx = std::max(sx, 1.0);
  double sum = 0, total = 0;
  for (int i = 0; i < in.height; ++i) {
    for (int j = 0; j < in.width; ++j) {
      const double w = std::max(0.0, 1 - std::abs(i + 0.5 - (y + 0.5) * sy) / wy) *
                       std::max(0.0, 1 - std::abs(j + 0.5 - (x + 0.5) * sx) / wx);
      sum += w * in.pixels[(size_t{1} * i * in.width + j) * in.channels + c];
      total += w;
    }
  }
  return sum / total;
}

TEST(Picture, ResizeMatchesItsDefinition) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const int channels = rng.Below(2) == 0 ? 1 : 3;
    const Picture in = RandomPicture(rng, static_cast<int>(rng.Between(1, 20)),
                                     static_cast<int>(rng.Between(1, 20)), channels);
    const int height = static_cast<int>(rng.Between(1, 20));
    const int width = static_cast<int>(rng.Between(1, 20));
    const Picture out = Resize(in, height, width);
    ASSERT_EQ(out.pixels.size(), static_cast<size_t>(height * width * channels));
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        for (int c = 0; c < channels; ++c) {
          EXPECT_NEAR(out.pixels[static_cast<size_t>((y * width + x) * channels + c)],
                      ResizedPixel(in, height, width, y, x, c), 0.51);
        }
      }
    }
  }
}

TEST(Picture, CropsTheMiddleAndConvertsColours) {
  Picture p{3, 5, 1, {}};
  for (uint8_t i = 0; i < 15; ++i) p.pixels.push_back(i);
  EXPECT_EQ(CentreCrop(p, 1, 3).pixels, (std::vector<uint8_t>{6, 7, 8}));
  EXPECT_EQ(ToChannels({1, 1, 3, {255, 0, 0}}, 1).pixels, (std::vector<uint8_t>{76}));
  EXPECT_EQ(ToChannels({1, 1, 1, {9}}, 3).pixels, (std::vector<uint8_t>{9, 9, 9}));
}

TEST(Picture, DecodesPng) {
  Rng rng(1);
  const Picture p = RandomPicture(rng, 5, 7, 3);
  const std::string png = EncodePng(p);
  Result<Picture> back = DecodePicture(BytesOf(png), 3);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->pixels, p.pixels);
  EXPECT_EQ(back->height, 5);
}

TEST(Picture, RefusesDamagedAndGiantPictures) {
  Rng rng(2);
  const std::string png = EncodePng(RandomPicture(rng, 9, 9, 3));
  EXPECT_FALSE(DecodePicture({}, 3).ok());
  EXPECT_FALSE(DecodePicture(BytesOf("not a picture"), 3).ok());
  for (size_t n = 0; n < png.size() - 16; ++n) {
    EXPECT_FALSE(DecodePicture(BytesOf(png.substr(0, n)), 3).ok()) << n;
  }
  std::string giant = png;
  giant[18] = giant[22] = '\x7f';  // 0x7f.. x 0x7f.. pixels
  EXPECT_FALSE(DecodePicture(BytesOf(giant), 3).ok());
  for (int i = 0; i < 500; ++i) {
    std::string flipped = png;
    flipped[static_cast<size_t>(rng.Below(static_cast<int64_t>(png.size())))] =
        static_cast<char>(rng.Next());
    (void)DecodePicture(BytesOf(flipped), 3).ok();
  }
}

TEST(Preprocess, ParsesEveryKey) {
  Result<Preprocess> p = ParsePreprocess(
      R"({"color":"gray","resize":[8,9],"crop":4,"channel_order":"BGR","layout":"NHWC",
          "scale":0.5,"mean":[1,2],"std":3})");
  ASSERT_TRUE(p.ok()) << p.status().ToString();
  EXPECT_EQ(p->channels, 1);
  EXPECT_EQ(p->resize, (std::vector<int>{8, 9}));
  EXPECT_EQ(p->crop, (std::vector<int>{4}));
  EXPECT_TRUE(p->bgr);
  EXPECT_TRUE(p->nhwc);
  Result<ChannelAffine> affine = AffineOf(*p, 2);
  ASSERT_TRUE(affine.ok());
  EXPECT_FLOAT_EQ(affine->multiply[1], 0.5f / 3);
  EXPECT_FLOAT_EQ(affine->add[1], -2.0f / 3);
  EXPECT_FALSE(AffineOf(*p, 3).ok());
  EXPECT_TRUE(ParsePreprocess("{}").ok());
}

TEST(Preprocess, RefusesWhatItDoesNotKnow) {
  for (const char* json :
       {"", "[]", "{", R"({"means":1})", R"({"std":0})", R"({"std":[1,-1]})", R"({"scale":0})",
        R"({"scale":"x"})", R"({"resize":0})", R"({"resize":[1,2,3]})", R"({"crop":1.5})",
        R"({"crop":1e9})", R"({"layout":"CHW"})", R"({"mean":[]})", R"({"channel_order":3})"}) {
    EXPECT_FALSE(ParsePreprocess(json).ok()) << json;
  }
  EXPECT_THAT(ParsePreprocess(R"({"means":1})").status().ToString(), HasSubstr("means"));
}

TEST(Preprocess, ResizesTheShorterSideThenCrops) {
  Rng rng(4);
  Preprocess p;
  p.resize = {8};
  Result<Picture> out = PreparePicture(RandomPicture(rng, 16, 32, 3), p);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->height, 8);
  EXPECT_EQ(out->width, 16);
  p.crop = {8, 8};
  p.bgr = true;
  const Picture in = RandomPicture(rng, 8, 10, 3);
  out = PreparePicture(in, p);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->pixels[0], in.pixels[3 + 2]);  // one pixel cut on the left, blue first
  p.crop = {9};
  EXPECT_FALSE(PreparePicture(in, p).ok());
}

}  // namespace
}  // namespace deftnn
