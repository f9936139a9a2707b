// Writer: what it writes is what the reader reads, what it refuses, and what is left on the disk.
#include "gguf/writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/mapped_file.h"
#include "support/counting_new.h"
#include "support/gguf_malformed.h"

namespace prumo::gguf {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;

constexpr std::uint32_t kF32Type = 0;
constexpr std::uint32_t kQ8Type = 8;

Bytes pattern(std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::byte>(i % 253);
  return out;
}

class GgufWriter : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "prumo-writer-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const char* name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  static Bytes contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
    Bytes out(text.size());
    std::transform(text.begin(), text.end(), out.begin(),
                   [](char c) { return static_cast<std::byte>(c); });
    return out;
  }

  fs::path folder_;
};

TEST_F(GgufWriter, LaysOutWhatTheFormatSays) {
  const Bytes a(128, std::byte{1}), b(128, std::byte{2});
  Writer writer;
  writer.add("general.architecture", "llama");
  writer.add("u32", std::uint32_t{7});
  writer.add_array("floats", std::vector<float>{0.5f, -1.0f, 2.0f});
  writer.add_array("strings", std::vector<std::string>{"<s>", "", "\xE2\x96\x81the"});
  writer.add_array("bools", std::vector<bool>{true, false});
  writer.add("flag", true);
  writer.add("text", "x");
  writer.add_tensor("a", kF32Type, {32}, a);
  writer.add_tensor("b", kF32Type, {16, 2}, b);
  const Bytes expected = testing::small_gguf().build();
  EXPECT_EQ(writer.to_bytes().value(), expected);
  EXPECT_EQ(writer.size().value(), expected.size());
  EXPECT_EQ(writer.to_bytes().value(), expected);  // writing changes nothing
}

TEST_F(GgufWriter, WritesEveryTypeInBothVersions) {
  for (const std::uint32_t version : {2u, 3u}) {
    Writer writer(version);
    writer.add("u8", std::uint8_t{1});
    writer.add("i8", std::int8_t{-2});
    writer.add("u16", std::uint16_t{3});
    writer.add("i16", std::int16_t{-4});
    writer.add("i32", std::int32_t{-5});
    writer.add("u64", ~std::uint64_t{0});
    writer.add("i64", std::int64_t{-6});
    writer.add("f32", 0.25f);
    writer.add("f64", 0.1);
    writer.add_array("none", std::vector<std::string_view>{});
    writer.add_array("u8s", std::vector<std::uint8_t>{1, 2});
    const Bytes bytes = writer.to_bytes().value();
    const File file = File::parse(bytes).value();
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.uint("u8").value(), 1u);
    EXPECT_EQ(file.find("i8")->int_at(0), -2);
    EXPECT_EQ(file.uint("u16").value(), 3u);
    EXPECT_EQ(file.find("i16")->int_at(0), -4);
    EXPECT_EQ(file.find("i32")->i32_at(0), -5);
    EXPECT_EQ(file.uint("u64").value(), ~std::uint64_t{0});
    EXPECT_EQ(file.find("i64")->int_at(0), -6);
    EXPECT_EQ(file.find("f32")->f32_at(0), 0.25f);
    EXPECT_EQ(file.real("f64").value(), 0.1);
    EXPECT_EQ(file.find("none")->count(), 0u);
    EXPECT_EQ(file.find("none")->element_type(), ValueType::kString);
    EXPECT_EQ(file.find("u8s")->uint_at(1), 2u);
  }
}

TEST_F(GgufWriter, PadsToTheAlignmentThatItsKeySays) {
  const Bytes one = pattern(34);
  for (const std::uint32_t alignment : {8u, 32u, 4096u}) {
    Writer writer;
    writer.add("general.alignment", alignment);
    writer.add_tensor("a", kQ8Type, {32}, one);
    writer.add_tensor("b", kQ8Type, {32}, one);
    const Bytes bytes = writer.to_bytes().value();
    const File file = File::parse(bytes).value();
    EXPECT_EQ(file.alignment(), alignment);
    EXPECT_EQ(file.tensor("b")->file_offset % alignment, 0u);
    EXPECT_EQ(bytes.size() % alignment, 0u);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), file.tensor("b")->data.begin()));
  }
}

TEST_F(GgufWriter, StreamsTensorsInWholeBlocks) {
  const std::uint64_t blocks = 100000;  // 3.4 MB of Q8_0, several parts
  const Bytes whole = pattern(blocks * 34);
  std::uint64_t expected = 0, parts = 0;
  Writer writer;
  const Bytes small = pattern(8);
  writer.add_tensor("first", kF32Type, {2}, small);
  writer.add_tensor("big", kQ8Type, {32, blocks}, [&](std::uint64_t at, std::span<std::byte> out) {
    if (at == 0) expected = 0;
    EXPECT_EQ(at, expected);  // rising, no gaps
    EXPECT_EQ(out.size() % 34, 0u);
    EXPECT_LE(out.size(), std::size_t{1} << 20);
    std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    expected = at + out.size();
    ++parts;
  });
  writer.add_tensor("last", kF32Type, {2}, small);
  const Bytes bytes = writer.to_bytes().value();
  EXPECT_GE(parts, 4u);
  const File file = File::parse(bytes).value();
  const auto data = file.tensor("big")->data;
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), data.begin(), data.end()));

  const std::string to = path("streamed.gguf");
  const testing::PeakMemory peak;
  ASSERT_TRUE(writer.to_file(to).ok());
  EXPECT_LT(peak.bytes(), std::size_t{1} << 21);  // the tensor is never in memory as a whole
  EXPECT_EQ(contents(to), bytes);
}

TEST_F(GgufWriter, CopiesValuesOfAnotherFile) {
  const Bytes from = testing::small_gguf().build();
  const File file = File::parse(from).value();
  Writer writer;
  for (const KeyValue& entry : file.keys()) writer.add_value(entry.key, entry.value);
  for (const Tensor& tensor : file.tensors()) {
    writer.add_tensor(tensor.name, tensor.type,
                      {tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims}, tensor.data);
  }
  EXPECT_EQ(writer.to_bytes().value(), from);
}

// ---- Refusals ----

void expect_refusal(const Writer& writer, const std::string& place, const std::string& message) {
  const auto bytes = writer.to_bytes();
  ASSERT_FALSE(bytes.ok()) << message;
  EXPECT_EQ(bytes.error().code, ErrorCode::kBadArgument);
  EXPECT_EQ(bytes.error().place, place);
  EXPECT_NE(bytes.error().message.find(message), std::string::npos) << bytes.error().message;
  EXPECT_FALSE(writer.size().ok());
  EXPECT_FALSE(writer.to_file("/nonexistent/x").ok());
}

TEST_F(GgufWriter, RefusesWhatTheReaderWould) {
  const auto with = [](auto change) {
    Writer writer;
    writer.add("k", 1);
    change(writer);
    return writer;
  };
  const Bytes data = pattern(128);
  const auto fill = [](std::uint64_t, std::span<std::byte>) {};
  expect_refusal(Writer(1), "", "version 1 cannot be written");
  expect_refusal(with([](auto& w) { w.add("", 1); }), "", "key without a name");
  expect_refusal(with([](auto& w) { w.add("k", 2.0f); }), "k", "key was added twice");
  expect_refusal(with([](auto& w) { w.add(std::string(65536, 'x'), 1); }),
                 std::string(64, 'x') + "...", "has 65536 bytes, the limit is 65535");
  for (const std::uint32_t bad : {0u, 4u, 24u, 1u << 21}) {
    expect_refusal(with([=](auto& w) { w.add("general.alignment", bad); }), "general.alignment",
                   "power of two");
  }
  expect_refusal(with([](auto& w) { w.add("general.alignment", std::uint64_t{32}); }),
                 "general.alignment", "must be a u32");
  expect_refusal(with([&](auto& w) { w.add_tensor("", kF32Type, {32}, data); }), "",
                 "tensor without a name");
  expect_refusal(with([&](auto& w) { w.add_tensor(std::string(64, 't'), kF32Type, {32}, data); }),
                 std::string(64, 't'), "has 64 bytes, the limit is 63");
  expect_refusal(with([&](auto& w) {
                   w.add_tensor("t", kF32Type, {32}, data);
                   w.add_tensor("t", kF32Type, {32}, data);
                 }),
                 "t", "added twice");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", kF32Type, {31}, data); }), "t",
                 "the data has 128 bytes, type and shape ask for 124");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", kF32Type, {33}, data); }), "t",
                 "the data has 128 bytes, type and shape ask for 132");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", kF32Type, {}, data); }), "t",
                 "dimension-count");
  expect_refusal(with([&](auto& w) {
                   w.add_tensor("t", kF32Type, {32, 0}, data);
                 }),
                 "t", "dimension-zero");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", kQ8Type, {31}, data); }), "t", "block");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", 4, {32}, data); }), "t", "withdrawn");
  expect_refusal(with([&](auto& w) { w.add_tensor("t", 77, {32}, data); }), "t", "tensor-type");
  const std::uint64_t huge = (std::uint64_t{1} << 63) - 64;
  expect_refusal(with([&](auto& w) {
                   w.add_tensor("a", 24, {huge}, fill);
                   w.add_tensor("b", 24, {huge}, fill);
                 }),
                 "b", "reaches 2^63 bytes");
  expect_refusal(with([&](auto& w) { w.add_tensor("a", 0, {huge / 2}, fill); }), "a",
                 "reaches 2^63 bytes");
}

TEST_F(GgufWriter, RefusesMoreThanTheLimits) {
  Writer array;
  array.add_array("a", std::vector<std::uint8_t>(kMaxArrayItems + 1));
  expect_refusal(array, "a", "the limit is 16777216");
  Writer text;
  text.add_array("a", std::vector<std::string>{"x", std::string(kMaxStringBytes + 1, 'x')});
  expect_refusal(text, "a", "longer than the limit of 67108864");
  Writer keys;
  for (std::size_t i = 0; i <= kMaxKeys; ++i) keys.add(std::to_string(i), std::uint8_t{0});
  expect_refusal(keys, "", "65536 keys");
  Writer tensors;
  const std::vector<std::byte> data(4);
  for (std::size_t i = 0; i < kMaxTensors; ++i) {
    tensors.add_tensor(std::to_string(i), kF32Type, {1}, data);
  }
  const auto most = tensors.to_bytes();
  ASSERT_TRUE(most.ok()) << most.error().message;
  EXPECT_EQ(File::parse(*most)->tensors().size(), kMaxTensors);
  tensors.add_tensor("one more", kF32Type, {1}, data);
  expect_refusal(tensors, "", "65536 keys and as many tensors");
}

TEST_F(GgufWriter, SaysWhenTheFileDoesNotFitIntoMemory) {
  Writer writer;
  writer.add_tensor("t", 24, {std::uint64_t{1} << 61}, [](std::uint64_t, std::span<std::byte>) {});
  EXPECT_EQ(writer.size().value(), (std::uint64_t{1} << 61) + 64);
  const auto bytes = writer.to_bytes();
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.error().code, ErrorCode::kOutOfMemory);
}

// ---- On disk ----

Writer small_writer() {
  Writer writer;
  writer.add("k", "v");
  writer.add_tensor("t", kF32Type, {1024, 64}, [](std::uint64_t at, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), static_cast<std::byte>(at >> 8));
  });
  return writer;
}

TEST_F(GgufWriter, ReplacesAFileAsAWhole) {
  const std::string to = path("model.gguf");
  std::ofstream(to) << "what was there before";
  ASSERT_TRUE(small_writer().to_file(to).ok());
  EXPECT_EQ(contents(to), small_writer().to_bytes().value());
  EXPECT_EQ(files(), 1u);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(to.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0666u & ~mask);
  const Result<MappedFile> mapped = MappedFile::open(to);
  EXPECT_TRUE(File::parse(mapped->bytes()).ok());
}

TEST_F(GgufWriter, AFullDeviceIsAnErrorAndStaysADevice) {
  if (!fs::is_character_file("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  // Through a link of our own: should the writer put a file in its place, only the link is lost.
  const std::string full = path("full");
  fs::create_symlink("/dev/full", full);
  const Status status = small_writer().to_file(full);
  EXPECT_TRUE(fs::is_symlink(full));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_EQ(status.error().place, full);
  EXPECT_EQ(status.error().message,
            "the file cannot be written (No space left on device): free some space or name another "
            "place");
  const std::string null = path("null");
  fs::create_symlink("/dev/null", null);
  EXPECT_TRUE(small_writer().to_file(null).ok());
  EXPECT_TRUE(fs::is_symlink(null));
  EXPECT_EQ(files(), 2u);
}

TEST_F(GgufWriter, WritesThroughALinkAndKeepsIt) {
  fs::create_directory(folder_ / "models");
  const std::string real = path("models/model.gguf");
  std::ofstream(real) << "old";
  const std::string link = path("link.gguf");
  fs::create_symlink(real, link);
  ASSERT_TRUE(small_writer().to_file(link).ok());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(contents(real), small_writer().to_bytes().value());
  EXPECT_EQ(files(), 2u);
}

TEST_F(GgufWriter, AFileThatCannotBeFinishedLeavesNothing) {
  const std::string to = path("model.gguf");
  std::ofstream(to) << "old";
  // A limit on file sizes stands in for a disk that fills up half way.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit low = before;
  low.rlim_cur = 100000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const Status status = small_writer().to_file(to);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_EQ(status.error().place, to);
  EXPECT_EQ(files(), 1u);
  std::string old;
  std::ifstream(to) >> old;
  EXPECT_EQ(old, "old");
}

// A disk that is full for a moment: what could be written again afterwards would follow a hole.
TEST_F(GgufWriter, APartThatWasNotWrittenIsNotForgotten) {
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  int calls = 0;
  Writer writer;
  writer.add_tensor("t", kF32Type, {1024, 1024}, [&](std::uint64_t, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), std::byte{1});
    struct rlimit now = before;
    if (++calls == 2) now.rlim_cur = 1;
    ::setrlimit(RLIMIT_FSIZE, &now);
  });
  const Status status = writer.to_file(path("model.gguf"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_EQ(calls, 2) << "nothing more is asked for once a part is lost";
  EXPECT_EQ(files(), 0u);
}

TEST_F(GgufWriter, SaysWhereItCannotWrite) {
  const Status missing = small_writer().to_file(path("none") + "/model.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message,
            "the file cannot be created (No such file or directory): check the path and its "
            "permissions");
  const Status folder = small_writer().to_file(folder_.string());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().message, "this is a folder: name a file inside it");
  EXPECT_EQ(files(), 0u);
}

TEST_F(GgufWriter, ALeftoverOfAnEarlierRunIsNoObstacle) {
  const std::string to = path("model.gguf");
  const std::string leftover = to + ".partial-" + std::to_string(::getpid()) + "-0";
  std::ofstream(leftover) << "leftover";
  ASSERT_TRUE(small_writer().to_file(to).ok());
  EXPECT_EQ(contents(to), small_writer().to_bytes().value());
  EXPECT_EQ(files(), 2u);  // it is not ours to remove
}

}  // namespace
}  // namespace prumo::gguf
