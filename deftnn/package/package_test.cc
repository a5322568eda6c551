#include "deftnn/package/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "deftnn/base/crc32c.h"
#include "deftnn/base/file.h"
#include "deftnn/base/rng.h"
#include "deftnn/graph/verify.h"
#include "deftnn/package/graph_codec.h"
#include "deftnn/package/layout.h"

namespace deftnn {
namespace {

using deft::Header;
using deft::Section;
using ::testing::HasSubstr;

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/deftnn_package_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name = "a.deft") const { return folder_ + "/" + name; }
  std::string Write(const PackageContents& contents) {
    const Status status = WritePackage(Path(), contents);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return ReadFile(Path()).value();
  }
  /// Reads these bytes; the error line, or "" when they were accepted.
  std::string Open(const std::string& bytes) {
    auto memory = AllocateAligned(bytes.size());
    if (!bytes.empty()) std::memcpy(memory.get(), bytes.data(), bytes.size());
    const auto package = ReadPackage({memory.get(), bytes.size()}, memory);
    if (package.ok()) return "";
    EXPECT_EQ(package.status().ToString().find('\n'), std::string::npos);
    return package.status().ToString();
  }

  std::string folder_;
};

std::string Name(Rng& rng) {
  std::string name(rng.Between(1, 9), 'a');
  for (char& c : name) c = static_cast<char>('a' + rng.Below(26));
  return name;
}

Tensor RandomTensor(Rng& rng, ElementType type) {
  Shape shape(rng.Below(4));
  for (int64_t& dim : shape) dim = rng.Below(5);
  if (type == ElementType::kString) {
    std::vector<std::string> strings(ElementCount(shape));
    for (std::string& text : strings) text = Name(rng);
    return Tensor::Strings(std::move(shape), std::move(strings));
  }
  Tensor tensor = Tensor::Zeros(type, std::move(shape));
  std::byte* data = tensor.mutable_data();
  for (size_t i = 0; i < tensor.bytes(); ++i) {
    data[i] = static_cast<std::byte>(rng.Below(type == ElementType::kBool ? 2 : 256));
  }
  return tensor;
}

Graph RandomGraph(Rng& rng, int depth = 0) {
  Graph graph;
  graph.name = Name(rng);
  std::vector<ValueId> made;
  for (int type = 1; type <= static_cast<int>(ElementType::kInt4); ++type) {
    made.push_back(graph.AddConstant(Name(rng), RandomTensor(rng, static_cast<ElementType>(type))));
  }
  made.push_back(
      graph.AddValue("input", ElementType::kFloat32, Shape{kDynamic, 3, rng.Between(1, 9)}));
  graph.AddInput(made.back());
  const int nodes = static_cast<int>(rng.Between(1, 6));
  for (int i = 0; i < nodes; ++i) {
    Node node{i == 0 ? "" : Name(rng), i % 2 == 0 ? "" : "deftnn", Name(rng), {}, {}, {}};
    for (int64_t j = rng.Below(4); j > 0; --j) node.inputs.push_back(made[rng.Below(made.size())]);
    if (rng.Below(2) == 0) node.inputs.push_back(kNoValue);
    node.outputs.push_back(graph.AddValue(Name(rng)));
    node.attributes["int"] = int64_t{rng.Between(-5, 5)};
    node.attributes["float"] = static_cast<float>(rng.Normal());
    node.attributes["string"] = std::string("a\0b", 3);
    node.attributes["tensor"] = RandomTensor(rng, ElementType::kBfloat16);
    node.attributes["no tensor"] = Tensor();
    node.attributes["ints"] = std::vector<int64_t>{1, -2, int64_t{1} << 60};
    node.attributes["floats"] = std::vector<float>{};
    node.attributes["strings"] = std::vector<std::string>{"", "x"};
    if (depth < 2) node.attributes["graph"] = std::make_shared<Graph>(RandomGraph(rng, depth + 1));
    made.push_back(node.outputs[0]);
    graph.AddNode(std::move(node));
  }
  graph.AddOutput(made.back());
  graph.AddOutput(made[0]);
  return graph;
}

void ExpectSame(const Graph& a, const Graph& b);

void ExpectSame(const Attribute& a, const Attribute& b) {
  ASSERT_EQ(a.index(), b.index());
  if (const auto* graph = std::get_if<std::shared_ptr<Graph>>(&a)) {
    ExpectSame(**graph, *std::get<std::shared_ptr<Graph>>(b));
  } else if (const auto* tensor = std::get_if<Tensor>(&a)) {
    EXPECT_TRUE(Identical(*tensor, std::get<Tensor>(b)));
  } else {
    std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (!std::is_same_v<T, Tensor>) {
            EXPECT_TRUE(value == std::get<T>(b));
          }
        },
        a);
  }
}

void ExpectSame(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.inputs(), b.inputs());
  EXPECT_EQ(a.outputs(), b.outputs());
  ASSERT_EQ(a.values().size(), b.values().size());
  for (size_t i = 0; i < a.values().size(); ++i) {
    const Value &x = a.values()[i], &y = b.values()[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.type, y.type);
    EXPECT_EQ(x.shape, y.shape);
    ASSERT_EQ(x.is_constant(), y.is_constant());
    EXPECT_TRUE(Identical(x.constant, y.constant)) << NameOf(x.constant.type());
  }
  ASSERT_EQ(a.nodes().size(), b.nodes().size());
  for (size_t i = 0; i < a.nodes().size(); ++i) {
    const Node &x = a.nodes()[i], &y = b.nodes()[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.domain, y.domain);
    EXPECT_EQ(x.op, y.op);
    EXPECT_EQ(x.inputs, y.inputs);
    EXPECT_EQ(x.outputs, y.outputs);
    ASSERT_EQ(x.attributes.size(), y.attributes.size());
    for (const auto& [key, attribute] : x.attributes) {
      ASSERT_TRUE(y.has(key));
      ExpectSame(attribute, y.attributes.at(key));
    }
  }
}

/// A small file: one product of one constant, and a packed blob.
PackageContents SmallContents() {
  PackageContents contents;
  Graph& graph = contents.graph;
  const ValueId x = graph.AddValue("x", ElementType::kFloat32, Shape{1, 2});
  graph.AddInput(x);
  const ValueId w = graph.AddConstant("w", Tensor::Of<float>({2}, std::vector<float>{3, 4}));
  const ValueId y = graph.AddValue("y");
  Node node{"mul", "", "Mul", {x, w}, {y}, {}};
  node.attributes["ints"] = std::vector<int64_t>{7, 8};
  graph.AddNode(node);
  graph.AddOutput(y);
  contents.metadata_json = R"({"model":"small"})";
  return contents;
}

/// Makes every checksum fit the bytes again, as somebody who writes a hostile file would.
void Sign(std::string& file) {
  Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  const auto bytes = std::as_bytes(std::span(file));
  for (uint32_t i = 0; i < header.section_count; ++i) {
    char* at = file.data() + sizeof(Header) + i * sizeof(Section);
    Section section;
    std::memcpy(&section, at, sizeof(section));
    const uint64_t stored = deft::AlignUp(section.size);
    if (section.offset <= file.size() && stored <= file.size() - section.offset) {
      section.checksum = Crc32c(bytes.subspan(section.offset, stored));
    }
    std::memcpy(at, &section, sizeof(section));
  }
  header.table_checksum =
      Crc32c(bytes.subspan(sizeof(Header), header.section_count * sizeof(Section)));
  std::memcpy(file.data(), &header, sizeof(header));
  header.checksum = Crc32c(bytes.first(offsetof(Header, checksum)));
  std::memcpy(file.data(), &header, sizeof(header));
}

Section SectionAt(const std::string& file, int index) {
  Section section;
  std::memcpy(&section, file.data() + sizeof(Header) + index * sizeof(Section), sizeof(section));
  return section;
}

TEST_F(PackageTest, RoundTripOfRandomGraphs) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    PackageContents contents{RandomGraph(rng), R"({"seed": 1})", {}};
    std::vector<std::byte> blob(rng.Below(300));
    for (std::byte& b : blob) b = static_cast<std::byte>(rng.Below(256));
    contents.packed["avx2/conv/gemm"] = blob;
    contents.packed["avx512_bf16/" + std::string(90, 'n')] = std::span(blob).first(blob.size() / 2);
    contents.packed[""] = {};
    const std::string first = Write(contents);
    EXPECT_EQ(first, Write(contents)) << "the bytes must not depend on anything else";
    auto package = OpenPackage(Path());
    ASSERT_TRUE(package.ok()) << package.status().ToString();
    ExpectSame(contents.graph, package->graph);
    EXPECT_EQ(package->metadata_json, contents.metadata_json);
    ASSERT_EQ(package->packed.size(), contents.packed.size());
    for (const auto& [key, bytes] : contents.packed) {
      const auto& read = package->packed.at(key);
      EXPECT_TRUE(std::equal(read.begin(), read.end(), bytes.begin(), bytes.end()));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(read.data()) % 64, 0u);
    }
    // What was read, written again, is the same file.
    const PackageContents again{package->graph, package->metadata_json, package->packed};
    EXPECT_EQ(first, Write(again));
  }
}

TEST_F(PackageTest, ConstantsAreReadInPlaceAndOutliveThePackage) {
  Write(SmallContents());
  Tensor kept;
  {
    auto package = OpenPackage(Path());
    ASSERT_TRUE(package.ok());
    const auto* base = static_cast<const std::byte*>(package->owner.get());
    kept = *package->graph.Constant(package->graph.Find("w"));
    EXPECT_GE(kept.data(), base);
    EXPECT_LT(kept.data(), base + std::filesystem::file_size(Path()));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(kept.data()) % 64, 0u);
  }
  std::filesystem::remove(Path());
  EXPECT_EQ(kept.values<float>()[1], 4.0f);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(kept.data()[kept.bytes() + i], std::byte{0});
}

TEST_F(PackageTest, AnyChangedByteIsRefused) {
  PackageContents contents = SmallContents();
  const std::vector<std::byte> blob(5, std::byte{9});
  contents.packed["k"] = blob;
  const std::string file = Write(contents);
  ASSERT_LT(file.size(), 2000u);
  Rng rng(5);
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ (1 << rng.Below(8)));
    EXPECT_NE(Open(changed), "") << "byte " << i;
    changed[i] = static_cast<char>(file[i] + 1 + rng.Below(255));
    EXPECT_NE(Open(changed), "") << "byte " << i;
  }
}

TEST_F(PackageTest, AnyOtherLengthIsRefused) {
  const std::string file = Write(SmallContents());
  for (size_t size = 0; size < file.size(); ++size) {
    const std::string error = Open(file.substr(0, size));
    EXPECT_THAT(error, HasSubstr(size == 0 ? "is empty" : "cut off")) << size;
  }
  EXPECT_THAT(Open(file + '\0'), HasSubstr("too long"));
  EXPECT_THAT(Open(file + file), HasSubstr("too long"));
  EXPECT_EQ(Open(file), "");
}

TEST_F(PackageTest, ForeignFilesAreRefused) {
  ASSERT_TRUE(WriteFileAtomically(Path("b.deft"), "GIF89a").ok());
  EXPECT_EQ(OpenPackage(Path("b.deft")).status().ToString(),
            Path("b.deft") + ": is not a .deft file (try: deftnn optimize MODEL.onnx -o OUT.deft)");
  EXPECT_THAT(Open("PK\x03\x04 a zip archive"), HasSubstr("is not a .deft file"));
  EXPECT_THAT(Open(std::string(5000, '\0')), HasSubstr("is not a .deft file"));
  EXPECT_THAT(Open("x"), HasSubstr("is not a .deft file"));
  EXPECT_FALSE(OpenPackage(Path("missing.deft")).ok());
  EXPECT_THAT(OpenPackage(folder_).status().ToString(), HasSubstr("not a regular file"));
}

TEST_F(PackageTest, NewerVersionSaysSo) {
  std::string file = Write(SmallContents());
  file[offsetof(Header, version)] = 2;
  Sign(file);
  EXPECT_THAT(Open(file), HasSubstr("version 2, this program reads version 1"));
}

TEST_F(PackageTest, HostileTablesAreRefused) {
  const std::string file = Write(SmallContents());
  const auto edited = [&](size_t offset, auto value) {
    std::string changed = file;
    std::memcpy(changed.data() + offset, &value, sizeof(value));
    if (offset >= sizeof(Header)) {
      Sign(changed);
      return changed;
    }
    const uint32_t crc =
        Crc32c(std::as_bytes(std::span(changed)).first(offsetof(Header, checksum)));
    std::memcpy(changed.data() + offsetof(Header, checksum), &crc, 4);
    return changed;
  };
  EXPECT_NE(Open(edited(offsetof(Header, section_count), uint32_t{0})), "");
  EXPECT_NE(Open(edited(offsetof(Header, section_count), uint32_t{0xffffffff})), "");
  EXPECT_NE(Open(edited(offsetof(Header, table_offset), ~uint64_t{0})), "");
  EXPECT_NE(Open(edited(offsetof(Header, file_size), ~uint64_t{0})), "");
  for (int i = 0; i < 3; ++i) {
    const size_t entry = sizeof(Header) + i * sizeof(Section);
    const Section section = SectionAt(file, i);
    for (uint64_t lie : {uint64_t{0}, section.size + 64, ~uint64_t{0}, ~uint64_t{0} - 62}) {
      EXPECT_NE(Open(edited(entry + offsetof(Section, size), lie)), "") << i << " " << lie;
    }
    for (uint64_t lie : {uint64_t{0}, section.offset + 64, section.offset + 1, ~uint64_t{0}}) {
      EXPECT_NE(Open(edited(entry + offsetof(Section, offset), lie)), "") << i << " " << lie;
    }
    for (uint32_t lie : {0u, 1u, 2u, 3u, 4u, 5u, 0xffffffffu}) {
      if (lie == section.kind) continue;
      EXPECT_NE(Open(edited(entry + offsetof(Section, kind), lie)), "") << i << " " << lie;
    }
  }
}

// Lying counts, offsets out of range, ids of nothing, cycles: whatever a change makes of the graph
// section, with checksums that fit, it is a valid graph or an error.
TEST_F(PackageTest, HostileGraphSectionsNeverCrash) {
  const std::string file = Write(SmallContents());
  const Section graph = SectionAt(file, 1);
  ASSERT_EQ(graph.kind, static_cast<uint32_t>(deft::SectionKind::kGraph));
  const auto bytes = std::as_bytes(std::span(file)).subspan(graph.offset, graph.size);
  const Section data = SectionAt(file, 2);
  const auto data_bytes = std::as_bytes(std::span(file)).subspan(data.offset, data.size);
  int accepted = 0, refused = 0;
  const auto attempt = [&](const std::vector<std::byte>& changed) {
    const auto decoded = deft::DecodeGraph(changed, data_bytes, nullptr);
    if (decoded.ok()) {
      EXPECT_TRUE(Verify(*decoded).ok());
      for (const Value& value : decoded->values()) {
        if (value.constant.bytes() == 0) continue;
        EXPECT_GE(value.constant.data(), data_bytes.data());
        EXPECT_LE(value.constant.data() + value.constant.bytes() + 64,
                  data_bytes.data() + data_bytes.size());
      }
    }
    ++(decoded.ok() ? accepted : refused);
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int lie : {0, 1, 2, 3, 0x7f, 0x80, 0xff}) {
      std::vector<std::byte> changed(bytes.begin(), bytes.end());
      changed[i] = static_cast<std::byte>(lie);
      attempt(changed);
      for (size_t j = i; j < std::min(i + 8, bytes.size()); ++j) {
        changed[j] = static_cast<std::byte>(lie);
        if (j == i + 3 || j == i + 7) attempt(changed);
      }
    }
    attempt({bytes.begin(), bytes.begin() + i});
  }
  Rng rng(3);
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<std::byte> changed(bytes.begin(), bytes.end());
    for (int64_t edits = rng.Between(1, 6); edits > 0; --edits) {
      changed[rng.Below(changed.size())] = static_cast<std::byte>(rng.Below(256));
    }
    attempt(changed);
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 100);  // a changed letter of a name, say
}

// The same with every kind of attribute, of element type, and with subgraphs.
TEST_F(PackageTest, HostileRandomGraphsNeverCrash) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const auto encoded = deft::EncodeGraph(RandomGraph(rng, 1));
    ASSERT_TRUE(encoded.ok());
    const std::vector<std::byte> data(encoded->data_size);
    for (int trial = 0; trial < 10; ++trial) {
      std::string changed = encoded->graph;
      for (int64_t edits = rng.Between(1, 4); edits > 0; --edits) {
        changed[rng.Below(std::ssize(changed))] =
            static_cast<char>(rng.Below(2) == 0 ? 0xff : rng.Below(256));
      }
      const auto decoded = deft::DecodeGraph(std::as_bytes(std::span(changed)), data, nullptr);
      if (decoded.ok()) {
        EXPECT_TRUE(Verify(*decoded).ok());
      }
    }
  }
}

TEST_F(PackageTest, HostilePackedSectionsAreRefused) {
  PackageContents contents = SmallContents();
  const std::vector<std::byte> blob(5, std::byte{9});
  contents.packed["k"] = blob;
  contents.packed["l"] = blob;
  const std::string file = Write(contents);
  const Section packed = SectionAt(file, 3);
  ASSERT_EQ(packed.kind, static_cast<uint32_t>(deft::SectionKind::kPacked));
  const auto edited = [&](size_t offset, auto value) {
    std::string changed = file;
    std::memcpy(changed.data() + packed.offset + offset, &value, sizeof(value));
    Sign(changed);
    return Open(changed);
  };
  for (uint64_t lie : {packed.size, ~uint64_t{0}, ~uint64_t{0} - 63}) {
    EXPECT_THAT(edited(offsetof(deft::PackedHeader, blob_size), lie), HasSubstr("too short"));
  }
  for (uint32_t lie : {static_cast<uint32_t>(packed.size), 0xffffffffu, 0xffffffc0u}) {
    EXPECT_THAT(edited(offsetof(deft::PackedHeader, key_size), lie), HasSubstr("too short"));
  }
  EXPECT_THAT(edited(sizeof(deft::PackedHeader), 'l'), HasSubstr("one key"));
}

TEST_F(PackageTest, CyclesAndDoubleNamesAreRefused) {
  Graph cyclic;
  const ValueId a = cyclic.AddValue("a"), b = cyclic.AddValue("b");
  cyclic.AddNode({"one", "", "Relu", {a}, {b}, {}});
  cyclic.AddNode({"two", "", "Relu", {b}, {a}, {}});
  cyclic.AddOutput(b);
  EXPECT_FALSE(WritePackage(Path(), {cyclic, "{}", {}}).ok());
  auto encoded = deft::EncodeGraph(cyclic);
  ASSERT_TRUE(encoded.ok());
  const auto decode = [&] {
    return deft::DecodeGraph(std::as_bytes(std::span(encoded->graph)), {}, nullptr).status();
  };
  EXPECT_THAT(decode().ToString(), HasSubstr("which nothing before it makes"));
  encoded->graph.replace(encoded->graph.find("two"), 3, "one");
  EXPECT_THAT(decode().ToString(), HasSubstr("two nodes are named 'one'"));
}

TEST_F(PackageTest, DeepSubgraphsAreRefused) {
  Graph graph;
  graph.AddNode({"inner", "", "Op", {}, {}, {}});
  for (int depth = 1; depth < 40; ++depth) {
    Graph outer;
    Node node{"outer", "", "Op", {}, {}, {}};
    node.attributes["body"] = std::make_shared<Graph>(graph);
    outer.AddNode(node);
    graph = outer;
    const Status status = WritePackage(Path(), {graph, "{}", {}});
    EXPECT_EQ(status.ok(), depth + 1 <= deft::kMaxDepth) << status.ToString();
    if (status.ok()) {
      EXPECT_TRUE(OpenPackage(Path()).ok());
    }
  }
}

TEST_F(PackageTest, WhatCannotBeWrittenIsAnError) {
  PackageContents contents = SmallContents();
  const Status missing = WritePackage(folder_ + "/no/such/a.deft", contents);
  EXPECT_THAT(missing.ToString(), HasSubstr("cannot be written: No such file"));
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x").ok());
  const Status under_a_file = WritePackage(Path("file") + "/a.deft", contents);
  EXPECT_THAT(under_a_file.ToString(), HasSubstr("cannot be written: Not a directory"));
  std::filesystem::create_directory(Path("folder"));
  EXPECT_FALSE(WritePackage(Path("folder"), contents).ok());
  contents.metadata_json = "{";
  EXPECT_THAT(WritePackage(Path(), contents).ToString(), HasSubstr("not JSON"));
  // Nothing is left behind but the file and the folder made here.
  const std::filesystem::directory_iterator left(folder_);
  EXPECT_EQ(std::distance(begin(left), end(left)), 2);
}

}  // namespace
}  // namespace deftnn
