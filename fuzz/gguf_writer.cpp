// Any calls of the GGUF writer: what may be written is what a plain builder lays out, byte for
// byte, in memory and on disk, whether the data of a tensor is there or comes in parts; what may
// not is refused with the name of a key or tensor that breaks a rule, and leaves nothing behind.
//
// Input: u8 version, u8 place on disk (see on_disk), then calls. A call is u8 what: a key (see
// add_key) when it is below 128, else a tensor (see add_tensor); then u8 name, and operands.
#include "gguf/writer.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gguf/value.h"
#include "support/check.h"
#include "support/gguf_builder.h"

namespace prumo::fuzz {
namespace {

using testing::Bytes;
using testing::GgufBuilder;
using testing::GgufKey;
__extension__ using Wide = unsigned __int128;

const std::vector<std::string>& names() {
  static const std::vector<std::string> kNames = {"a",
                                                  "b",
                                                  "general.alignment",
                                                  "general.name",
                                                  std::string(63, 'n'),
                                                  std::string(64, 'n'),
                                                  "",
                                                  "\xC3\xA9",
                                                  "x.y",
                                                  "c",
                                                  "d",
                                                  std::string(65535, 'k'),
                                                  std::string(65536, 'k')};
  return kNames;
}

// Types by number, with their blocks; without elements: no type.
struct Stored {
  std::uint32_t type;
  std::uint64_t elements, bytes;
};
constexpr Stored kTypes[] = {{0, 1, 4},      {1, 1, 2},  {24, 1, 1},     {8, 32, 34},
                             {12, 256, 144}, {30, 1, 2}, {14, 256, 210}, {27, 1, 8},
                             {40, 64, 36},   {4, 0, 0},  {31, 0, 0},     {43, 0, 0}};
constexpr std::uint64_t kDims[] = {1,
                                   2,
                                   3,
                                   32,
                                   256,
                                   64,
                                   7,
                                   128,
                                   0,
                                   512,
                                   std::uint64_t{1} << 32,
                                   std::uint64_t{1} << 62,
                                   (std::uint64_t{1} << 63) - 1};
constexpr std::uint32_t kAlignments[] = {8, 16, 64, 256, 32, 1u << 20, 4, 0, 12, 2u << 20};
constexpr std::uint64_t kMostBytes = std::uint64_t{3} << 20;  // of a tensor that is really made

/// The calls made so far, and what they should lead to.
struct Plan {
  explicit Plan(std::uint32_t version) : writer(version) { wanted.version = version; }
  gguf::Writer writer;
  GgufBuilder wanted;
  std::set<std::string> faults;  ///< places, cut to kShown bytes
  std::vector<std::unique_ptr<std::byte[]>> data;
  std::vector<std::uint64_t> bytes;             ///< of each tensor
  std::map<std::size_t, std::uint64_t> filled;  ///< bytes asked for so far, by tensor
  bool huge = false;                            ///< too large to be made
};
constexpr std::size_t kShown = 40;

void fault(Plan& plan, const std::string& place) {
  plan.faults.insert(place.substr(0, kShown));
}

template <class F>
void with_scalar(std::size_t which, F&& f) {
  switch (which % 11) {
    case 0:
      return f(std::uint8_t{});
    case 1:
      return f(std::int8_t{});
    case 2:
      return f(std::uint16_t{});
    case 3:
      return f(std::int16_t{});
    case 4:
      return f(std::uint32_t{});
    case 5:
      return f(std::int32_t{});
    case 6:
      return f(std::uint64_t{});
    case 7:
      return f(std::int64_t{});
    case 8:
      return f(float{});
    case 9:
      return f(double{});
    default:
      return f(bool{});
  }
}

template <class T>
T take_value(Input& in) {
  if constexpr (std::same_as<T, bool>) {
    return in.take<std::uint8_t>() % 2 == 1;
  } else {
    return in.take<T>();
  }
}

std::string take_text(Input& in) {
  std::string text(in.take<std::uint8_t>() % 9u, '\0');
  for (char& c : text) c = in.take<char>();
  return text;
}

/// A copy of the value, by way of a file that has it.
void add_copy(Plan& plan, const GgufKey& entry) {
  const Bytes file = GgufBuilder().raw("v", entry.type, entry.payload).build();
  const auto parsed = gguf::File::parse(file);
  CHECK(parsed.ok() && parsed->keys().size() == 1, "a file of one value");
  plan.writer.add_value(entry.key, parsed->keys()[0].value);
}

/// u8 type, then a value or a list; alignments come from a list of good and bad ones.
void add_key(Input& in, Plan& plan, unsigned what, const std::string& key) {
  const std::size_t type = in.take<std::uint8_t>();
  const bool copied = what % 8 >= 4;
  bool bad_alignment = key == "general.alignment";
  for (const GgufKey& other : plan.wanted.keys) {
    if (other.key == key) fault(plan, key);
  }
  if (bad_alignment && type % 4 != 0) {
    const std::uint32_t alignment = kAlignments[in.take<std::uint8_t>() % std::size(kAlignments)];
    bad_alignment = alignment < 8 || alignment > 1u << 20 || (alignment & (alignment - 1)) != 0;
    plan.wanted.align(alignment);
    if (!copied) plan.writer.add(key, alignment);
  } else if (what % 4 == 0) {
    with_scalar(type, [&](auto zero) {
      using T = decltype(zero);
      const T value = take_value<T>(in);
      plan.wanted.add(key, value);
      if constexpr (std::same_as<T, std::uint32_t>) {
        if (bad_alignment) plan.wanted.keys.back().type = 5;  // any bits would be an alignment
      }
      if (copied) return;
      if (bad_alignment && std::same_as<T, std::uint32_t>) {
        plan.writer.add(key, static_cast<std::int32_t>(value));
      } else {
        plan.writer.add(key, value);
      }
    });
  } else if (what % 4 == 1) {
    with_scalar(type, [&](auto zero) {
      using T = decltype(zero);
      std::vector<T> items;
      for (std::size_t n = in.take<std::uint8_t>() % 6u; n > 0; --n)
        items.push_back(take_value<T>(in));
      plan.wanted.add_array<T>(key, items);
      if (!copied) plan.writer.add_array(key, items);
    });
  } else if (what % 4 == 2) {
    const std::string text = take_text(in);
    plan.wanted.add(key, text);
    if (!copied) plan.writer.add(key, text);
  } else {
    std::vector<std::string> items;
    for (std::size_t n = in.take<std::uint8_t>() % 4u; n > 0; --n) items.push_back(take_text(in));
    plan.wanted.add_array<std::string>(key, items);
    if (!copied) plan.writer.add_array(key, items);
  }
  if (copied) add_copy(plan, plan.wanted.keys.back());
  if (bad_alignment || key.empty() || key.size() > 65535) fault(plan, key);
}

/// The bytes of such a tensor, or nothing when there is none.
std::optional<std::uint64_t> bytes_of(const Stored& stored,
                                      const std::vector<std::uint64_t>& dims) {
  constexpr Wide kMost = ~std::uint64_t{0};
  if (dims.empty() || dims.size() > 4 || stored.elements == 0) return {};
  Wide elements = 1;
  for (const std::uint64_t dim : dims) {
    elements *= dim;
    if (elements == 0 || elements >= Wide{1} << 63) return {};
  }
  const Wide bytes = elements / stored.elements * stored.bytes;
  if (dims[0] % stored.elements != 0 || bytes > kMost) return {};
  return static_cast<std::uint64_t>(bytes);
}

/// u8 type, u8 number of dimensions, one u8 each, u8 seed of the data; what % 4: 0, 1 the data is
/// there, 2 it comes in parts, 3 it is there and a byte too long or short.
void add_tensor(Input& in, Plan& plan, unsigned what, const std::string& name) {
  const Stored& stored = kTypes[in.take<std::uint8_t>() % std::size(kTypes)];
  const std::size_t sizes = in.take<std::uint8_t>();
  std::vector<std::uint64_t> dims(sizes < 200 ? 1 + sizes % 3 : sizes % 6);
  for (std::uint64_t& dim : dims) dim = kDims[in.take<std::uint8_t>() % std::size(kDims)];
  const auto seed = in.take<std::uint8_t>();
  // Data of more than one part is worth having now and then.
  if (seed == 255 && plan.data.empty() && stored.elements != 0) dims = {stored.elements, 8192};
  const auto bytes = bytes_of(stored, dims);
  for (const auto& other : plan.wanted.tensors) {
    if (other.name == name) fault(plan, name);
  }
  if (name.empty() || name.size() > 63 || !bytes) fault(plan, name);
  const bool made = bytes && *bytes <= kMostBytes;
  const bool parts = what % 4 == 2;
  if (bytes && !made && !parts) fault(plan, name);  // it is given nothing
  if (bytes && !made) plan.huge = true;
  Bytes data(made ? *bytes : 0);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>(seed + 7 * i + (i >> 8));
  plan.bytes.push_back(bytes.value_or(0));
  plan.data.push_back(exact_copy<std::byte>(data.data(), data.size()));
  const std::byte* const from = plan.data.back().get();
  const std::size_t n = data.size();
  if (parts) {
    const std::size_t which = plan.wanted.tensors.size();
    plan.filled[which] = 0;
    plan.writer.add_tensor(name, stored.type, dims,
                           [&plan, from, n, which, block = stored.bytes](std::uint64_t offset,
                                                                         std::span<std::byte> out) {
                             std::uint64_t& done = plan.filled.at(which);
                             if (offset == 0) done = 0;
                             CHECK(offset == done && out.size() <= n - offset, "a gap or too much");
                             CHECK(!out.empty() && out.size() % block == 0, "no whole blocks");
                             std::memcpy(out.data(), from + offset, out.size());
                             done += out.size();
                           });
  } else if (what % 4 == 3 && n != 0) {
    plan.writer.add_tensor(name, stored.type, dims, {from, n - 1});
    fault(plan, name);
  } else {
    plan.writer.add_tensor(name, stored.type, dims, {from, n});
  }
  plan.wanted.add_tensor(name, stored.type, dims, std::move(data));
}

/// A folder of this process' own, in memory where the system has such a place.
class Folder {
 public:
  Folder() {
    path_ = (::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + std::string("/prumo-XXXXXX");
    CHECK(::mkdtemp(path_.data()) != nullptr, path_);
  }
  ~Folder() { ::rmdir(path_.c_str()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> out;
    DIR* const folder = ::opendir(path_.c_str());
    while (const dirent* entry = folder == nullptr ? nullptr : ::readdir(folder))
      if (entry->d_name[0] != '.') out.insert(entry->d_name);
    if (folder != nullptr) ::closedir(folder);
    return out;
  }

 private:
  std::string path_;
};

/// While it lives, no file grows beyond a few bytes.
class SmallFiles {
 public:
  SmallFiles() {
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0, "limits");
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = before_;
    limit.rlim_cur = 8;
    CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "limits");
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  struct rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

Bytes read(const std::string& path) {
  Bytes out;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  CHECK(file != nullptr, path);
  std::byte block[4096];
  while (const std::size_t n = std::fread(block, 1, sizeof block, file))
    out.insert(out.end(), block, block + n);
  std::fclose(file);
  return out;
}

void write(const std::string& path, std::string_view text) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  CHECK(file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size(), path);
  std::fclose(file);
}

/// Writes to a new file (0), over an old one (1), through a link to one (2), to where a folder is
/// (3) or none is (4), to devices that take all (5) or nothing (6), over an old one that may not
/// grow so large (7). `wanted`: null if it is to be refused.
void on_disk(unsigned place, const Plan& plan, const Bytes* wanted) {
  static const Folder kFolder;
  const std::string file = kFolder.path() + "/file", link = kFolder.path() + "/link";
  const std::string old = "what was there before";
  if (place == 1 || place == 2 || place == 7) write(file, old);
  if (place == 2) CHECK(::symlink("file", link.c_str()) == 0, link);
  const std::string paths[] = {
      file,        file,        link, kFolder.path(), kFolder.path() + "/no/file",
      "/dev/null", "/dev/full", file};
  const auto before = kFolder.files();
  std::optional<SmallFiles> limit;
  if (place == 7) limit.emplace();
  const Status written = plan.writer.to_file(paths[place]);
  limit.reset();
  const bool good = wanted != nullptr && (place < 3 || place == 5);
  CHECK(written.ok() == good, paths[place] + (written ? "" : ": " + written.error().message));
  if (!good && wanted != nullptr) {
    CHECK(written.error().code == ErrorCode::kIo && written.error().place == paths[place],
          written.error().place);
  }
  auto after = before;
  if (good && place == 0) after.insert("file");
  CHECK(kFolder.files() == after, "files left behind or gone");
  if (after.contains("file")) {
    const Bytes found = read(file);
    CHECK(
        good ? found == *wanted
             : found.size() == old.size() && std::memcmp(found.data(), old.data(), old.size()) == 0,
        "what the file holds");
  }
  struct stat status {};
  if (place == 2) CHECK(::lstat(link.c_str(), &status) == 0 && S_ISLNK(status.st_mode), "a link");
  ::unlink(file.c_str());
  ::unlink(link.c_str());
}

/// The size by the rules, where all else is sound; it adds a fault for each tensor with which that
/// reaches 2^63, among other faults too.
std::uint64_t size_of(Plan& plan) {
  const Wide alignment = plan.wanted.alignment;
  if (alignment == 0) return 0;
  const std::size_t head = plan.wanted.head().size();
  if (plan.wanted.tensors.empty()) return head;
  Wide end = 0;
  for (std::size_t i = 0; i < plan.bytes.size(); ++i) {
    end = (end + plan.bytes[i] + alignment - 1) / alignment * alignment;
    if (end >= Wide{1} << 63) fault(plan, plan.wanted.tensors[i].name);
  }
  return plan.wanted.padded(head) + static_cast<std::uint64_t>(end);
}

void refused(const Plan& plan, const Error& error) {
  CHECK(error.code == ErrorCode::kBadArgument && !error.message.empty(), error.message);
  std::string allowed;
  for (const std::string& place : plan.faults) allowed += " '" + place + "'";
  CHECK(plan.faults.contains(error.place.substr(0, kShown)),
        error.place + " is not among" + allowed + ": " + error.message);
}

void run(Input& in) {
  constexpr std::uint32_t kVersions[] = {3, 3, 2, 3, 2, 3, 1, 4, 0};
  Plan plan(kVersions[in.take<std::uint8_t>() % std::size(kVersions)]);
  if (plan.wanted.version != 2 && plan.wanted.version != 3) fault(plan, "");
  const unsigned place = in.take<std::uint8_t>() % 16;
  for (std::size_t i = 0; in.size() != 0 && i < 16; ++i) {
    const unsigned what = in.take<std::uint8_t>();
    const std::size_t which = in.take<std::uint8_t>();
    const std::string& name =
        names()[which < 240 ? which % (names().size() - 2) : which % names().size()];
    what < 128 ? add_key(in, plan, what, name) : add_tensor(in, plan, what, name);
  }
  const std::uint64_t bytes = size_of(plan);
  const auto size = plan.writer.size();
  CHECK(size.ok() == plan.faults.empty(),
        size ? "written in spite of a fault" : size.error().message);
  if (size) CHECK(*size == bytes, std::to_string(*size) + " is not " + std::to_string(bytes));
  if (!size) refused(plan, size.error());
  if (size && plan.huge) return;
  const auto made = plan.writer.to_bytes();
  CHECK(made.ok() == size.ok(), "size() and to_bytes() disagree");
  if (!made) {
    refused(plan, made.error());
    if (place < 8) on_disk(place, plan, nullptr);
    return;
  }
  const Bytes wanted = plan.wanted.build();
  CHECK(*made == wanted, "bytes");
  CHECK(gguf::File::parse(wanted).ok(), "what is written can be read");
  if (place < 8) on_disk(place, plan, &wanted);
  for (const auto& [tensor, done] : plan.filled) CHECK(done == plan.bytes[tensor], "data left out");
}

}  // namespace
}  // namespace prumo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prumo::fuzz::Input in(data, size);
  prumo::fuzz::run(in);
  return 0;
}
