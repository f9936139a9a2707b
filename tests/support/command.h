// The real command, run as a user runs it: arguments and standard input in, output, sentences and
// exit code out.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/builtin.h"

extern char** environ;

namespace prumo::testing {

struct Ended {
  int code = -1;  // -1: by a signal
  std::string out;
  std::string err;
};

// A folder of its own for each test program, gone with it.
inline const std::filesystem::path& folder() {
  static const struct Folder {
    Folder() {
      std::string name = (std::filesystem::temp_directory_path() / "prumo-cli-XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
  } folder;
  return folder.path;
}

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string put(const std::string& name, std::string_view bytes) {
  const auto path = folder() / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

struct Streams {
  std::string in = {};
  std::string out_path = {};  // where standard output goes instead, such as /dev/full
  int out_fd = -1;            // or an open file
  std::vector<std::string> environment = {};  // "PRUMO_ISA=scalar"; else what this program has
};

// Where the command's standard output and standard error go.
inline std::string out_path(const Streams& streams) {
  return streams.out_path.empty() ? (folder() / "out").string() : streams.out_path;
}
inline std::string err_path() {
  return (folder() / "err").string();
}

// Starts the command; the process, or -1.
inline pid_t start(const std::vector<std::string>& arguments, const Streams& streams = {}) {
  const std::string in = put("in", streams.in);
  const std::string out = out_path(streams);
  const std::string err = err_path();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (streams.out_fd >= 0) posix_spawn_file_actions_adddup2(&actions, streams.out_fd, 1);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);

  std::vector<std::string> words = {PRUMO_CLI_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment = streams.environment;
  for (char** each = environ; *each != nullptr; ++each) {
    environment.emplace_back(*each);  // the first of two of a name counts
  }
  std::vector<char*> envp;
  for (std::string& each : environment) envp.push_back(each.data());
  envp.push_back(nullptr);

  pid_t child = -1;
  const int failure =
      ::posix_spawn(&child, PRUMO_CLI_BINARY, &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(failure, 0) << "the command " PRUMO_CLI_BINARY " cannot be started";
  return failure == 0 ? child : -1;
}

// Waits for what start() gave with the same streams.
inline Ended wait_for(pid_t child, const Streams& streams = {}) {
  if (child < 0) return {};
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          streams.out_path.empty() ? contents(out_path(streams)) : std::string(),
          contents(err_path())};
}

inline Ended run(const std::vector<std::string>& arguments, const Streams& streams = {}) {
  return wait_for(start(arguments, streams), streams);
}

// The rule for every failure: that code, nothing on standard output, one sentence on standard error
// that names what is wrong.
inline void expect_failure(const Ended& ended, int code, const std::string& part) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_TRUE(ended.err.starts_with("prumo: ")) << ended.err;
  EXPECT_TRUE(ended.err.ends_with(".\n")) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_NE(ended.err.find(part), std::string::npos) << part << " is not in: " << ended.err;
}

inline std::string builtin_bytes() {
  const auto bytes = builtin_model();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::vector<std::string> with(std::vector<std::string> words,
                                     const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace prumo::testing
