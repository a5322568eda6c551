#include "deftnn/pipeline/never_slower.h"

#include <gtest/gtest.h>

namespace deftnn {
namespace {

constexpr double kLevels[] = {1.0, 0.8, 0.5, 0.25};

TEST(NeverSlower, ALayerThatGetsFasterHasNoReason) {
  EXPECT_EQ(WhyNotFaster([](double k) { return 3 * k; }, kLevels), "");
  // Only the last level is faster.
  EXPECT_EQ(WhyNotFaster([](double k) { return k < 0.3 ? 0.9 : 1.0; }, kLevels), "");
}

TEST(NeverSlower, ALayerThatDoesNotSaysWhatWasMeasured) {
  const std::string reason =
      WhyNotFaster([](double k) { return k == 1 ? 0.002 : 0.00199; }, kLevels);
  EXPECT_EQ(reason, "would not get faster: measured 1.99 us at half of K against 2.00 us");
  EXPECT_NE(WhyNotFaster([](double k) { return 2 - k; }, kLevels), "");
}

TEST(NeverSlower, NothingOfferedIsNoReason) {
  EXPECT_EQ(WhyNotFaster([](double) { return 1.0; }, {}), "");
  EXPECT_EQ(WhyNotFaster([](double) { return 1.0; }, std::span(kLevels, 1)), "");
}

// y = W x over 6 channels, of which two pairs are kept.
Graph HalfProduct() {
  Graph graph;
  const ValueId x = graph.AddValue("x", ElementType::kFloat32, Shape{kDynamic, 6});
  const ValueId w = graph.AddConstant("w", Tensor::Zeros(ElementType::kFloat32, {8, 4}));
  const ValueId kept = graph.AddConstant("kept", Tensor::Of<int32_t>({2}, {0, 2}));
  const ValueId y = graph.AddValue("y");
  graph.AddInput(x);
  graph.AddOutput(y);
  graph.AddNode({"fc",
                 std::string(kDeftnnDomain),
                 std::string(kSynapseProduct),
                 {x, w, kept},
                 {y},
                 {{"kind", std::string("matmul")},
                  {"channels", int64_t{6}},
                  {"group_size", int64_t{2}},
                  {"groups", int64_t{1}}}});
  return graph;
}

Result<LayerTimes> TimesOf(const KeptFraction& kept,
                           const std::function<double(const ProductGeometry&)>& time) {
  Layer layer;
  layer.name = "fc";
  return TimeLayers(HalfProduct(), 1, Format::kFp32, {layer}, {kept},
                    [&](std::span<const ProductGeometry> products) {
                      std::vector<double> ms;
                      for (const ProductGeometry& product : products) ms.push_back(time(product));
                      return ms;
                    });
}

double Entries(const ProductGeometry& g) { return static_cast<double>(g.spec.entries.size()); }

TEST(NeverSlower, ComparesALayerWithAllInputsThatItStillHas) {
  std::vector<double> seen;
  const auto times = TimesOf({1.0, 0.6}, [&](const ProductGeometry& geometry) {
    seen.push_back(Entries(geometry));
    return Entries(geometry);
  });
  ASSERT_TRUE(times.ok()) << times.status().ToString();
  EXPECT_EQ(seen, (std::vector<double>{4, 6}));
  EXPECT_TRUE(times->slow.empty());
  EXPECT_EQ(times->sum_ms, 4);
}

TEST(NeverSlower, FindsTheLayerThatIsNotFaster) {
  const auto slow = TimesOf({1.0, 0.6}, [](const ProductGeometry& geometry) {
    return Entries(geometry) == 4 ? 0.99 : 1.0;
  });
  ASSERT_TRUE(slow.ok());
  ASSERT_EQ(slow->slow.size(), 1U);
  EXPECT_EQ(slow->slow[0].reason,
            "did not get faster: measured 990 us with 4 of 6 entries of K against 1.00 ms");
}

TEST(NeverSlower, LeavesAloneWhatOnlyLostFreeEntries) {
  const auto times = TimesOf({0.5, 1.0}, [](const ProductGeometry&) { return 1.0; });
  ASSERT_TRUE(times.ok());
  EXPECT_TRUE(times->slow.empty());
}

}  // namespace
}  // namespace deftnn
