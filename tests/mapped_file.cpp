// MappedFile: the bytes of a file, what cannot be mapped, and that nothing is left behind.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support/mapped.h"

namespace prumo {
namespace {

using testing::resident;

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "prumo-mapped-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A file of n bytes, the i-th being i % 251.
  [[nodiscard]] std::string file_of(std::size_t n) const {
    std::vector<char> bytes(n);
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i % 251);
    std::string path = (folder_ / ("f" + std::to_string(n))).string();
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(n));
    return path;
  }

  fs::path folder_;
};

bool holds_pattern(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != static_cast<std::byte>(i % 251)) return false;
  }
  return true;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

TEST_F(MappedFileTest, HasTheBytesOfTheFile) {
  for (const std::size_t n : {1u, 2u, 4095u, 4096u, 4097u, 70000u}) {
    const Result<MappedFile> file = MappedFile::open(file_of(n));
    ASSERT_TRUE(file.ok()) << n;
    EXPECT_EQ(file->bytes().size(), n);
    EXPECT_TRUE(holds_pattern(file->bytes())) << n;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file->bytes().data()) % 4096, 0u);
  }
}

TEST_F(MappedFileTest, MovesAndLetsGo) {
  const std::string first = file_of(5000);
  const std::string second = file_of(6000);
  const std::size_t descriptors = open_descriptors();
  {
    Result<MappedFile> result = MappedFile::open(first);
    MappedFile a = std::move(result).value();
    MappedFile b = MappedFile::open(second).value();
    EXPECT_EQ(open_descriptors(), descriptors);  // a mapping needs none
    b = std::move(a);
    EXPECT_TRUE(
        a.bytes().empty());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    EXPECT_EQ(b.bytes().size(), 5000u);
    EXPECT_TRUE(holds_pattern(b.bytes()));
    EXPECT_TRUE(resident(first).mapped);
    EXPECT_FALSE(resident(second).mapped);
    MappedFile& same = b;
    b = std::move(same);
    EXPECT_EQ(b.bytes().size(), 5000u);
  }
  EXPECT_FALSE(resident(first).mapped);
}

TEST_F(MappedFileTest, AdviceDropsWholePagesAndKeepsTheBytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t n = 64 * page + 100;
  const std::string path = file_of(n);
  const MappedFile file = MappedFile::open(path).value();
  ASSERT_TRUE(holds_pattern(file.bytes()));
  const std::size_t before = resident(path).kib;
  EXPECT_GE(before, 64 * page / 1024);
  file.advise_unneeded({});
  file.advise_unneeded(file.bytes().subspan(page + 1, page - 2));  // no whole page inside
  EXPECT_EQ(resident(path).kib, before);
  file.advise_unneeded(file.bytes().subspan(page - 1, 32 * page + 2));
  EXPECT_EQ(resident(path).kib, before - 32 * page / 1024);
  EXPECT_TRUE(holds_pattern(file.bytes()));
  file.advise_unneeded(file.bytes());  // the last page, too, belongs to the file alone
  EXPECT_EQ(resident(path).kib, 0u);
  EXPECT_TRUE(holds_pattern(file.bytes()));
}

void expect_error(const std::string& path, ErrorCode code, const std::string& message) {
  const Result<MappedFile> file = MappedFile::open(path);
  ASSERT_FALSE(file.ok()) << path;
  EXPECT_EQ(file.error().code, code);
  EXPECT_EQ(file.error().place, path);
  EXPECT_EQ(file.error().message, message);
}

TEST_F(MappedFileTest, MissingFile) {
  const std::string sentence = "there is no such file: check the path";
  expect_error((folder_ / "none").string(), ErrorCode::kIo, sentence);
  expect_error(file_of(1) + "/below-a-file", ErrorCode::kIo, sentence);
  expect_error("", ErrorCode::kIo, sentence);
  expect_error(file_of(1) + std::string("\0tail", 5), ErrorCode::kIo, sentence);
}

TEST_F(MappedFileTest, Folder) {
  expect_error(folder_.string(), ErrorCode::kIo, "this is a folder: name a file inside it");
}

TEST_F(MappedFileTest, EmptyFile) {
  expect_error(file_of(0), ErrorCode::kBadModel, "the file is empty: copy or download it again");
}

TEST_F(MappedFileTest, PipeOrDevice) {
  const std::string sentence = "this is a device or a pipe: name a regular file";
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_error(pipe, ErrorCode::kIo, sentence);  // without waiting for a writer
  expect_error("/dev/null", ErrorCode::kIo, sentence);
}

TEST_F(MappedFileTest, NoPermission) {
  const std::string path = file_of(10);
  fs::permissions(folder_, fs::perms::all);
  fs::permissions(path, fs::perms::none);
  const bool root = ::geteuid() == 0;  // root may read anything, so it becomes somebody else
  if (root && ::seteuid(65534) != 0) GTEST_SKIP() << "root may read any file and cannot step down";
  const Result<MappedFile> file = MappedFile::open(path);
  ASSERT_TRUE(!root || ::seteuid(0) == 0);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_EQ(file.error().message, "no permission to read this file: check its owner and mode");
}

TEST_F(MappedFileTest, RefusalsLeaveNoDescriptor) {
  const std::string empty = file_of(0);
  const std::size_t before = open_descriptors();
  EXPECT_FALSE(MappedFile::open(empty).ok());
  EXPECT_FALSE(MappedFile::open(folder_.string()).ok());
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace prumo
