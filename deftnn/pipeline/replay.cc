#include "deftnn/pipeline/replay.h"

#include <algorithm>

#include "deftnn/base/check.h"
#include "deftnn/graph/segment.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/feed.h"

namespace deftnn {
namespace {

// Integers may be shapes, which a plan has to know: they are not handed from one to another.
bool AllFloat(const Replay::Live& live) {
  return std::all_of(live.begin(), live.end(), [](const auto& entry) {
    return entry.second.type() == ElementType::kFloat32;
  });
}

int64_t BytesOf(const Replay::Live& live) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : live) bytes += static_cast<int64_t>(tensor.bytes());
  return bytes;
}

// Runs a stretch (null: it has no nodes) and returns the values `wanted` of `graph` behind it.
Result<Replay::Live> Advance(Session* session, const Graph& graph,
                             const std::vector<ValueId>& wanted, const Replay::Live& before) {
  Replay::Live made;
  if (session != nullptr) {
    const Graph& stretch = session->graph();
    std::vector<Tensor> inputs;
    for (ValueId id : stretch.inputs()) inputs.push_back(before.at(stretch.value(id).name));
    DEFTNN_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, session->Run(inputs));
    for (size_t i = 0; i < outputs.size(); ++i)
      made[stretch.value(stretch.outputs()[i]).name] = std::move(outputs[i]);
  }
  Replay::Live after;
  for (ValueId id : wanted) {
    const std::string& name = graph.value(id).name;
    const auto it = made.find(name);
    after[name] = it != made.end() ? it->second : before.at(name);
  }
  return after;
}

}  // namespace

int64_t Replay::Batch(const Graph& graph) const { return BatchFor(graph, options_.batch); }

Result<std::unique_ptr<Session>> Replay::Open(const Graph& graph, int to) const {
  if (to == done_) return std::unique_ptr<Session>();
  return Session::Create(Segment(graph, done_, to), options_.format, options_.session);
}

Result<Replay::Live> Replay::Before(const Graph& graph, int64_t begin, int64_t count,
                                    size_t batch) const {
  if (stored_) return live_[batch];
  DEFTNN_ASSIGN_OR_RETURN(const Feed feed, MakeFeed(graph, data_, begin, count));
  Live live;
  for (size_t i = 0; i < feed.inputs.size(); ++i)
    live[graph.value(graph.inputs()[i]).name] = feed.inputs[i];
  return live;
}

Status Replay::RunTo(const Graph& graph, const std::string& node, const Visit& visit) {
  const int to = graph.FindNode(node);
  DEFTNN_CHECK(to >= done_);
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Open(graph, to));
  const std::vector<ValueId> wanted = LiveBefore(graph, to);
  const int64_t batch = Batch(graph), batches = (data_.size() + batch - 1) / batch;
  bool keep = false;
  for (int64_t b = 0; b < batches; ++b) {
    const int64_t begin = b * batch, count = std::min(batch, data_.size() - begin);
    DEFTNN_ASSIGN_OR_RETURN(const Live before, Before(graph, begin, count, b));
    DEFTNN_ASSIGN_OR_RETURN(Live after, Advance(session.get(), graph, wanted, before));
    if (visit) DEFTNN_RETURN_IF_ERROR(visit(begin, after));
    if (b == 0) keep = AllFloat(after) && BytesOf(after) <= options_.most_bytes / batches;
    if (!keep) continue;
    live_.resize(batches);
    live_[b] = std::move(after);
  }
  if (keep) {
    stored_ = true;
    done_ = to;
  }
  return {};
}

Result<Outputs> Replay::RunToEnd(const Graph& graph) {
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Open(graph, static_cast<int>(graph.nodes().size())));
  const int64_t batch = Batch(graph);
  Outputs outputs;
  for (int64_t begin = 0; begin < data_.size(); begin += batch) {
    const int64_t count = std::min(batch, data_.size() - begin);
    DEFTNN_ASSIGN_OR_RETURN(const Live before, Before(graph, begin, count, begin / batch));
    DEFTNN_ASSIGN_OR_RETURN(const Live after,
                            Advance(session.get(), graph, graph.outputs(), before));
    Outputs::Part part{begin, count, {}};
    for (ValueId id : graph.outputs()) part.tensors.push_back(after.at(graph.value(id).name));
    outputs.parts.push_back(std::move(part));
  }
  return outputs;
}

}  // namespace deftnn
