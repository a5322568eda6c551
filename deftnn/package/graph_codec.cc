#include "deftnn/package/graph_codec.h"

#include <algorithm>
#include <limits>

#include "deftnn/graph/verify.h"
#include "deftnn/package/byte_stream.h"
#include "deftnn/package/layout.h"

namespace deftnn::deft {
namespace {

constexpr size_t kMaxRank = 64;
enum ValueFlags : uint8_t { kHasShape = 1, kIsConstant = 2 };
// The kind of an attribute is its index in the variant, plus one.
constexpr uint8_t kAttributeKinds = std::variant_size_v<Attribute>;

class Encoder {
 public:
  Status Encode(const Graph& graph, int depth) {
    if (depth > kMaxDepth) return Error("subgraphs are nested deeper than {}", kMaxDepth);
    out_.PutString(graph.name);
    PutCount(graph.values().size());
    for (const Value& value : graph.values()) EncodeValue(value);
    PutCount(graph.nodes().size());
    for (const Node& node : graph.nodes()) {
      if (Status status = EncodeNode(node, depth); !status.ok()) return status.WithNode(node.name);
    }
    EncodeIds(graph.inputs());
    EncodeIds(graph.outputs());
    return {};
  }

  EncodedGraph Take() && { return {std::move(out_).Take(), std::move(contents_), data_size_}; }

 private:
  void PutCount(size_t count) { out_.Put(static_cast<uint32_t>(count)); }

  void EncodeIds(const std::vector<ValueId>& ids) {
    PutCount(ids.size());
    for (ValueId id : ids) out_.Put(id);
  }

  void EncodeShape(const Shape& shape) {
    PutCount(shape.size());
    for (int64_t dim : shape) out_.Put(dim);
  }

  void EncodeTensor(const Tensor& tensor) {
    out_.Put(static_cast<uint8_t>(tensor.type()));
    if (!tensor.defined()) return;
    EncodeShape(tensor.shape());
    if (tensor.type() == ElementType::kString) {
      PutCount(tensor.strings().size());
      for (const std::string& text : tensor.strings()) out_.PutString(text);
      return;
    }
    out_.Put(data_size_);
    out_.Put(static_cast<uint64_t>(tensor.bytes()));
    contents_.push_back(tensor);
    data_size_ += ConstantSlot(tensor.bytes());
  }

  void EncodeValue(const Value& value) {
    out_.PutString(value.name);
    out_.Put(static_cast<uint8_t>(value.type));
    const int flags = (value.shape ? kHasShape : 0) | (value.is_constant() ? kIsConstant : 0);
    out_.Put(static_cast<uint8_t>(flags));
    if (value.is_constant()) {
      EncodeTensor(value.constant);  // the declared type and shape are the tensor's
    } else if (value.shape) {
      EncodeShape(*value.shape);
    }
  }

  Status EncodeNode(const Node& node, int depth) {
    out_.PutString(node.name);
    out_.PutString(node.domain);
    out_.PutString(node.op);
    EncodeIds(node.inputs);
    EncodeIds(node.outputs);
    PutCount(node.attributes.size());
    for (const auto& [key, attribute] : node.attributes) {
      out_.PutString(key);
      out_.Put(static_cast<uint8_t>(attribute.index() + 1));
      const auto* subgraph = std::get_if<std::shared_ptr<Graph>>(&attribute);
      if (subgraph == nullptr) {
        std::visit([this](const auto& value) { EncodeAttribute(value); }, attribute);
        continue;
      }
      if (*subgraph == nullptr) return Error("attribute '{}' is a missing subgraph", key);
      DEFTNN_RETURN_IF_ERROR(Encode(**subgraph, depth + 1));
    }
    return {};
  }

  void EncodeAttribute(int64_t value) { out_.Put(value); }
  void EncodeAttribute(float value) { out_.Put(value); }
  void EncodeAttribute(const std::string& value) { out_.PutString(value); }
  void EncodeAttribute(const Tensor& value) { EncodeTensor(value); }
  template <typename T>
  void EncodeAttribute(const std::vector<T>& list) {
    PutCount(list.size());
    for (const T& value : list) EncodeAttribute(value);
  }
  void EncodeAttribute(const std::shared_ptr<Graph>&) {}

  ByteWriter out_;
  std::vector<Tensor> contents_;
  uint64_t data_size_ = 0;
};

class Decoder {
 public:
  Decoder(std::span<const std::byte> graph, std::span<const std::byte> data,
          const std::shared_ptr<const void>& owner)
      : in_(graph), data_(data), owner_(owner) {}

  bool at_end() const { return in_.at_end(); }

  Result<Graph> Decode(int depth) {
    if (depth > kMaxDepth) return Error("subgraphs are nested deeper than {}", kMaxDepth);
    Graph graph;
    graph.name = in_.GetString();
    for (uint32_t left = in_.Count(6); left > 0; --left) {
      DEFTNN_RETURN_IF_ERROR(DecodeValue(graph));
    }
    for (uint32_t left = in_.Count(24); left > 0; --left) {
      DEFTNN_ASSIGN_OR_RETURN(Node node, DecodeNode(depth));
      DEFTNN_RETURN_IF_ERROR(CheckIds(graph, node.inputs, true));
      DEFTNN_RETURN_IF_ERROR(CheckIds(graph, node.outputs, true));
      if (node.name.empty()) return Error("a node has no name");
      const std::string wanted = node.name;
      const int index = graph.AddNode(std::move(node));
      if (graph.node(index).name != wanted) return Error("two nodes are named '{}'", wanted);
    }
    const std::vector<ValueId> inputs = DecodeIds(), outputs = DecodeIds();
    if (!in_.ok()) return CutOff();
    DEFTNN_RETURN_IF_ERROR(CheckIds(graph, inputs, false));
    DEFTNN_RETURN_IF_ERROR(CheckIds(graph, outputs, false));
    for (ValueId id : inputs) graph.AddInput(id);
    for (ValueId id : outputs) graph.AddOutput(id);
    return graph;
  }

 private:
  static Status CutOff() { return Error("the graph section ends too early"); }

  static Status CheckIds(const Graph& graph, const std::vector<ValueId>& ids, bool optional) {
    const ValueId count = static_cast<ValueId>(graph.values().size());
    for (ValueId id : ids) {
      if (id >= count || id < (optional ? kNoValue : 0)) {
        return Error("value {} of {} does not exist", id, count);
      }
    }
    return {};
  }

  std::vector<ValueId> DecodeIds() {
    std::vector<ValueId> ids(in_.Count(sizeof(ValueId)));
    for (ValueId& id : ids) id = in_.Get<ValueId>();
    return ids;
  }

  Result<ElementType> DecodeType() {
    const uint8_t code = in_.Get<uint8_t>();
    if (code > static_cast<uint8_t>(ElementType::kInt4)) {
      return Error("element type {} is unknown", code);
    }
    return static_cast<ElementType>(code);
  }

  Result<Shape> DecodeShape(int64_t least) {
    Shape shape(in_.Count(sizeof(int64_t)));
    if (shape.size() > kMaxRank) return Error("a shape has rank {}", shape.size());
    for (int64_t& dim : shape) {
      dim = in_.Get<int64_t>();
      if (dim < least) return Error("a shape has dimension {}", dim);
    }
    return shape;
  }

  Result<Tensor> DecodeTensor() {
    DEFTNN_ASSIGN_OR_RETURN(const ElementType type, DecodeType());
    if (type == ElementType::kUndefined) return Tensor();
    DEFTNN_ASSIGN_OR_RETURN(Shape shape, DecodeShape(0));
    DEFTNN_RETURN_IF_ERROR(CheckShape(type, shape));
    if (type == ElementType::kString) return DecodeStrings(std::move(shape));
    const uint64_t offset = in_.Get<uint64_t>(), bytes = in_.Get<uint64_t>();
    if (!in_.ok()) return CutOff();
    const uint64_t count = static_cast<uint64_t>(ElementCount(shape));
    if (bytes != (count * static_cast<uint64_t>(BitsOf(type)) + 7) / 8) {
      return Error("a {} tensor of shape {} has {} bytes", NameOf(type), ToString(shape), bytes);
    }
    if (offset % kAlign != 0 || offset > data_.size() || bytes > data_.size() ||
        ConstantSlot(bytes) > data_.size() - offset) {
      return Error("a tensor lies outside the data section");
    }
    const std::byte* at = data_.data() + offset;
    if (type == ElementType::kBool &&
        std::any_of(at, at + bytes, [](std::byte b) { return b > std::byte{1}; })) {
      return Error("a bool is neither 0 nor 1");
    }
    return Tensor::Borrow(type, std::move(shape), at, owner_);
  }

  Result<Tensor> DecodeStrings(Shape shape) {
    const uint32_t count = in_.Count(sizeof(uint32_t));
    if (!in_.ok()) return CutOff();
    if (count != ElementCount(shape)) {
      return Error("a string tensor of shape {} has {} strings", ToString(shape), count);
    }
    std::vector<std::string> strings(count);
    for (std::string& text : strings) text = in_.GetString();
    return Tensor::Strings(std::move(shape), std::move(strings));
  }

  Status DecodeValue(Graph& graph) {
    std::string name = in_.GetString();
    DEFTNN_ASSIGN_OR_RETURN(const ElementType type, DecodeType());
    const uint8_t flags = in_.Get<uint8_t>();
    if (flags > (kHasShape | kIsConstant)) return Error("value '{}' has flags {}", name, flags);
    if (name.empty()) return Error("a value has no name");
    if (graph.Find(name) != kNoValue) return Error("two values are named '{}'", name);
    if ((flags & kIsConstant) != 0) {
      DEFTNN_ASSIGN_OR_RETURN(Tensor tensor, DecodeTensor());
      if (!in_.ok()) return CutOff();
      if (!tensor.defined()) return Error("constant '{}' has no type", name);
      graph.AddConstant(std::move(name), std::move(tensor));
      return {};
    }
    std::optional<Shape> shape;
    if ((flags & kHasShape) != 0) {
      DEFTNN_ASSIGN_OR_RETURN(shape, DecodeShape(kDynamic));
    }
    if (!in_.ok()) return CutOff();
    graph.AddValue(std::move(name), type, std::move(shape));
    return {};
  }

  Result<Node> DecodeNode(int depth) {
    Node node;
    node.name = in_.GetString();
    node.domain = in_.GetString();
    node.op = in_.GetString();
    node.inputs = DecodeIds();
    node.outputs = DecodeIds();
    for (uint32_t left = in_.Count(6); left > 0; --left) {
      const std::string key = in_.GetString();
      const uint8_t kind = in_.Get<uint8_t>();
      if (!in_.ok()) return CutOff();
      DEFTNN_ASSIGN_OR_RETURN(Attribute attribute, DecodeAttribute(kind, depth));
      if (!node.attributes.emplace(key, std::move(attribute)).second) {
        return Error("attribute '{}' appears twice", key).WithNode(node.name);
      }
    }
    if (!in_.ok()) return CutOff();
    return node;
  }

  template <typename T, typename Read>
  std::vector<T> DecodeList(size_t least, Read read) {
    std::vector<T> list(in_.Count(least));
    for (T& value : list) value = read();
    return list;
  }

  Result<Attribute> DecodeAttribute(uint8_t kind, int depth) {
    static_assert(kAttributeKinds == 8);
    const auto integer = [this] { return in_.Get<int64_t>(); };
    const auto real = [this] { return in_.Get<float>(); };
    const auto text = [this] { return in_.GetString(); };
    switch (kind) {
      case 1:
        return Attribute(integer());
      case 2:
        return Attribute(real());
      case 3:
        return Attribute(text());
      case 4: {
        DEFTNN_ASSIGN_OR_RETURN(Tensor tensor, DecodeTensor());
        return Attribute(std::move(tensor));
      }
      case 5:
        return Attribute(DecodeList<int64_t>(sizeof(int64_t), integer));
      case 6:
        return Attribute(DecodeList<float>(sizeof(float), real));
      case 7:
        return Attribute(DecodeList<std::string>(sizeof(uint32_t), text));
      case 8: {
        DEFTNN_ASSIGN_OR_RETURN(Graph graph, Decode(depth + 1));
        return Attribute(std::make_shared<Graph>(std::move(graph)));
      }
      default:
        return Error("attribute kind {} is unknown", kind);
    }
  }

  ByteReader in_;
  std::span<const std::byte> data_;
  std::shared_ptr<const void> owner_;
};

}  // namespace

Result<EncodedGraph> EncodeGraph(const Graph& graph) {
  Encoder encoder;
  DEFTNN_RETURN_IF_ERROR(encoder.Encode(graph, 1));
  return std::move(encoder).Take();
}

Result<Graph> DecodeGraph(std::span<const std::byte> graph, std::span<const std::byte> data,
                          const std::shared_ptr<const void>& owner) {
  Decoder decoder(graph, data, owner);
  DEFTNN_ASSIGN_OR_RETURN(Graph decoded, decoder.Decode(1));
  if (!decoder.at_end()) return Error("the graph section has bytes behind its end");
  DEFTNN_RETURN_IF_ERROR(Verify(decoded));
  return decoded;
}

}  // namespace deftnn::deft
