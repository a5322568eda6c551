#include "deftnn/tune/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deftnn {
namespace {

TrainingState SomeState() {
  TrainingState state;
  state.step = 7;
  state.since_best = 2;
  state.best_step = 5;
  state.first_loss = 0.5;
  state.best_loss = 0.25;
  state.seconds = 1.5;
  state.values = {{1, 2}, {3}};
  state.moments = {{{4, 5}, {6, 7}}, {{8}, {}}};
  state.best = {{9, 10}, {11}};
  return state;
}

TEST(Checkpoint, ComesBackBitByBit) {
  const RunIdentity identity{1, 2, 3};
  const std::string bytes = EncodeCheckpoint(identity, SomeState());
  const auto state = DecodeCheckpoint(bytes, identity);
  ASSERT_TRUE(state.ok()) << state.status().ToString();
  EXPECT_EQ(EncodeCheckpoint(identity, *state), bytes);
  EXPECT_EQ(state->step, 7);
  EXPECT_EQ(state->best_step, 5);
  EXPECT_EQ(state->values, SomeState().values);
  EXPECT_EQ(state->moments[0].second, SomeState().moments[0].second);
  EXPECT_EQ(state->best, SomeState().best);
}

TEST(Checkpoint, OfAnotherRunIsRefusedByWhatDiffers) {
  const std::string bytes = EncodeCheckpoint({1, 2, 3}, SomeState());
  const auto reason = [&](RunIdentity identity) {
    const auto state = DecodeCheckpoint(bytes, identity);
    return state.ok() ? std::string() : state.status().reason();
  };
  EXPECT_THAT(reason({9, 2, 3}), testing::HasSubstr("network differs"));
  EXPECT_THAT(reason({1, 9, 3}), testing::HasSubstr("data differ"));
  EXPECT_THAT(reason({1, 2, 9}), testing::HasSubstr("options differ"));
}

TEST(Checkpoint, DamageIsNoticed) {
  const RunIdentity identity{1, 2, 3};
  const std::string bytes = EncodeCheckpoint(identity, SomeState());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(DecodeCheckpoint(damaged, identity).ok()) << i;
    EXPECT_FALSE(DecodeCheckpoint(bytes.substr(0, i), identity).ok()) << i;
  }
}

}  // namespace
}  // namespace deftnn
