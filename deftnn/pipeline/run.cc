#include "deftnn/data/metric_command.h"
#include "deftnn/data/npy.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/verbs.h"

namespace deftnn {
namespace {

// Which input "NAME=path" or "path" is for.
Result<std::pair<size_t, std::string>> ParseInput(const Graph& graph, const std::string& text) {
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const std::string prefix = graph.value(graph.inputs()[i]).name + "=";
    if (text.rfind(prefix, 0) == 0) return std::pair{i, text.substr(prefix.size())};
  }
  if (graph.inputs().size() == 1 && text.find('=') == std::string::npos)
    return std::pair{size_t{0}, text};
  std::string names;
  for (ValueId id : graph.inputs()) names += (names.empty() ? "" : ", ") + graph.value(id).name;
  return Error("--input '{}' names no input of the network", text).WithHint("one of " + names);
}

}  // namespace

Status RunModel(const RunOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const Format format, ParseFormat(options.format));
  DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(options.model, format));
  std::vector<Tensor> inputs(model.graph.inputs().size());
  for (const std::string& text : options.inputs) {
    DEFTNN_ASSIGN_OR_RETURN(const auto input, ParseInput(model.graph, text));
    if (inputs[input.first].defined())
      return Error("--input '{}' gives an input that was given before", text);
    DEFTNN_ASSIGN_OR_RETURN(inputs[input.first], ReadNpy(input.second));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined()) continue;
    const std::string& name = model.graph.value(model.graph.inputs()[i]).name;
    return Error("input '{}' was not given", name)
        .WithFile(options.model)
        .WithHint("--input " + name + "=x.npy");
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenSession(model, options.common.threads));
  auto outputs = session->Run(inputs);
  if (!outputs.ok()) return outputs.status().WithFile(options.model);
  NamedTensors named;
  for (size_t i = 0; i < outputs->size(); ++i) {
    named.emplace_back(model.graph.value(model.graph.outputs()[i]).name, (*outputs)[i]);
  }
  return WriteNpyFolder(options.output, named);
}

}  // namespace deftnn
