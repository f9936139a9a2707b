// What every verb shares: exit codes, checked output, errors as one sentence, the progress line,
// Ctrl-C.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace prumo::cli {

using Json = nlohmann::ordered_json;

// How the command ends.
inline constexpr int kOk = 0;
inline constexpr int kRuntime = 1;      ///< input or output failed
inline constexpr int kUsage = 2;        ///< an option, or the prompt, cannot be used
inline constexpr int kBadFile = 3;      ///< the model cannot be opened, read or run
inline constexpr int kNoMemory = 4;     ///< the machine does not have what the model needs
inline constexpr int kCancelled = 130;  ///< Ctrl-C, as shells say it

int exit_code(ErrorCode code);

/// "prumo: PLACE: sentence" and the end of the line; control characters become spaces.
std::string sentence_of(const Error& error);

/// Prints that to standard error and returns the exit code.
int fail(const Error& error);

/// The error of a model file: its path goes in front of the place, and a file that cannot be opened
/// counts as a bad model.
Error in_model(const std::string& path, Error error);

Error usage(std::string option, std::string message);

/// Writes all of it to standard output at once. kIo with the reason, once the disk is full or the
/// reader has gone; kCancelled when Ctrl-C came before the end, but not when it had come before.
Status write_out(std::string_view text);

/// Writes and turns the result into an exit code.
int print(std::string_view text);

/// One line of JSON. Bytes that are not UTF-8 are replaced.
std::string to_line(const Json& json);

/// A table for people: columns padded to their widest cell, two spaces between; numbers to the
/// right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> right;  ///< by column

  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_markdown() const;
  [[nodiscard]] std::string to_csv() const;
};

/// A whole file; "-" is standard input. kIo with the path as its place, or kCancelled when Ctrl-C
/// came before the end.
Result<std::string> read_text(const std::string& path);

/// "1,2,3": whole numbers, separated by commas, from least to most, at least one of them. White
/// space around a number is allowed.
Result<std::vector<std::uint64_t>> parse_list(const std::string& option, std::string_view text,
                                              std::uint64_t least, std::uint64_t most);

/// Set by Ctrl-C once `watch_for_interrupt` was called; a second Ctrl-C ends the program as usual.
extern std::atomic<bool> interrupted;
void watch_for_interrupt();

/// A line on standard error that says what takes so long. Shown when standard error is a terminal
/// and more than a second has passed; gone when stopped.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress() { stop(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set(std::string what);
  void stop();

 private:
  void tick();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string what_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace prumo::cli
