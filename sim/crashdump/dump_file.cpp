// SPDX-License-Identifier: MIT
#include "sim/crashdump/dump_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/types.h"
#include "sim/trace/byte_stream.h"

namespace mmusim {

namespace {

constexpr std::string_view kElfMagic =
    "\x7f"
    "ELF";
constexpr std::string_view kKdumpMagic = "KDUMP   ";
constexpr std::string_view kDiskdumpMagic = "DISKDUMP";
constexpr std::string_view kFlatMagic{"makedumpfile\0\0\0\0", 16};
constexpr uint64_t kFlatHeaderBytes = 4096;  // MAX_SIZE_MDF_HEADER of makedumpfile
constexpr size_t kCopyBytes = kMiB;

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

size_t read_at(int fd, uint64_t offset, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t n = pread(fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

void write_at(int fd, uint64_t offset, std::span<const std::byte> from) {
  size_t done = 0;
  while (done < from.size()) {
    const ssize_t n = pwrite(fd, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw system_error("write", "a temporary copy of the crash dump", errno);
    done += static_cast<size_t>(n);
  }
}

constexpr size_t kHeadBytes = 64;

bool is_compressed(std::span<const std::byte> bytes) {
  constexpr std::string_view kMagics[] = {"\x1f\x8b", "BZh",
                                          "\xfd"
                                          "7zXZ",
                                          "\x28\xb5\x2f\xfd"};
  return std::any_of(std::begin(kMagics), std::end(kMagics),
                     [&](std::string_view magic) { return begins_with(bytes, magic); });
}

std::optional<DumpForm> form_of(std::span<const std::byte> bytes) {
  if (begins_with(bytes, kFlatMagic)) return DumpForm::kFlattened;
  if (begins_with(bytes, kKdumpMagic) || begins_with(bytes, kDiskdumpMagic)) return DumpForm::kKdump;
  if (!begins_with(bytes, kElfMagic) || bytes.size() < 20) return std::nullopt;
  constexpr uint16_t kCore = 4, kX86_64 = 62;  // ET_CORE, EM_X86_64
  uint16_t type = 0, machine = 0;
  std::memcpy(&type, &bytes[16], sizeof type);
  std::memcpy(&machine, &bytes[18], sizeof machine);
  return type == kCore && machine == kX86_64 ? std::optional(DumpForm::kElf) : std::nullopt;
}

std::optional<DumpForm> form_of(int fd) {
  std::array<std::byte, kHeadBytes> head{};
  return form_of(std::span<const std::byte>(head.data(), read_at(fd, 0, head)));
}

/// Reads up to to.size() bytes of a stream; less at its end only.
size_t read_fully(ByteSource& source, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const size_t n = source.read({reinterpret_cast<uint8_t*>(to.data()) + done, to.size() - done});
    if (n == 0) break;
    done += n;
  }
  return done;
}

/// Returns the form of what a compressed file holds.
std::optional<DumpForm> form_inside(const std::string& path) {
  try {
    const ByteInput input = open_bytes(path);
    std::array<std::byte, kHeadBytes> head{};
    const size_t bytes = read_fully(*input.source, head);
    input.stop->store(true);
    return form_of(std::span<const std::byte>(head.data(), bytes));
  } catch (const std::exception&) {  // who reads it as something else says what is wrong
    return std::nullopt;
  }
}

/// Creates a file without a name that goes when it is closed.
int temporary_file() {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(ignored);
  std::string name = (folder / "mmusim-dump-XXXXXX").string();
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw system_error("create", name, errno);
  unlink(name.c_str());
  return fd;
}

int64_t big_endian(const std::byte* at) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value = value << 8 | static_cast<uint64_t>(at[i]);
  return static_cast<int64_t>(value);
}

}  // namespace

std::optional<DumpForm> dump_form(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  const bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  std::array<std::byte, kHeadBytes> head{};
  const std::span<const std::byte> bytes(head.data(), regular ? read_at(fd, 0, head) : 0);
  close(fd);
  return is_compressed(bytes) ? form_inside(path) : form_of(bytes);
}

DumpFile::DumpFile(const std::string& path) {
  fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw system_error("open", path, errno);
  try {
    std::array<std::byte, kHeadBytes> head{};
    if (is_compressed({head.data(), read(0, head)})) unpack(path);
    auto form = form_of(fd_);
    if (form == DumpForm::kFlattened) {
      put_in_order(path);
      form = form_of(fd_);
    }
    if (!form || *form == DumpForm::kFlattened) {
      throw InputError(path + ": no crash dump of an x86-64 machine: expected a compressed kdump or an ELF vmcore");
    }
    form_ = *form;
  } catch (...) {
    close(fd_);
    throw;
  }
}

DumpFile::~DumpFile() { close(fd_); }

size_t DumpFile::read(uint64_t offset, std::span<std::byte> to) const { return read_at(fd_, offset, to); }

uint64_t DumpFile::bytes() const {
  struct stat status {};
  return fstat(fd_, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

void DumpFile::unpack(const std::string& path) {
  const int plain = temporary_file();
  try {
    const ByteInput input = open_bytes(path);
    std::vector<std::byte> buffer(kCopyBytes);
    uint64_t at = 0;
    while (const size_t n = read_fully(*input.source, buffer)) {
      write_at(plain, at, {buffer.data(), n});
      at += n;
    }
  } catch (const TraceDamage& e) {
    close(plain);
    throw InputError(fmt::format("{}: {}", path, e.what()));
  } catch (...) {
    close(plain);
    throw;
  }
  close(fd_);
  fd_ = plain;
}

/// Behind a header of 4096 bytes come pieces, each with its offset in the ordered file and its size, big endian; the
/// offset -1 ends them [makedumpfile, IMPLEMENTATION, "Flattened format"].
void DumpFile::put_in_order(const std::string& path) {
  const int ordered = temporary_file();
  try {
    std::vector<std::byte> buffer(kCopyBytes);
    for (uint64_t at = kFlatHeaderBytes;;) {
      std::array<std::byte, 16> head;
      const auto damaged = [&](const char* what) {
        return InputError(fmt::format("{}: flattened crash dump: {} at byte {}", path, what, at));
      };
      if (read_at(fd_, at, head) != head.size()) throw damaged("truncated");
      const int64_t offset = big_endian(head.data());
      const int64_t size = big_endian(head.data() + 8);
      if (offset == -1) break;
      constexpr int64_t kLargest = int64_t{1} << 50;
      if (offset < 0 || size < 0 || offset > kLargest || size > kLargest) throw damaged("an impossible piece");
      at += head.size();
      for (uint64_t done = 0; done < static_cast<uint64_t>(size);) {
        const size_t part = std::min<uint64_t>(buffer.size(), static_cast<uint64_t>(size) - done);
        const std::span<std::byte> bytes(buffer.data(), part);
        if (read_at(fd_, at, bytes) != part) throw damaged("truncated");
        write_at(ordered, static_cast<uint64_t>(offset) + done, bytes);
        at += part;
        done += part;
      }
    }
  } catch (...) {
    close(ordered);
    throw;
  }
  close(fd_);
  fd_ = ordered;
}

}  // namespace mmusim
