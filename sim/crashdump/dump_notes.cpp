// SPDX-License-Identifier: MIT
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "models/base/types.h"
#include "sim/crashdump/dump_file.h"

namespace mmusim {

namespace {

constexpr uint64_t kMostNoteBytes = 64 * kMiB;

/// Bytes of the file that hold notes.
struct NoteArea {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

template <class T>
bool read_at(const DumpFile& file, uint64_t offset, T& to) {
  return file.read(offset, std::as_writable_bytes(std::span(&to, 1))) == sizeof to;
}

std::vector<Elf64_Phdr> segments_of(const DumpFile& file) {
  std::vector<Elf64_Phdr> list;
  Elf64_Ehdr header;
  if (!read_at(file, 0, header) || header.e_phentsize != sizeof(Elf64_Phdr)) return list;
  uint32_t segments = header.e_phnum;
  Elf64_Shdr first;
  if (segments == PN_XNUM && read_at(file, header.e_shoff, first)) segments = first.sh_info;
  for (uint32_t i = 0; i < segments; ++i) {
    Elf64_Phdr segment;
    if (!read_at(file, header.e_phoff + i * sizeof segment, segment)) break;
    list.push_back(segment);
  }
  return list;
}

std::vector<NoteArea> areas_of_elf(const DumpFile& file) {
  std::vector<NoteArea> areas;
  for (const Elf64_Phdr& segment : segments_of(file)) {
    if (segment.p_type == PT_NOTE) areas.push_back({segment.p_offset, segment.p_filesz});
  }
  return areas;
}

constexpr uint64_t kBlockSizeAt = 428, kSubHeaderBlocksAt = 432, kBitmapBlocksAt = 436;  // disk_dump_header

/// disk_dump_header and kdump_sub_header of makedumpfile (diskdump_mod.h), as an x86-64 machine writes them.
std::vector<NoteArea> areas_of_kdump(const DumpFile& file) {
  constexpr uint64_t kVersionAt = 8, kNoteAt = 48;
  constexpr int32_t kFirstWithNotes = 4;  // header version
  int32_t version = 0, block_bytes = 0;
  if (!read_at(file, kVersionAt, version) || version < kFirstWithNotes) return {};
  if (!read_at(file, kBlockSizeAt, block_bytes) || block_bytes <= 0) return {};
  NoteArea area;
  const uint64_t at = static_cast<uint64_t>(block_bytes) + kNoteAt;
  if (!read_at(file, at, area.offset) || !read_at(file, at + 8, area.bytes)) return {};
  return {area};
}

/// QEMUCPUState [qemu: target/i386/arch_dump.c]: version, size, 18 registers, 10 segments of 24 bytes, CR0 to CR4.
constexpr size_t kControlAt = 8 + 18 * 8 + 10 * 24;
constexpr size_t kStateBytes = kControlAt + 5 * 8;

DumpedRegisters registers_of(const std::byte* state) {
  const auto control = [&](unsigned number) {
    uint64_t value = 0;
    std::memcpy(&value, state + kControlAt + 8 * number, sizeof value);
    return value;
  };
  return {control(0), control(3), control(4)};
}

void read_notes(std::span<const std::byte> bytes, std::vector<DumpedRegisters>& registers) {
  const auto padded = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
  for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes.size();) {
    Elf64_Nhdr note;
    std::memcpy(&note, bytes.data() + at, sizeof note);
    const uint64_t name = at + sizeof note;
    const uint64_t content = name + padded(note.n_namesz);
    at = content + padded(note.n_descsz);
    if (content + note.n_descsz > bytes.size()) return;
    constexpr std::string_view kQemu{"QEMU\0", 5};
    const bool ours = note.n_namesz == kQemu.size() && std::memcmp(&bytes[name], kQemu.data(), kQemu.size()) == 0;
    if (ours && note.n_descsz >= kStateBytes) registers.push_back(registers_of(&bytes[content]));
  }
}

}  // namespace

uint64_t least_bytes(const DumpFile& file) {
  uint64_t bytes = 0;
  if (file.form() == DumpForm::kElf) {
    for (const Elf64_Phdr& segment : segments_of(file)) bytes = std::max(bytes, segment.p_offset + segment.p_filesz);
    return bytes;
  }
  uint32_t block = 0, sub_header = 0, bitmaps = 0;
  const bool read = read_at(file, kBlockSizeAt, block) && read_at(file, kSubHeaderBlocksAt, sub_header) &&
                    read_at(file, kBitmapBlocksAt, bitmaps);
  return read ? (uint64_t{1} + sub_header + bitmaps) * block : kBitmapBlocksAt + sizeof bitmaps;
}

std::vector<DumpedRegisters> dumped_registers(const DumpFile& file) {
  std::vector<DumpedRegisters> registers;
  for (const NoteArea& area : file.form() == DumpForm::kElf ? areas_of_elf(file) : areas_of_kdump(file)) {
    if (area.bytes > kMostNoteBytes) continue;
    std::vector<std::byte> bytes(area.bytes);
    bytes.resize(file.read(area.offset, bytes));
    read_notes(bytes, registers);
  }
  return registers;
}

}  // namespace mmusim
