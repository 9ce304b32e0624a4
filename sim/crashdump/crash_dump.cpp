// SPDX-License-Identifier: MIT
#include "sim/crashdump/crash_dump.h"

#include <libkdumpfile/kdumpfile.h>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

struct CrashDump::Library {
  Library() : context(kdump_new()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  ~Library() { kdump_free(context); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  kdump_ctx_t* context;
};

CrashDump::CrashDump(const std::string& path) : path_(path), file_(path), library_(std::make_unique<Library>()) {
  kdump_ctx_t* const context = library_->context;
  if (const uint64_t least = least_bytes(file_); file_.bytes() < least) {
    throw InputError(
        fmt::format("{}: truncated crash dump: {} bytes, expected {} at least", path, file_.bytes(), least));
  }
  // A mapped file that ends before what its header says is a bus error; a read one is an error.
  if (kdump_set_number_attr(context, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER) != KDUMP_OK)
    kdump_clear_err(context);
  if (kdump_open_fd(context, file_.fd()) != KDUMP_OK) {
    throw InputError(fmt::format("{}: not a crash dump that can be read: {}", path, kdump_get_err(context)));
  }
  const char* text = nullptr;
  if (kdump_get_string_attr(context, KDUMP_ATTR_ARCH_NAME, &text) != KDUMP_OK || std::string(text) != "x86_64") {
    throw InputError(fmt::format("{}: a crash dump of {}: expected x86-64", path, text == nullptr ? "?" : text));
  }
  kdump_clear_err(context);
  kdump_num_t page_bytes = kPageBytes;
  if (kdump_get_number_attr(context, KDUMP_ATTR_PAGE_SIZE, &page_bytes) == KDUMP_OK && page_bytes != kPageBytes) {
    throw InputError(fmt::format("{}: pages of {} bytes: expected 4096", path, page_bytes));
  }
  // Symbols and structure layouts come with the system's type.
  if (kdump_set_string_attr(context, KDUMP_ATTR_OSTYPE, "linux") != KDUMP_OK) kdump_clear_err(context);
  if (kdump_get_string_attr(context, "linux.vmcoreinfo.lines.OSRELEASE", &text) == KDUMP_OK)
    release_ = text;
  else
    kdump_clear_err(context);
  processors_ = dumped_registers(file_);
}

CrashDump::~CrashDump() = default;

std::optional<uint64_t> CrashDump::attribute(const std::string& key) const {
  kdump_attr_t value;
  if (kdump_get_attr(library_->context, key.c_str(), &value) != KDUMP_OK) {
    kdump_clear_err(library_->context);
    return std::nullopt;
  }
  if (value.type == KDUMP_NUMBER) return value.val.number;
  if (value.type == KDUMP_ADDRESS) return value.val.address;
  return std::nullopt;
}

std::optional<VirtAddr> CrashDump::symbol(const std::string& name) const {
  const auto value = attribute("linux.vmcoreinfo.SYMBOL." + name);
  return value ? std::optional(VirtAddr(*value)) : std::nullopt;
}
std::optional<uint64_t> CrashDump::size(const std::string& type) const {
  return attribute("linux.vmcoreinfo.SIZE." + type);
}
std::optional<uint64_t> CrashDump::offset(const std::string& member) const {
  return attribute("linux.vmcoreinfo.OFFSET." + member);
}
std::optional<uint64_t> CrashDump::length(const std::string& array) const {
  return attribute("linux.vmcoreinfo.LENGTH." + array);
}
std::optional<uint64_t> CrashDump::number(const std::string& name) const {
  return attribute("linux.vmcoreinfo.NUMBER." + name);
}

bool CrashDump::read(PhysAddr at, std::span<std::byte> to) const {
  size_t bytes = to.size();
  kdump_ctx_t* const context = library_->context;
  const kdump_status status = kdump_read(context, KDUMP_MACHPHYSADDR, at.raw(), to.data(), &bytes);
  if (status == KDUMP_OK) return true;
  const std::string why = kdump_get_err(context);
  kdump_clear_err(context);
  if (status == KDUMP_ERR_NODATA) return false;
  throw InputError(fmt::format("{}: memory at {} cannot be read: {}", path_, at, why));
}

std::vector<PhysRange> CrashDump::memory() const {
  kdump_attr_t value;
  kdump_ctx_t* const context = library_->context;
  for (const char* key : {KDUMP_ATTR_MEMORY_PAGEMAP, KDUMP_ATTR_FILE_PAGEMAP}) {
    if (kdump_get_attr(context, key, &value) != KDUMP_OK || value.type != KDUMP_BITMAP) {
      kdump_clear_err(context);
      continue;
    }
    std::vector<PhysRange> ranges;
    kdump_bmp_t* const map = value.val.bitmap;
    for (kdump_addr_t page = 0; kdump_bmp_find_set(map, &page) == KDUMP_OK;) {
      const PhysAddr start = address_of(Pfn(page));
      const bool ends = kdump_bmp_find_clear(map, &page) == KDUMP_OK;
      if (!ends) break;
      ranges.push_back({start, address_of(Pfn(page))});
    }
    kdump_clear_err(context);
    return ranges;
  }
  return {};
}

}  // namespace mmusim
