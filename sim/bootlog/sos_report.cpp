// SPDX-License-Identifier: MIT
#include "sim/bootlog/sos_report.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <vector>

#include "models/base/errors.h"
#include "models/base/format.h"
#include "models/base/types.h"
#include "sim/bootlog/derive.h"
#include "sim/bootlog/log_text.h"
#include "sim/bootlog/tar_library.h"
#include "sim/bootlog/witnesses.h"

namespace mmusim {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = 64 * kMiB;  // of one file
constexpr size_t kMostFiles = 20'000;
constexpr size_t kMostEntries = 1'000'000;
constexpr size_t kChunk = 64 * kKiB;

/// Kinds of files of a report. Logs come in the order in which they are asked.
enum class Role : uint8_t { kNone, kDmesg, kJournal, kSyslog, kMap, kWitness, kCmdline, kUname };

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "N/start", "N/end" or "N/type" of /sys/firmware/memmap.
bool is_map_file(const std::string& path) {
  const std::string base = file_name(path);
  if (base != "start" && base != "end" && base != "type") return false;
  const std::string folder = path.substr(0, path.size() - std::min(path.size(), base.size() + 1));
  const std::string number = file_name(folder);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  return digits && (folder.find("memmap") != std::string::npos || folder == number);
}

Role role_of(const std::string& path) {
  const std::string base = file_name(path);
  if (is_map_file(path)) return Role::kMap;
  if (base == "dmesg" || base.starts_with("dmesg.") || base.starts_with("dmesg_")) return Role::kDmesg;
  if (base.starts_with("journalctl") && base.find("boot") != std::string::npos) return Role::kJournal;
  if (base == "kern.log" || (base == "messages" && path.find("var/log/") != std::string::npos)) return Role::kSyslog;
  if (path.ends_with("proc/iomem") || path.ends_with("proc/cpuinfo") || base.starts_with("lsmem") ||
      base.starts_with("numactl")) {
    return Role::kWitness;
  }
  if (path.ends_with("proc/cmdline")) return Role::kCmdline;
  return base == "uname" || base.starts_with("uname_-a") ? Role::kUname : Role::kNone;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// The release of "Linux HOST 5.14.0-427.el9.x86_64 #1 SMP ..."
std::string release_of_uname(const std::string& text) {
  const size_t host = text.find(' ');
  const size_t release = host == std::string::npos ? host : text.find(' ', host + 1);
  if (!text.starts_with("Linux ") || release == std::string::npos) return {};
  return text.substr(release + 1, text.find(' ', release + 1) - release - 1);
}

}  // namespace

bool ReportReader::wants(const std::string& path) { return role_of(path) != Role::kNone; }

void ReportReader::add(const std::string& path, std::string text) {
  if (files_.size() < kMostFiles) files_.push_back({path, std::move(text)});
}

void ReportReader::finish(Evidence& evidence, BootNumber boot) {
  if (files_.empty()) {
    throw InputError(fmt::format(
        "{}: nothing in it tells of the machine: expected dmesg, proc/iomem, lsmem, numactl or sys/firmware/memmap",
        name_));
  }
  std::stable_sort(files_.begin(), files_.end(),
                   [](const File& a, const File& b) { return role_of(a.path) < role_of(b.path); });
  const auto attempt = [&](const File& file, const std::function<void()>& what) {
    try {
      what();
    } catch (const InputError& e) {
      evidence.notes.push_back(fmt::format("{} is left out: {}", file.path, e.what()));
    }
  };
  std::string map;
  for (const File& file : files_) {
    const std::string name = name_ + ": " + file.path;
    // A log whose beginning is lost says little: then the journal and the system log are asked.
    const bool has_map = !evidence.facts.node_ranges.empty() || !evidence.facts.map.empty();
    switch (role_of(file.path)) {
      case Role::kDmesg:
      case Role::kJournal:
      case Role::kSyslog:
        if (!evidence.boot_log || !has_map) attempt(file, [&] { add_boot_log(evidence, file.text, name, boot); });
        break;
      case Role::kMap:
        map += file.path + ":" + first_line(file.text) + "\n";
        break;
      case Role::kWitness: {
        const std::string text = decode_log(file.text).text;
        if (const WitnessKind kind = witness_kind(text); kind != WitnessKind::kNone) {
          attempt(file, [&] { add_witness(evidence, kind, text, name); });
        }
        break;
      }
      case Role::kCmdline:
        if (evidence.facts.cmdline.empty()) evidence.facts.cmdline = decode_log(first_line(file.text)).text;
        break;
      case Role::kUname:
        if (evidence.facts.release.empty()) evidence.facts.release = release_of_uname(decode_log(file.text).text);
        break;
      case Role::kNone:
        break;
    }
  }
  if (!map.empty()) attempt(files_.front(), [&] { add_witness(evidence, WitnessKind::kFirmwareMap, map, name_); });
}

void add_report_folder(Evidence& evidence, const std::string& folder, BootNumber boot) {
  ReportReader report(folder);
  std::error_code error;
  size_t entries = 0;
  std::vector<std::string> paths;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end && ++entries < kMostEntries; it.increment(error)) {
    std::error_code ignored;
    const std::string path = fs::relative(it->path(), folder, ignored).string();
    if (!it->is_symlink(ignored) && it->is_regular_file(ignored) && ReportReader::wants(path)) paths.push_back(path);
  }
  if (error) throw EnvironmentError(fmt::format("{}: {}", folder, error.message()));
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) report.add(path, read_text_file((fs::path(folder) / path).string()));
  report.finish(evidence, boot);
}

bool is_tar(std::string_view head) { return head.size() >= 263 && head.substr(257, 5) == "ustar"; }

namespace {

/// The caller's reader in the form libarchive asks for.
struct ArchiveSource {
  const std::function<size_t(std::span<uint8_t>)>* read;
  std::vector<uint8_t> chunk = std::vector<uint8_t>(kChunk);
};

la_ssize_t read_chunk(archive*, void* data, const void** bytes) {
  auto& source = *static_cast<ArchiveSource*>(data);
  *bytes = source.chunk.data();
  try {
    return static_cast<la_ssize_t>((*source.read)(source.chunk));
  } catch (const std::exception&) {
    return -1;  // libarchive is C: the error is told by its own result
  }
}

}  // namespace

void add_report_archive(Evidence& evidence, const std::function<size_t(std::span<uint8_t>)>& read,
                        const std::string& name, BootNumber boot) {
  ArchiveSource source{&read};
  const TarLibrary& library = tar_library();
  const std::unique_ptr<archive, decltype(library.read_free)> tar(library.read_new(), library.read_free);
  library.support_tar(tar.get());
  const auto fail = [&] {
    const char* why = library.error_string(tar.get());
    throw InputError(fmt::format("{}: damaged archive: {}", name, why == nullptr ? "it cannot be read" : why));
  };
  if (library.open(tar.get(), &source, nullptr, read_chunk, nullptr) != ARCHIVE_OK) fail();
  ReportReader report(name);
  archive_entry* entry = nullptr;
  for (size_t entries = 0; entries < kMostEntries; ++entries) {
    const int next = library.next_header(tar.get(), &entry);
    if (next == ARCHIVE_EOF) break;
    if (next < ARCHIVE_WARN) fail();
    const char* path = library.pathname(entry);
    if (path == nullptr || library.filetype(entry) != AE_IFREG || !ReportReader::wants(path)) continue;
    std::string text;
    std::vector<char> piece(kChunk);
    for (;;) {
      const la_ssize_t n = library.data(tar.get(), piece.data(), piece.size());
      if (n < 0) fail();
      if (n == 0 || text.size() > kMostBytes) break;
      text.append(piece.data(), static_cast<size_t>(n));
    }
    report.add(path, std::move(text));
  }
  report.finish(evidence, boot);
}

}  // namespace mmusim
