#include "deftnn/tune/training.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "deftnn/base/clock.h"
#include "deftnn/base/file.h"
#include "deftnn/graph/patch.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/ndf/formats/formats.h"
#include "deftnn/report/progress.h"
#include "deftnn/tune/checkpoint.h"
#include "deftnn/tune/identity.h"
#include "deftnn/tune/logits.h"
#include "deftnn/tune/replicas.h"

namespace deftnn {
namespace {

constexpr int64_t kPiece = 64;       // samples that go through a network at once
constexpr int64_t kLeastPart = 4;    // samples of a step that a thread is worth its own network for
constexpr int64_t kLeastChecks = 4;  // on the held-out data

std::vector<float> Rounded(std::span<const float> values, Format format) {
  std::vector<float> rounded(values.begin(), values.end());
  VisitFormat(format, [&](auto kind) {
    using Kind = decltype(kind);
    for (float& value : rounded) value = Kind::Decode(Kind::Encode(value));
  });
  return rounded;
}

class Trainer {
 public:
  Trainer(const TrainingSetting& setting, const TrainingOptions& options)
      : setting_(setting), options_(options) {}

  Result<Trained> Run(const TuneEngine& engine) {
    DEFTNN_RETURN_IF_ERROR(Prepare(engine));
    DEFTNN_RETURN_IF_ERROR(Begin());
    const double started = WallSeconds() - state_.seconds;
    Progress progress("tuning", steps_ - state_.step);
    while (!state_.finished) {
      DEFTNN_RETURN_IF_ERROR(Step());
      progress.Advance();
      progress.Detail(fmt::format("loss {:.4f}, held out {:.4f}", recent_loss_, state_.best_loss));
      if (state_.step % check_steps_ == 0 || state_.step == steps_) {
        DEFTNN_RETURN_IF_ERROR(Check());
      }
      state_.seconds = WallSeconds() - started;
      if (state_.finished || state_.step % options_.checkpoint_steps == 0)
        DEFTNN_RETURN_IF_ERROR(Save());
    }
    return Conclude();
  }

 private:
  int rank() const { return setting_.group != nullptr ? setting_.group->rank() : 0; }
  int processes() const { return setting_.group != nullptr ? setting_.group->size() : 1; }

  Status Prepare(const TuneEngine& engine) {
    if (options_.augmentation.any()) {
      DEFTNN_RETURN_IF_ERROR(
          CheckPictures(setting_.training.input_type(0), setting_.training.sample_shape(0)));
    }
    unit_ = std::max<int64_t>(1, setting_.fixed_batch);
    batch_ = std::min(options_.batch, setting_.training.size()) / unit_ * unit_;
    if (batch_ == 0) batch_ = unit_;
    if (setting_.training.size() < batch_)
      return Error("{} samples are too few to tune on", setting_.training.size());
    steps_an_epoch_ = setting_.training.size() / batch_;
    steps_ =
        std::max<int64_t>(1, std::llround(static_cast<double>(steps_an_epoch_) * options_.epochs));
    steps_before_ = std::llround(static_cast<double>(steps_an_epoch_) * options_.epochs_before);
    check_steps_ = std::max<int64_t>(1, std::min(steps_an_epoch_, steps_ / kLeastChecks));
    reads_ = LossValues(setting_.graph, options_.loss.classes);
    const int64_t units = std::max<int64_t>(1, batch_ / unit_ / processes());
    const auto parts = static_cast<int>(std::clamp<int64_t>(
        std::min<int64_t>(options_.threads, units * unit_ / kLeastPart), 1, units));
    DEFTNN_ASSIGN_OR_RETURN(
        networks_, Replicas::Create(engine, setting_.graph, reads_, parts, options_.threads));
    std::vector<std::vector<float>> zeros;
    for (const TrainableConstant& constant : constants()) {
      zeros.emplace_back(static_cast<size_t>(constant.size()));
      formats_.push_back(FormatOf(constant));
    }
    gradients_.assign(static_cast<size_t>(parts), zeros);
    return PrepareTeacher();
  }

  const std::vector<TrainableConstant>& constants() { return networks_->at(0).constants(); }

  // Each of several threads asks the teacher by itself.
  Status PrepareTeacher() {
    teacher_ = setting_.teacher;
    if (teacher_ == nullptr || networks_->size() == 1) return {};
    DEFTNN_ASSIGN_OR_RETURN(
        own_teacher_, Session::Create(teacher_->graph(),
                                      {.threads = 1, .isa = teacher_->isa(), .packed = nullptr}));
    teacher_ = own_teacher_.get();
    return {};
  }

  // The untouched network, or where the checkpoint left off.
  Status Begin() {
    DEFTNN_RETURN_IF_ERROR(TeachHeldOut());
    identity_ = {ChecksumOf(setting_.graph),
                 ChecksumOf(setting_.training) ^ ChecksumOf(setting_.held_out),
                 ChecksumOf(DescribeOptions())};
    if (setting_.teacher != nullptr) identity_.network ^= ChecksumOf(setting_.teacher->graph());
    const Result<bool> resumed = Load();
    if (!resumed.ok()) return resumed.status().WithFile(options_.checkpoint);
    if (!*resumed) {
      for (const TrainableConstant& constant : constants()) {
        const auto values = setting_.graph.Constant(constant.id)->values<float>();
        state_.values.emplace_back(values.begin(), values.end());
        const size_t second = options_.step.descent == Descent::kAdam ? values.size() : 0;
        state_.moments.push_back({std::vector<float>(values.size()), std::vector<float>(second)});
      }
      state_.best = state_.values;
      DEFTNN_ASSIGN_OR_RETURN(state_.first_loss, HeldOutLoss());
      state_.best_loss = state_.first_loss;
    }
    SetWeights();
    return {};
  }

  std::string DescribeOptions() const {
    const StepOptions& step = options_.step;
    const LossOptions& loss = options_.loss;
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", options_.epochs,
                       options_.epochs_before, options_.batch, options_.learning_rate,
                       options_.warm_up, static_cast<int>(step.descent), step.momentum, step.second,
                       step.decay, loss.classes, loss.labels, loss.teacher, loss.temperature,
                       options_.augmentation.flip, options_.augmentation.crop, options_.patience,
                       fmt::format("{} {}", NameOf(options_.format.common),
                                   fmt::join(options_.format.in_fp32, " ")),
                       options_.seed, processes());
  }

  // Member 0 reads; everyone decodes the same bytes, so that all fail or none.
  Result<bool> Load() {
    if (options_.checkpoint.empty()) return false;
    std::string bytes;
    if (rank() == 0 && std::filesystem::exists(options_.checkpoint)) {
      DEFTNN_ASSIGN_OR_RETURN(bytes, ReadFile(options_.checkpoint));
    }
    if (setting_.group != nullptr) {
      int64_t size = static_cast<int64_t>(bytes.size());
      DEFTNN_RETURN_IF_ERROR(
          setting_.group->Broadcast(std::as_writable_bytes(std::span(&size, 1))));
      bytes.resize(static_cast<size_t>(size));
      DEFTNN_RETURN_IF_ERROR(setting_.group->Broadcast(std::as_writable_bytes(std::span(bytes))));
    }
    if (bytes.empty()) return false;
    DEFTNN_ASSIGN_OR_RETURN(state_, DecodeCheckpoint(bytes, identity_));
    return true;
  }

  Status Save() {
    if (options_.checkpoint.empty() || rank() != 0) return {};
    return WriteFileAtomically(options_.checkpoint, EncodeCheckpoint(identity_, state_));
  }

  // What the original network says to inputs, as the loss wants it.
  Result<std::vector<Tensor>> Teach(Session* teacher, const std::vector<Tensor>& inputs) const {
    if (teacher == nullptr) return std::vector<Tensor>();
    DEFTNN_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, teacher->Run(inputs));
    return AsLogits(std::move(outputs));
  }

  // Outputs of a whole network: probabilities become their logarithms.
  std::vector<Tensor> AsLogits(std::vector<Tensor> outputs) const {
    if (!options_.loss.classes) return outputs;
    outputs.resize(1);
    if (LooksLikeProbabilities(outputs[0])) outputs[0] = LogOf(outputs[0]);
    return outputs;
  }

  Status TeachHeldOut() {
    const int64_t step = setting_.fixed_batch > 0 ? setting_.fixed_batch : kPiece;
    const int64_t size = setting_.held_out.size() / unit_ * unit_;
    if (size == 0) return Error("no samples are held out to decide on");
    for (int64_t begin = 0; begin < size; begin += step) {
      Piece piece;
      DEFTNN_ASSIGN_OR_RETURN(
          piece.batch, setting_.feed(setting_.held_out, begin, std::min(step, size - begin)));
      DEFTNN_ASSIGN_OR_RETURN(piece.taught, Teach(setting_.teacher, piece.batch.inputs));
      held_out_.push_back(std::move(piece));
    }
    held_out_count_ = size;
    return {};
  }

  Graph GraphWith(const std::vector<std::vector<float>>& values) {
    Patch patch(setting_.graph);
    for (size_t i = 0; i < values.size(); ++i) {
      const TrainableConstant& constant = constants()[i];
      patch.ReplaceConstant(constant.id, Tensor::Of<float>(constant.shape, values[i]));
    }
    Result<Graph> graph = patch.Apply(setting_.graph);
    DEFTNN_CHECK(graph.ok());
    return std::move(graph).value();
  }

  // Of the masters in the format, by the runtime that will run them.
  Result<double> HeldOutLoss() {
    DEFTNN_ASSIGN_OR_RETURN(
        const std::unique_ptr<Session> session,
        Session::Create(GraphWith(state_.values), options_.format,
                        {.threads = options_.threads, .isa = std::nullopt, .packed = nullptr}));
    double sum = 0;
    for (const Piece& piece : held_out_) {
      DEFTNN_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, session->Run(piece.batch.inputs));
      DEFTNN_ASSIGN_OR_RETURN(const double loss,
                              SumOfLosses(options_.loss, AsLogits(std::move(outputs)), piece.taught,
                                          piece.batch.labels, 1.0, nullptr));
      sum += loss;
    }
    return sum / static_cast<double>(held_out_count_);
  }

  Status Check() {
    DEFTNN_ASSIGN_OR_RETURN(const double loss, HeldOutLoss());
    ++state_.since_best;
    if (loss < state_.best_loss) {
      state_.best_loss = loss;
      state_.best = state_.values;
      state_.best_step = state_.step;
      state_.since_best = 0;
    }
    state_.finished = state_.step >= steps_ || state_.since_best >= options_.patience;
    return {};
  }

  // That the runtime will keep a constant in.
  Format FormatOf(const TrainableConstant& constant) const {
    if (!constant.weights) return Format::kFp32;
    return options_.format.of(setting_.graph.node(setting_.graph.Consumers(constant.id).front()));
  }

  // Straight through: the network computes with rounded weights, steps change the masters.
  void SetWeights() {
    for (size_t i = 0; i < state_.values.size(); ++i) {
      if (formats_[i] != Format::kFp32) {
        networks_->Set(i, Rounded(state_.values[i], formats_[i]));
      } else {
        networks_->Set(i, state_.values[i]);
      }
    }
  }

  Status Step() {
    const int64_t place = steps_before_ + state_.step;
    const int64_t epoch = place / steps_an_epoch_;
    if (epoch != epoch_) {
      epoch_ = epoch;
      order_ = setting_.training.Shuffled(options_.seed + static_cast<uint64_t>(epoch));
    }
    const int64_t first = place % steps_an_epoch_ * batch_;
    const int64_t shares = int64_t{processes()} * networks_->size();
    const auto begin_of = [&](int64_t share) {
      return first + batch_ / unit_ * share / shares * unit_;
    };
    DEFTNN_ASSIGN_OR_RETURN(double loss, networks_->Run([&](int part) {
      const int64_t share = int64_t{rank()} * networks_->size() + part;
      return AddGradients(begin_of(share), begin_of(share + 1), part);
    }));
    AddUpGradients();
    DEFTNN_RETURN_IF_ERROR(SumOverProcesses(loss));
    recent_loss_ = loss / static_cast<double>(batch_);
    DEFTNN_RETURN_IF_ERROR(CheckFinite());
    const double rate = options_.learning_rate * ScheduleAt(state_.step, steps_, options_.warm_up);
    ++state_.step;
    for (size_t i = 0; i < gradients_[0].size(); ++i) {
      TakeStep(options_.step, state_.step, rate, constants()[i].weights, state_.values[i],
               gradients_[0][i], state_.moments[i]);
    }
    SetWeights();
    return {};
  }

  // The gradients of samples [begin, end) of the epoch's order, by copy `part` of the network, and
  // their summed loss.
  Result<double> AddGradients(int64_t begin, int64_t end, int part) {
    for (std::vector<float>& gradient : gradients_[part])
      std::fill(gradient.begin(), gradient.end(), 0);
    const int64_t piece = setting_.fixed_batch > 0 ? setting_.fixed_batch : kPiece;
    double loss = 0;
    for (int64_t at = begin; at < end; at += piece) {
      DEFTNN_ASSIGN_OR_RETURN(const double sum,
                              AddGradientsOfPiece(at, std::min(piece, end - at), part));
      loss += sum;
    }
    return loss;
  }

  // The first copy's gradients become those of all copies, summed in their order.
  void AddUpGradients() {
    for (size_t part = 1; part < gradients_.size(); ++part) {
      for (size_t i = 0; i < gradients_[part].size(); ++i) {
        float* sum = gradients_[0][i].data();
        const float* one = gradients_[part][i].data();
        for (size_t j = 0; j < gradients_[part][i].size(); ++j) sum[j] += one[j];
      }
    }
  }

  Result<double> AddGradientsOfPiece(int64_t at, int64_t count, int part) {
    TrainableNetwork& network = networks_->at(part);
    DEFTNN_ASSIGN_OR_RETURN(TrainingBatch batch, setting_.feed(order_, at, count));
    if (options_.augmentation.any()) {
      for (int64_t n = 0; n < count; ++n) {
        AugmentSample(options_.augmentation, AugmentationSeed(options_.seed, epoch_, at + n), n,
                      batch.inputs[0]);
      }
    }
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Tensor> taught, Teach(teacher_, batch.inputs));
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, network.Forward(batch.inputs));
    const bool probabilities = options_.loss.classes && LooksLikeProbabilities(outputs[0]);
    std::vector<Tensor> logits = outputs;
    if (probabilities) logits[0] = LogOf(outputs[0]);
    std::vector<Tensor> gradients;
    DEFTNN_ASSIGN_OR_RETURN(const double loss,
                            SumOfLosses(options_.loss, logits, taught, batch.labels,
                                        1.0 / static_cast<double>(batch_), &gradients));
    if (probabilities) GradientThroughLog(outputs[0], gradients[0]);
    DEFTNN_RETURN_IF_ERROR(network.Backward(gradients, gradients_[part]));
    return loss;
  }

  Status SumOverProcesses(double& loss) {
    if (setting_.group == nullptr) return {};
    for (std::vector<float>& gradient : gradients_[0])
      DEFTNN_RETURN_IF_ERROR(setting_.group->Sum(std::span<float>(gradient)));
    return setting_.group->Sum(std::span<double>(&loss, 1));
  }

  Status CheckFinite() {
    constexpr const char* kHint = "a lower learning rate";
    if (!std::isfinite(recent_loss_)) {
      return Error("the loss is {} at step {} of {}", recent_loss_, state_.step + 1, steps_)
          .WithHint(kHint);
    }
    for (size_t i = 0; i < gradients_[0].size(); ++i) {
      const auto bad = std::find_if(gradients_[0][i].begin(), gradients_[0][i].end(),
                                    [](float value) { return !std::isfinite(value); });
      if (bad == gradients_[0][i].end()) continue;
      return Error("the gradient of '{}' holds {} at step {} of {}", constants()[i].name, *bad,
                   state_.step + 1, steps_)
          .WithHint(kHint);
    }
    return {};
  }

  Result<Trained> Conclude() {
    Trained trained;
    trained.graph = state_.best_step > 0 ? GraphWith(state_.best) : setting_.graph;
    trained.warnings = networks_->at(0).warnings();
    trained.steps = state_.step;
    trained.best_step = state_.best_step;
    trained.loss_before = state_.first_loss;
    trained.loss_after = state_.best_loss;
    trained.seconds = state_.seconds;
    for (const TrainableConstant& constant : constants()) trained.constants += constant.size();
    return trained;
  }

  struct Piece {
    TrainingBatch batch;
    std::vector<Tensor> taught;
  };

  const TrainingSetting& setting_;
  const TrainingOptions& options_;
  std::optional<Replicas> networks_;
  Session* teacher_ = nullptr;            // that the networks' threads ask
  std::unique_ptr<Session> own_teacher_;  // where they must not share the setting's threads
  std::vector<ValueId> reads_;            // by the loss
  std::vector<Piece> held_out_;
  int64_t held_out_count_ = 0;
  int64_t unit_ = 1, batch_ = 0, steps_an_epoch_ = 0, steps_ = 0, check_steps_ = 0;
  int64_t steps_before_ = 0;  // that the data's order has seen
  RunIdentity identity_;
  TrainingState state_;
  int64_t epoch_ = -1;
  Dataset order_;                                           // of this epoch
  std::vector<std::vector<std::vector<float>>> gradients_;  // by copy of the network, by constant
  std::vector<Format> formats_;                             // by constant
  double recent_loss_ = 0;
};

}  // namespace

Result<Trained> Train(const TuneEngine& engine, const TrainingSetting& setting,
                      const TrainingOptions& options) {
  return Trainer(setting, options).Run(engine);
}

}  // namespace deftnn
