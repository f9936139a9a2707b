#include "cli/report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>
#include <utility>

#include "gguf/value.h"

namespace prumo::cli {
namespace {

std::string reason(int number) {
  return std::generic_category().message(number);
}

}  // namespace

std::atomic<bool> interrupted{false};

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadArgument:
    case ErrorCode::kContextFull:
      return kUsage;
    case ErrorCode::kBadModel:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNonFiniteLogits:
      return kBadFile;
    case ErrorCode::kOutOfMemory:
      return kNoMemory;
    case ErrorCode::kCancelled:
      return kCancelled;
    case ErrorCode::kIo:
      return kRuntime;
  }
  return kRuntime;
}

std::string sentence_of(const Error& error) {
  std::string line =
      fmt::format("prumo: {}{}{}", error.place, error.place.empty() ? "" : ": ", error.message);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
  std::replace_if(line.begin(), line.end(), control, ' ');
  if (!line.ends_with('.')) line += '.';
  return line + '\n';
}

int fail(const Error& error) {
  fmt::print(stderr, "{}", sentence_of(error));
  return exit_code(error.code);
}

Error in_model(const std::string& path, Error error) {
  if (error.code == ErrorCode::kIo) error.code = ErrorCode::kBadModel;
  if (exit_code(error.code) != kBadFile && error.code != ErrorCode::kOutOfMemory) return error;
  const std::string shown = path.empty() ? "built-in model" : gguf::printable(path, 4096);
  if (error.place == path) {
    error.place = shown;
  } else {
    error.place = shown + (error.place.empty() ? "" : ": ") + error.place;
  }
  return error;
}

Error usage(std::string option, std::string message) {
  return {ErrorCode::kBadArgument, std::move(option), std::move(message)};
}

Status write_out(std::string_view text) {
  const bool was_interrupted = interrupted;  // then it is what is left to say
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) text.remove_prefix(static_cast<std::size_t>(n));
    if (interrupted && !was_interrupted && !text.empty()) {
      return Error{ErrorCode::kCancelled, "standard output", "Writing was interrupted."};
    }
    if (n >= 0 || errno == EINTR) continue;
    if (errno == EPIPE) {
      return Error{ErrorCode::kIo, "standard output", "The program that read it has ended."};
    }
    return Error{ErrorCode::kIo, "standard output",
                 fmt::format("Writing failed ({}); write to a place with room.", reason(errno))};
  }
  return success();
}

int print(std::string_view text) {
  const Status written = write_out(text);
  return written ? kOk : fail(written.error());
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Table::to_text() const {
  std::vector<std::size_t> widths(header.size(), 0);
  const auto widen = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  };
  widen(header);
  for (const auto& row : rows) widen(row);
  std::string out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? "" : "  ";
      line += right[i] ? fmt::format("{:>{}}", row[i], widths[i])
                       : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add(header);
  for (const auto& row : rows) add(row);
  return out;
}

std::string Table::to_markdown() const {
  const auto line = [](const std::vector<std::string>& row) {
    std::string out = "|";
    for (const std::string& cell : row) {
      out += ' ';
      for (const char c : cell) {
        if (c == '|') out += '\\';
        out += c;
      }
      out += " |";
    }
    return out + "\n";
  };
  std::string out = line(header) + "|";
  for (const bool to_right : right) out += to_right ? " ---: |" : " --- |";
  out += "\n";
  for (const auto& row : rows) out += line(row);
  return out;
}

std::string Table::to_csv() const {
  const auto line = [](const std::vector<std::string>& row) {
    std::string out;
    for (const std::string& cell : row) {
      if (!out.empty()) out += ',';
      std::string quoted = "\"";
      for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
      out += quoted + '"';
    }
    return out + "\n";
  };
  std::string out = line(header);
  for (const auto& row : rows) out += line(row);
  return out;
}

Result<std::string> read_text(const std::string& path) {
  const bool standard = path == "-";
  const int fd = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string place = standard ? "standard input" : path;
  if (fd < 0) {
    return Error{ErrorCode::kIo, place,
                 fmt::format("The file cannot be opened ({}); check the path.", reason(errno))};
  }
  std::string out;
  std::array<char, 65536> part{};
  ssize_t n = 0;
  int failure = 0;
  do {
    n = interrupted ? 0 : ::read(fd, part.data(), part.size());
    failure = interrupted ? EINTR : n < 0 ? errno : 0;
    if (n > 0) out.append(part.data(), static_cast<std::size_t>(n));
  } while (n > 0 || (failure == EINTR && !interrupted));
  if (!standard) ::close(fd);
  if (failure == EINTR) return Error{ErrorCode::kCancelled, place, "Reading was interrupted."};
  if (failure != 0) {
    return Error{ErrorCode::kIo, place, fmt::format("Reading failed ({}).", reason(failure))};
  }
  return out;
}

Result<std::vector<std::uint64_t>> parse_list(const std::string& option, std::string_view text,
                                              std::uint64_t least, std::uint64_t most) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::string_view whole = text;
  std::vector<std::uint64_t> out;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    item.remove_prefix(std::min(item.find_first_not_of(kBlank), item.size()));
    item = item.substr(0, item.find_last_not_of(kBlank) + 1);
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (fault != std::errc{} || end != item.data() + item.size() || value < least || value > most) {
      const std::string shown(item.empty() ? whole.substr(0, 20) : item.substr(0, 20));
      return usage(option, fmt::format("'{}' should be whole numbers from {} to {}, separated by "
                                       "commas",
                                       shown, least, most));
    }
    out.push_back(value);
    if (comma == text.size()) return out;
    text.remove_prefix(comma + 1);
  }
}

void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
}

Progress::Progress(std::string what) : what_(std::move(what)) {
  if (::isatty(STDERR_FILENO) != 0) thread_ = std::thread([this] { tick(); });
}

void Progress::set(std::string what) {
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
}

void Progress::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Progress::tick() {
  constexpr auto kPatience = std::chrono::milliseconds(1000);
  constexpr auto kStep = std::chrono::milliseconds(500);
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  bool shown = false;
  for (auto wait = kPatience; !wake_.wait_for(lock, wait, [this] { return stopped_; });
       wait = kStep) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    // Back to the left, the text, and clear what is behind it.
    fmt::print(stderr, "\r{:.70} ({:.0f} s)\x1b[K", what_, passed.count());
    std::fflush(stderr);
    shown = true;
  }
  if (shown) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace prumo::cli
