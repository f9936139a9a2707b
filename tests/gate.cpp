// The gate before the benchmarks: what is a stamp, what it vouches for, and that a real benchmark
// refuses without one.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/stamp.h"

namespace {

using namespace prumo::bench;

const std::string kOther = "prumo-library-sha256:" + std::string(64, '0');

// A folder of this test's own, gone when it ends.
class Gate : public ::testing::Test {
 protected:
  Gate() {
    folder_ = ::testing::TempDir() + "prumo gate " + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
  }
  ~Gate() override { std::filesystem::remove_all(folder_); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string plant(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  std::string stamp_of(const std::string& library) {
    return plant("proof.stamp", format_stamp({library, "7", "2026-01-01T00:00:00Z"}));
  }

  std::string folder_;
};

struct Outcome {
  int status;
  std::string out;  // both streams
};

[[maybe_unused]] Outcome run(const std::string& program, const std::string& arguments) {
  const std::string command = "\"" + program + "\" " + arguments + " 2>&1 </dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    out.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

[[maybe_unused]] std::string in_quotes(const std::string& text) {
  return "\"" + text + "\"";
}

TEST_F(Gate, TheHashIsTextOf64Digits) {
  const std::string hash = prumo_library_hash;
  ASSERT_EQ(hash.size(), kOther.size());
  EXPECT_TRUE(hash.starts_with("prumo-library-sha256:"));
  EXPECT_EQ(hash.find_first_not_of("0123456789abcdef", 21), std::string::npos);
}

TEST_F(Gate, AStampIsReadBack) {
  const auto stamp = parse_stamp(format_stamp({kOther, "12", "now"}));
  ASSERT_TRUE(stamp.has_value());
  EXPECT_EQ(stamp->library, kOther);
  EXPECT_EQ(stamp->tests, "12");
  EXPECT_EQ(stamp->date, "now");
}

TEST_F(Gate, AnythingElseIsNoStamp) {
  const std::string good = format_stamp({kOther, "12", "now"});
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(parse_stamp(good.substr(0, n)).has_value()) << n << " bytes";
  }
  EXPECT_FALSE(parse_stamp(good + "\n").has_value());
  EXPECT_FALSE(parse_stamp("x" + good).has_value());
}

TEST_F(Gate, OnlyTheSameLibraryIsProved) {
  EXPECT_EQ(why_unproved(stamp_of(kOther), kOther), "");
  EXPECT_TRUE(has(why_unproved(stamp_of(kOther), prumo_library_hash), "another library"));
  EXPECT_TRUE(has(why_unproved(path("none"), kOther), "no passing ctest"));
  EXPECT_TRUE(has(why_unproved(plant("text", "library\n"), kOther), "not a stamp"));
}

#ifdef PRUMO_STAMP_PROGRAM
TEST_F(Gate, TheStampIsMadeCheckedAndRemoved) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  plant("proof.programs", self + "\n");
  plant("proof.tests", "a\nb\n");
  const auto stamp = [&](const std::string& verb) {
    return run(PRUMO_STAMP_PROGRAM, verb + " " + in_quotes(folder_));
  };
  EXPECT_EQ(stamp("check").status, 1);  // none yet
  const Outcome made = stamp("make");
  ASSERT_EQ(made.status, 0) << made.out;
  EXPECT_EQ(why_unproved(path("proof.stamp"), prumo_library_hash), "");
  EXPECT_EQ(parse_stamp(*read_file(path("proof.stamp")))->tests, "2");
  EXPECT_EQ(stamp("check").status, 0);

  plant("proof.tests", "a\nb\nc\n");
  EXPECT_TRUE(has(stamp("check").out, "other tests"));
  plant("proof.tests", "a\nb\n");
  stamp_of(kOther);
  EXPECT_TRUE(has(stamp("check").out, "another library"));

  EXPECT_EQ(stamp("begin").status, 0);
  EXPECT_FALSE(std::filesystem::exists(path("proof.stamp")));
  EXPECT_EQ(stamp("begin").status, 0);  // nothing to remove is no error
}

TEST_F(Gate, AProgramOfAnotherLibraryVouchesForNothing) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string stale = plant("stale program", "some bytes " + kOther + " and more");
  plant("proof.programs", self + "\n" + stale + "\n");
  plant("proof.tests", "a\n");
  const Outcome made = run(PRUMO_STAMP_PROGRAM, "make " + in_quotes(folder_));
  EXPECT_EQ(made.status, 1);
  EXPECT_TRUE(has(made.out, "stale program is linked with another library")) << made.out;
  EXPECT_FALSE(std::filesystem::exists(path("proof.stamp")));
}

TEST_F(Gate, AProgramLinkedAfterTheStampNeedsANewOne) {
  const std::string copy = plant("program", *read_file("/proc/self/exe"));
  plant("proof.programs", copy + "\n");
  plant("proof.tests", "a\n");
  ASSERT_EQ(run(PRUMO_STAMP_PROGRAM, "make " + in_quotes(folder_)).status, 0);
  const auto made = std::filesystem::last_write_time(path("proof.stamp"));
  std::filesystem::last_write_time(copy, made + std::chrono::seconds(1));
  EXPECT_TRUE(has(run(PRUMO_STAMP_PROGRAM, "check " + in_quotes(folder_)).out, "newer"));
}

TEST_F(Gate, NoProgramsVouchForNothing) {
  plant("proof.programs", "\n");
  plant("proof.tests", "a\n");
  EXPECT_EQ(run(PRUMO_STAMP_PROGRAM, "make " + in_quotes(folder_)).status, 1);
}
#endif

#ifdef PRUMO_PROBE_PROGRAM
TEST_F(Gate, ABenchmarkRunsWithItsStamp) {
  const Outcome got =
      run(PRUMO_PROBE_PROGRAM, "--stamp " + in_quotes(stamp_of(prumo_library_hash)));
  EXPECT_EQ(got.status, 0) << got.out;
  EXPECT_TRUE(has(got.out, "nothing/iterations:1")) << got.out;
  EXPECT_TRUE(has(got.out, "proof: passed")) << got.out;
  EXPECT_FALSE(has(got.out, "UNPROVED")) << got.out;
}

TEST_F(Gate, ABenchmarkRefusesWithoutAStampOrWithAnothers) {
  for (const std::string& stamp : {path("none"), stamp_of(kOther), plant("empty", "")}) {
    const Outcome got = run(PRUMO_PROBE_PROGRAM, "--stamp " + in_quotes(stamp));
    EXPECT_EQ(got.status, 1);
    EXPECT_TRUE(got.out.starts_with("Nothing was timed: ")) << got.out;
    EXPECT_EQ(got.out.find('\n'), got.out.size() - 1) << "one line: " << got.out;
    EXPECT_FALSE(has(got.out, "nothing/iterations:1")) << got.out;
  }
}

TEST_F(Gate, EveryFormatOfAnUnprovedRunSaysSo) {
  for (const std::string format : {"console", "json", "csv"}) {
    const std::string file = path("out");
    const Outcome got =
        run(PRUMO_PROBE_PROGRAM,
            "--unproved --stamp " + in_quotes(stamp_of(kOther)) + " --benchmark_format=" + format +
                " --benchmark_out_format=" + format + " --benchmark_out=" + in_quotes(file));
    EXPECT_EQ(got.status, 0) << got.out;
    EXPECT_TRUE(got.out.starts_with("UNPROVED: the stamp at ")) << got.out;
    const std::string written = read_file(file).value_or("");
    const std::string row = "nothing/iterations:1";
    for (const std::string& text : {got.out, written}) {
      ASSERT_TRUE(has(text, row)) << format << ": " << text;
      EXPECT_TRUE(has(text.substr(text.find(row)), "UNPROVED")) << format << ": " << text;
    }
  }
}

TEST_F(Gate, TheContextSaysWhatWasTimed) {
  const Outcome got = run(PRUMO_PROBE_PROGRAM, "--benchmark_format=json --stamp " +
                                                   in_quotes(stamp_of(prumo_library_hash)));
  for (const char* key : {"commit", "compiler", "flags", "isa", "cpu", "library", "proof"}) {
    EXPECT_TRUE(has(got.out, "\"" + std::string(key) + "\": \"")) << key << " in " << got.out;
  }
  EXPECT_TRUE(has(got.out, prumo_library_hash));
}

TEST_F(Gate, WrongArgumentsAreUsageErrors) {
  EXPECT_EQ(run(PRUMO_PROBE_PROGRAM, "--stamp").status, 2);
  EXPECT_EQ(run(PRUMO_PROBE_PROGRAM, "--unproved --no-such-flag").status, 2);
}
#endif

}  // namespace
