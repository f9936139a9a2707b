// Opening, mapping and letting go of a file (POSIX).
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace prumo {
namespace {

/// Closes on every way out. The mapping stays valid without its descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error io_error(const std::string& path, std::string sentence) {
  return {ErrorCode::kIo, path, std::move(sentence)};
}

Error open_error(const std::string& path, int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return io_error(path, "there is no such file: check the path");
    case EACCES:
    case EPERM:
      return io_error(path, "no permission to read this file: check its owner and mode");
    default:
      return io_error(path, "the file cannot be opened (" +
                                std::generic_category().message(number) + "): check the path");
  }
}

int open_retrying(const char* path) {
  int fd = -1;
  // Non-blocking, so that a pipe without a writer is refused below instead of waited for.
  do {
    fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  if (path.find('\0') != std::string::npos) return open_error(path, ENOENT);
  const Descriptor fd(open_retrying(path.c_str()));
  if (fd.get() < 0) return open_error(path, errno);

  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return open_error(path, errno);
  if (S_ISDIR(status.st_mode)) {
    return io_error(path, "this is a folder: name a file inside it");
  }
  if (!S_ISREG(status.st_mode)) {
    return io_error(path, "this is a device or a pipe: name a regular file");
  }
  if (status.st_size == 0) {
    return Error{ErrorCode::kBadModel, path, "the file is empty: copy or download it again"};
  }

  const auto size = static_cast<std::size_t>(status.st_size);
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) {
    const int number = errno;
    return io_error(path, "the file cannot be mapped into memory (" +
                              std::generic_category().message(number) +
                              "): check the limit on address space (ulimit -v)");
  }
  return MappedFile(static_cast<const std::byte*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  MappedFile taken(std::move(other));  // holds what this one held, and gives it back
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::advise_unneeded(std::span<const std::byte> part) const {
  if (part.empty()) return;
  assert(part.data() >= data_ && part.data() + part.size() <= data_ + size_);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto at = static_cast<std::size_t>(part.data() - data_);
  const std::size_t first = (at + page - 1) / page * page;
  // The mapping's last page belongs to the file alone, so it counts as whole where the file ends.
  std::size_t last = at + part.size();
  if (last != size_) last = last / page * page;
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace prumo
