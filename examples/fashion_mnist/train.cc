// Trains the demo network, a small VGG for Fashion-MNIST, and writes it as an ONNX file.
//
// The first 50,000 of the 60,000 training pictures are trained on; the last 10,000 are held out,
// because the demo later chooses on them (what to prune, ...). Nothing is chosen on them here: the
// weights are always those of the last epoch. The test pictures are looked at once, at the end.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "idx_data.h"
#include "onnx_writer.h"

namespace fashion {
namespace {

// What preprocess.json says too: (x * kScale - kMean) / kStd.
constexpr float kScale = 1.0f / 255.0f;
constexpr float kMean = 0.2860f;
constexpr float kStd = 0.3530f;

constexpr int64_t kTrainPictures = 50000;
constexpr int64_t kWidths[] = {48, 48, 96, 96, 192, 192};
constexpr int64_t kConvs = std::size(kWidths);
constexpr int64_t kFeatures = 3 * 3 * 192;  // 28 -> 14 -> 7 -> 3 after the three pools
constexpr int64_t kHidden = 128;
constexpr int kMaxShift = 2;  // pixels that augmentation may move a picture by, each way

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string out = "fashion_vgg.onnx";
  int64_t epochs = 6;
  int64_t batch = 128;
  int64_t seed = 1;
  int64_t threads = 0;    // 0: LibTorch's own choice
  int64_t max_steps = 0;  // 0: no limit; else stop there and write nothing, for timing
  double lr = 0.1;
  double weight_decay = 5e-4;
  double label_smoothing = 0.1;
  bool channels_last = true;
};

// ---- the network -----------------------------------------------------------------------------

// Six 3x3 convolutions, each with BatchNorm and ReLU, a 2x2 max-pool after every second; then two
// fully connected layers. The output is raw logits.
struct VggImpl : torch::nn::Module {
  std::vector<torch::nn::Conv2d> convs;
  std::vector<torch::nn::BatchNorm2d> norms;
  torch::nn::Linear fc1{nullptr};
  torch::nn::Linear fc2{nullptr};

  VggImpl() {
    int64_t in = 1;
    for (int64_t i = 0; i < kConvs; ++i) {
      const std::string n = std::to_string(i + 1);
      const auto conv = torch::nn::Conv2dOptions(in, kWidths[i], 3).padding(1).bias(false);
      convs.push_back(register_module("conv" + n, torch::nn::Conv2d(conv)));
      norms.push_back(register_module("bn" + n, torch::nn::BatchNorm2d(kWidths[i])));
      torch::nn::init::kaiming_normal_(convs.back()->weight, 0.0, torch::kFanOut, torch::kReLU);
      in = kWidths[i];
    }
    fc1 = register_module("fc1", torch::nn::Linear(kFeatures, kHidden));
    fc2 = register_module("fc2", torch::nn::Linear(kHidden, kClasses));
  }

  torch::Tensor forward(torch::Tensor x) {
    for (int64_t i = 0; i < kConvs; ++i) {
      x = norms[i]->forward(convs[i]->forward(x)).relu_();
      if (i % 2 == 1) x = torch::max_pool2d(x, 2);
    }
    // flatten() goes by logical N, C, H, W order whatever the memory format, as ONNX does.
    return fc2->forward(fc1->forward(x.flatten(1)).relu_());
  }
};
TORCH_MODULE(Vgg);

FloatTensor ToFloats(const torch::Tensor& t) {
  const torch::Tensor c = t.detach().contiguous();
  return {c.sizes().vec(), {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()}};
}

void ExportOnnx(const Vgg& net, const std::string& path) {
  OnnxWriter writer("fashion_vgg", 1, kSide);
  for (int64_t i = 0; i < kConvs; ++i) {
    const std::string n = std::to_string(i + 1);
    const torch::nn::BatchNorm2d& bn = net->norms[i];
    writer.Conv("conv" + n, ToFloats(net->convs[i]->weight), 1);
    writer.BatchNorm("bn" + n, ToFloats(bn->weight), ToFloats(bn->bias), ToFloats(bn->running_mean),
                     ToFloats(bn->running_var), static_cast<float>(bn->options.eps()));
    writer.Relu("relu" + n);
    if (i % 2 == 1) writer.MaxPool2x2("pool" + std::to_string(i / 2 + 1));
  }
  writer.Flatten("flatten");
  writer.Gemm("fc1", ToFloats(net->fc1->weight), ToFloats(net->fc1->bias));
  writer.Relu("relu_fc1");
  writer.Gemm("fc2", ToFloats(net->fc2->weight), ToFloats(net->fc2->bias));
  writer.Save(path, kClasses);
}

// ---- batches ---------------------------------------------------------------------------------

float Preprocess(uint8_t pixel) { return (pixel * kScale - kMean) / kStd; }

// A picture moved by (dy, dx) with black coming in at the edges, then mirrored if `flip`.
void CopyAugmented(const uint8_t* from, int dy, int dx, bool flip, float* to) {
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int sy = y + dy;
      const int sx = (flip ? kSide - 1 - x : x) + dx;
      const bool inside = sy >= 0 && sy < kSide && sx >= 0 && sx < kSide;
      to[y * kSide + x] = Preprocess(inside ? from[sy * kSide + sx] : 0);
    }
  }
}

struct Batch {
  torch::Tensor images;
  torch::Tensor labels;
};

// The pictures `order[begin, end)` of `data`, augmented with draws from `rng` unless it is null.
Batch MakeBatch(const Dataset& data, const std::vector<int64_t>& order, int64_t begin, int64_t end,
                std::mt19937* rng) {
  const int64_t n = end - begin;
  Batch batch{torch::empty({n, 1, kSide, kSide}), torch::empty({n}, torch::kLong)};
  float* image = batch.images.data_ptr<float>();
  int64_t* label = batch.labels.data_ptr<int64_t>();
  std::uniform_int_distribution<int> shift(-kMaxShift, kMaxShift);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = order[begin + i];
    const int dy = rng ? shift(*rng) : 0;
    const int dx = rng ? shift(*rng) : 0;
    const bool flip = rng && (*rng)() % 2 == 1;
    CopyAugmented(data.picture(from), dy, dx, flip, image + i * kPixels);
    label[i] = data.labels[from];
  }
  return batch;
}

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> order(end - begin);
  std::iota(order.begin(), order.end(), begin);
  return order;
}

// How many of the pictures [begin, end) the network gets right. Leaves it in evaluation mode.
int64_t CountCorrect(Vgg& net, const Dataset& data, int64_t begin, int64_t end) {
  torch::NoGradGuard no_grad;
  net->eval();
  const std::vector<int64_t> order = Range(begin, end);
  const int64_t total = end - begin;
  int64_t correct = 0;
  for (int64_t i = 0; i < total; i += 250) {
    const Batch b = MakeBatch(data, order, i, std::min(i + 250, total), nullptr);
    correct += net->forward(b.images).argmax(1).eq(b.labels).sum().item<int64_t>();
  }
  return correct;
}

// ---- training --------------------------------------------------------------------------------

// One-cycle: linear from lr / 10 to lr over the first quarter, then linear to (almost) 0.
double LearningRate(double peak, int64_t step, int64_t total_steps) {
  const double at = (step + 0.5) / total_steps;
  constexpr double kWarm = 0.25;
  if (at < kWarm) return peak * (0.1 + 0.9 * at / kWarm);
  return peak * (1.0 - at) / (1.0 - kWarm);
}

// Weight decay is for the weights proper: BatchNorm's scales and the biases go without, as is
// usual.
torch::optim::SGD MakeOptimizer(Vgg& net, const Options& opt) {
  std::vector<torch::Tensor> weights, others;
  for (const torch::Tensor& p : net->parameters()) (p.dim() > 1 ? weights : others).push_back(p);
  const auto base = torch::optim::SGDOptions(opt.lr).momentum(0.9).nesterov(true);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(weights, std::make_unique<torch::optim::SGDOptions>(
                                   torch::optim::SGDOptions(base).weight_decay(opt.weight_decay)));
  groups.emplace_back(others, std::make_unique<torch::optim::SGDOptions>(base));
  return torch::optim::SGD(groups, base);
}

void SetLearningRate(torch::optim::SGD& sgd, double lr) {
  for (auto& group : sgd.param_groups()) {
    static_cast<torch::optim::SGDOptions&>(group.options()).lr(lr);
  }
}

void UseChannelsLast(Vgg& net) {
  for (torch::nn::Conv2d& conv : net->convs) {
    conv->weight.set_data(conv->weight.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Owns what lasts from step to step.
class Trainer {
 public:
  Trainer(const Options& opt, const Dataset& data)
      : opt_(opt),
        data_(data),
        rng_(static_cast<uint32_t>(opt.seed)),
        order_(Range(0, kTrainPictures)),
        steps_per_epoch_(kTrainPictures / opt.batch),
        sgd_(MakeOptimizer(net_, opt)) {
    if (opt.channels_last) UseChannelsLast(net_);
  }

  // Trains to the end, writing the ONNX file after every epoch so that a killed run leaves
  // something usable. False if --max-steps ended it first.
  bool Run() {
    for (int64_t epoch = 1; epoch <= opt_.epochs; ++epoch) {
      if (!RunEpoch(epoch)) return false;
      const int64_t right = CountCorrect(net_, data_, kTrainPictures, data_.size());
      ExportOnnx(net_, opt_.out);
      std::printf("epoch %ld/%ld done: hold-out %.2f%%, %.0f s so far, wrote %s\n", epoch,
                  opt_.epochs, 100.0 * right / (data_.size() - kTrainPictures),
                  SecondsSince(start_), opt_.out.c_str());
      std::fflush(stdout);
    }
    return true;
  }

  Vgg& net() { return net_; }

 private:
  // One pass over the training pictures in a new order. The last, partial batch is dropped; the
  // shuffle makes it another one each time.
  bool RunEpoch(int64_t epoch) {
    net_->train();
    std::shuffle(order_.begin(), order_.end(), rng_);
    for (int64_t s = 0; s < steps_per_epoch_; ++s) {
      const float loss = Step(s * opt_.batch);
      if (!(loss < 1e4f)) throw std::runtime_error("the loss has blown up; try a smaller --lr");
      if (step_ % 20 == 0) {
        std::printf("epoch %ld step %ld/%ld loss %.4f, %.3f s/step\n", epoch, s + 1,
                    steps_per_epoch_, loss, SecondsSince(start_) / step_);
        std::fflush(stdout);
      }
      if (opt_.max_steps > 0 && step_ >= opt_.max_steps) return false;
    }
    return true;
  }

  float Step(int64_t begin) {
    const Batch b = MakeBatch(data_, order_, begin, begin + opt_.batch, &rng_);
    SetLearningRate(sgd_, LearningRate(opt_.lr, step_, steps_per_epoch_ * opt_.epochs));
    sgd_.zero_grad();
    const auto how =
        torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(opt_.label_smoothing);
    torch::Tensor loss =
        torch::nn::functional::cross_entropy(net_->forward(b.images), b.labels, how);
    loss.backward();
    sgd_.step();
    ++step_;
    return loss.item<float>();
  }

  const Options& opt_;
  const Dataset& data_;
  std::mt19937 rng_;
  std::vector<int64_t> order_;
  int64_t steps_per_epoch_;
  Vgg net_;
  torch::optim::SGD sgd_;
  int64_t step_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// ---- command line ----------------------------------------------------------------------------

constexpr char kUsage[] =
    "usage: train [--data DIR] [--out FILE.onnx] [--epochs N] [--batch N] [--seed N]\n"
    "             [--threads N] [--lr X] [--weight-decay X] [--label-smoothing X]\n"
    "             [--layout nhwc|nchw]\n"
    "             [--max-steps N]   (stop after N steps and write nothing: for timing)\n";

double ParseNumber(const std::string& flag, const std::string& text, double low, double high) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= low && value <= high)) {
    throw std::runtime_error("bad value '" + text + "' for " + flag);
  }
  return value;
}

int64_t ParseCount(const std::string& flag, const std::string& text, double low, double high) {
  const double value = ParseNumber(flag, text, low, high);
  if (value != static_cast<double>(static_cast<int64_t>(value))) {
    throw std::runtime_error("bad value '" + text + "' for " + flag);
  }
  return static_cast<int64_t>(value);
}

void SetOption(Options& o, const std::string& flag, const std::string& v) {
  if (flag == "--data") {
    o.data = v;
  } else if (flag == "--out") {
    o.out = v;
  } else if (flag == "--epochs") {
    o.epochs = ParseCount(flag, v, 1, 1000);
  } else if (flag == "--batch") {
    o.batch = ParseCount(flag, v, 2, 10000);
  } else if (flag == "--seed") {
    o.seed = ParseCount(flag, v, 0, 4294967295.0);
  } else if (flag == "--threads") {
    o.threads = ParseCount(flag, v, 0, 1024);
  } else if (flag == "--max-steps") {
    o.max_steps = ParseCount(flag, v, 0, 1e9);
  } else if (flag == "--lr") {
    o.lr = ParseNumber(flag, v, 0, 10);
  } else if (flag == "--weight-decay") {
    o.weight_decay = ParseNumber(flag, v, 0, 1);
  } else if (flag == "--label-smoothing") {
    o.label_smoothing = ParseNumber(flag, v, 0, 0.9);
  } else if (flag == "--layout" && (v == "nhwc" || v == "nchw")) {
    o.channels_last = v == "nhwc";
  } else {
    throw std::runtime_error("unknown option " + flag + " " + v);
  }
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 >= argc) throw std::runtime_error(std::string("no value for ") + argv[i]);
    SetOption(options, argv[i], argv[i + 1]);
  }
  return options;
}

void Main(const Options& opt) {
  // Both sets are read first, so that a missing file is known before the training and not after.
  const Dataset train = ReadDataset(opt.data, "train");
  const Dataset test = ReadDataset(opt.data, "t10k");
  if (train.size() <= kTrainPictures) {
    throw std::runtime_error("more than 50000 training pictures are needed, for the hold-out");
  }
  if (opt.threads > 0) torch::set_num_threads(static_cast<int>(opt.threads));
  torch::manual_seed(static_cast<uint64_t>(opt.seed));

  const auto start = std::chrono::steady_clock::now();
  Trainer trainer(opt, train);
  if (!trainer.Run()) return;
  std::printf("trained in %.0f s\n", SecondsSince(start));

  const int64_t right = CountCorrect(trainer.net(), test, 0, test.size());
  std::printf("test: %ld of %ld right, %.2f%%\n", right, test.size(), 100.0 * right / test.size());
}

}  // namespace
}  // namespace fashion

int main(int argc, char** argv) {
  if (argc == 2 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
    std::fputs(fashion::kUsage, stdout);
    return 0;
  }
  try {
    fashion::Main(fashion::ParseOptions(argc, argv));
  } catch (const c10::Error& e) {
    std::fprintf(stderr, "train: %s\n", e.what_without_backtrace());
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train: %s\n", e.what());
    return 1;
  }
  return 0;
}
