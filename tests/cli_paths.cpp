// Model files that are odd as files: one that shrinks while it is read, names that no terminal
// should be sent.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "support/command.h"

namespace prumo {
namespace {

using namespace testing;

// A pipe with the prompt is opened once the model is mapped: then the file loses its end.
TEST(Paths, AFileThatShrinksWhileItIsReadIsOneSentence) {
  const std::string model = (folder() / "shrinks.gguf").string();
  const std::string pipe = (folder() / "prompt").string();
  ASSERT_EQ(run({"bench", "--synthetic", "64x1:2:1:64:3000:F32", "--write", model}).code, 0);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread shortens([&] {
    int writer = -1;
    for (int i = 0; i < 2000 && writer < 0; ++i) {  // until somebody reads
      writer = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (writer < 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (writer < 0) return;
    std::filesystem::resize_file(model, 4096);
    [[maybe_unused]] const auto written = ::write(writer, "a b", 3);
    ::close(writer);
  });
  const Ended ended = run({"generate", "-m", model, "-f", pipe, "-n", "3"});
  shortens.join();
  expect_failure(ended, 1, model + ": The file became shorter");
}

TEST(Paths, ControlCharactersOfAPathStayInside) {
  const std::string path = put("red\x1B[31m\nline.gguf", "no model");
  for (const char* verb : {"info", "generate", "tokenize"}) {
    const Ended ended = run({verb, "-m", path, "-p", "x"});
    EXPECT_EQ(ended.err.find('\x1B'), std::string::npos) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
  const std::string good = put("green\x1B[32m\n.gguf", builtin_bytes());
  const std::string said = run({"info", "-m", good}).out;
  EXPECT_EQ(said.find('\x1B'), std::string::npos);
  EXPECT_NE(said.find("\\x1B[32m\\x0A.gguf"), std::string::npos) << said.substr(0, 200);
}

}  // namespace
}  // namespace prumo
