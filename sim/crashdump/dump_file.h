// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mmusim {

/// The form in which a crash dump is stored.
enum class DumpForm : uint8_t {
  kElf,        ///< an ELF core file: /proc/vmcore, `virsh dump --memory-only`, QEMU's dump-guest-memory
  kKdump,      ///< compressed kdump: makedumpfile, QEMU's dump-guest-memory with a format
  kFlattened,  ///< a compressed kdump as it goes through a pipe: `makedumpfile -F`, QEMU's usual way
};

/// Tells the form of a file, or of what a compressed file holds, by its first bytes; nullopt if it is no crash dump of an x86-64 machine, or cannot be read.
std::optional<DumpForm> dump_form(const std::string& path);

/// The bytes of a crash dump in their order; a flattened one, or one compressed as a whole (.gz, .bz2, .xz, .zst), is
/// copied to a temporary file without a name first.
class DumpFile {
 public:
  /// Throws EnvironmentError if the file cannot be opened or there is no room for a copy, InputError if a flattened or
  /// compressed file is damaged.
  explicit DumpFile(const std::string& path);
  ~DumpFile();
  DumpFile(const DumpFile&) = delete;
  DumpFile& operator=(const DumpFile&) = delete;

  int fd() const { return fd_; }
  DumpForm form() const { return form_; }  ///< kElf or kKdump
  /// Reads up to to.size() bytes; less at the end of the file only.
  size_t read(uint64_t offset, std::span<std::byte> to) const;
  uint64_t bytes() const;

 private:
  void unpack(const std::string& path);
  void put_in_order(const std::string& path);

  int fd_ = -1;
  DumpForm form_ = DumpForm::kElf;
};

/// Control registers of a processor, as QEMU writes them in a note of its own. EFER is not among them.
struct DumpedRegisters {
  uint64_t cr0 = 0;
  uint64_t cr3 = 0;
  uint64_t cr4 = 0;
};

/// Reads the notes "QEMU" of a dump, one for each processor; empty if another program wrote it.
std::vector<DumpedRegisters> dumped_registers(const DumpFile& file);

/// Returns how many bytes the file has at least by its headers: up to the end of the last segment of an ELF file, up to
/// the end of the bitmaps of a kdump.
uint64_t least_bytes(const DumpFile& file);

}  // namespace mmusim
