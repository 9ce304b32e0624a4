// SPDX-License-Identifier: MIT
#include <algorithm>

#include "sim/trace/forms/line_form.h"
#include "sim/trace/forms/text_scan.h"

namespace mmusim {

namespace {

/// A size in bytes as a record can hold it; 0 and sizes beyond 16 bits are none.
bool is_size(uint64_t bytes) { return bytes != 0 && bytes <= UINT16_MAX; }

/// Valgrind's lackey with --trace-mem=yes: "I  addr,size", " L addr,size", " S addr,size", " M addr,size"; addresses
/// hexadecimal, sizes decimal (lackey/lk_main.c). With --trace-superblocks=yes also "SB addr". Lines of valgrind itself
/// begin with "==pid==", "--pid--" or "**pid**"; a record may stand behind such a beginning.
class LackeyForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    if (line.size() < 6 || line[2] != ' ') return other(line, record);
    AccessKind kind = AccessKind::kRead;
    if (line[0] == 'I' && line[1] == ' ') {
      kind = AccessKind::kFetch;
    } else if (line[0] == ' ' && (line[1] == 'S' || line[1] == 'M')) {
      kind = AccessKind::kWrite;
    } else if (line[0] != ' ' || line[1] != 'L') {
      return other(line, record);
    }
    const bool modify = line[1] == 'M';
    line.remove_prefix(3);
    uint64_t va = 0;
    uint64_t bytes = 0;
    if (!scan::hex(line, va) || !scan::literal(line, ",") || !scan::decimal(line, bytes) || !line.empty() ||
        !is_size(bytes)) {
      return LineKind::kForeign;
    }
    MemAccess& access = record.only(kind, va, static_cast<uint16_t>(bytes));
    access.user = true;
    access.rmw = modify;
    if (kind == AccessKind::kFetch) pc_ = va;
    record.pc = pc_;
    return LineKind::kRecord;
  }
  const char* expected() const override {
    return "\"I  addr,size\", \" L addr,size\", \" S addr,size\" or \" M addr,size\"";
  }

 private:
  LineKind other(std::string_view line, LineRecord& record) {
    if (line.empty()) return LineKind::kOwn;
    for (const std::string_view mark : {"==", "--", "**"}) {
      if (!line.starts_with(mark)) continue;
      const size_t end = line.find_first_not_of("0123456789:. ", mark.size());  // --time-stamp=yes puts the time there
      if (end == mark.size() || end == std::string_view::npos || line.substr(end, 2) != mark) return LineKind::kForeign;
      std::string_view rest = line.substr(end + mark.size());
      if (rest.starts_with(' ')) rest.remove_prefix(1);
      return read(rest, record) == LineKind::kRecord ? LineKind::kRecord : LineKind::kOwn;
    }
    uint64_t number = 0;
    return scan::literal(line, "SB ") && scan::whole_hex(line, number) ? LineKind::kOwn : LineKind::kForeign;
  }

  uint64_t pc_ = 0;  // of the instruction whose accesses follow
};

/// QEMU's contrib/plugins/execlog: `cpu, 0xpc, 0xopcode, "disassembly"`, and behind it in any order
/// `, load|store, 0xaddress[, device]` for each access, `, register -> 0xvalue` for each change of a register that was
/// asked for. A device name says that the address is physical: system emulation. Without `cpu` it is 0.
class ExeclogForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    if (line.empty()) return LineKind::kOwn;
    uint64_t cpu = 0;
    uint64_t number = 0;
    if (!line.starts_with("0x") && (!scan::decimal(line, cpu) || !scan::literal(line, ", "))) return LineKind::kForeign;
    if (!scan::literal(line, "0x") || !scan::hex(line, record.pc)) return LineKind::kForeign;
    if (!scan::literal(line, ", 0x") || !scan::hex(line, number)) return LineKind::kForeign;
    const size_t last_quote = line.rfind('"');
    if (!line.starts_with(", \"") || last_quote < 3) return LineKind::kForeign;
    line.remove_prefix(last_quote + 1);
    record.only(AccessKind::kFetch, record.pc, 1);
    record.stream = cpu;
    return read_items(line, record) ? LineKind::kRecord : LineKind::kForeign;
  }
  std::string notes() const override {
    return physical_ ? "the log comes from system emulation: its data addresses are physical, taken as virtual; record "
                       "with user-mode emulation"
                     : "execlog records no access sizes: each access counts as one byte";
  }
  const char* expected() const override {
    return "'cpu, 0xpc, 0xopcode, \"disassembly\"[, load|store, 0xaddress][, register -> 0xvalue]'";
  }

 private:
  static constexpr size_t kMostAccesses = 1024;  // of one instruction; repeated string instructions restart before

  bool read_items(std::string_view rest, LineRecord& record) {
    bool may_name_device = false;  // the item before was an address
    while (!rest.empty()) {
      if (!scan::literal(rest, ", ")) return false;
      const bool store = rest.starts_with("store, 0x");
      if (store || rest.starts_with("load, 0x")) {
        rest.remove_prefix(store ? 9 : 8);
        uint64_t va = 0;
        if (!scan::hex(rest, va) || record.accesses.size() > kMostAccesses) return false;
        record.add(store ? AccessKind::kWrite : AccessKind::kRead, va, 1).user = record.pc >> 63 == 0;
        may_name_device = true;
        continue;
      }
      const std::string_view item = rest.substr(0, rest.find(", "));
      if (item.find(" -> 0x") == std::string_view::npos && item.find("=0x") == std::string_view::npos) {
        if (!may_name_device || item.empty()) return false;
        physical_ = true;
      }
      may_name_device = false;
      rest.remove_prefix(item.size());
    }
    return true;
  }

  bool physical_ = false;
};

/// Pin's pinatrace: `0xip: R 0xaddress` or `W`, in some versions with the size in bytes and the value behind it.
class PinatraceForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    if (line.empty() || line.starts_with('#')) return LineKind::kOwn;
    uint64_t va = 0;
    uint64_t bytes = 1;
    if (!scan::literal(line, "0x") || !scan::hex(line, record.pc) || !scan::literal(line, ": ")) {
      return LineKind::kForeign;
    }
    const std::string_view kind = scan::token(line);
    if (kind != "R" && kind != "W") return LineKind::kForeign;
    const std::string_view address = scan::token(line);
    if (address == "(nil)") return LineKind::kNoAddress;
    if (!scan::whole_address(address, va)) return LineKind::kForeign;
    const std::string_view size = scan::token(line);
    if (!size.empty() && (!scan::whole_decimal(size, bytes) || !is_size(bytes))) return LineKind::kForeign;
    sizes_ = sizes_ || !size.empty();
    record.only(kind == "R" ? AccessKind::kRead : AccessKind::kWrite, va, static_cast<uint16_t>(bytes)).user =
        record.pc >> 63 == 0;
    return LineKind::kRecord;
  }
  std::string notes() const override {
    return sizes_ ? "" : "this pinatrace has no access sizes: each access counts as one byte";
  }
  const char* expected() const override { return "'0xip: R|W 0xaddress'"; }

 private:
  bool sizes_ = false;
};

/// Dinero: `0|1|2 address` (read, write, fetch; 3 and 4 carry no access), and Dinero IV's extended form
/// `r|w|i|m|c|v address size` (m: a read; c and v carry no access); address and size hexadecimal. The rest of a line is
/// a comment (Dinero IV, xdinfmt.c), unless it makes the line one of DRAM requests or of a Ramulator trace.
class DineroForm final : public LineForm {
 public:
  LineKind read(std::string_view line, LineRecord& record) override {
    const std::string_view label = scan::token(line);
    if (label.empty() || label.starts_with('#')) return LineKind::kOwn;
    constexpr std::string_view kLabels = "01234rwimcvRWIMCV";
    if (label.size() != 1 || kLabels.find(label[0]) == std::string_view::npos) return LineKind::kForeign;
    uint64_t va = 0;
    if (!scan::whole_address(scan::token(line), va)) return LineKind::kForeign;
    const std::string_view third = scan::token(line);
    const bool extended = label[0] > '9';
    uint64_t bytes = 0;
    if (extended) {
      if (!scan::whole_address(third, bytes) || !is_size(bytes)) return LineKind::kForeign;
    } else {
      if (scan::whole_decimal(third, bytes) || third == "R" || third == "W") return LineKind::kForeign;
      bytes = 1;
    }
    sizes_ = sizes_ || extended;
    AccessKind kind = AccessKind::kRead;
    switch (label[0] | 0x20) {  // in small letters; digits stay as they are
      case '0':
      case 'r':
      case 'm':
        break;
      case '1':
      case 'w':
        kind = AccessKind::kWrite;
        break;
      case '2':
      case 'i':
        kind = AccessKind::kFetch;
        pc_ = va;
        break;
      default:
        return LineKind::kOwn;
    }
    record.only(kind, va, static_cast<uint16_t>(bytes));
    record.pc = pc_;
    return LineKind::kRecord;
  }
  std::string notes() const override {
    return sizes_ ? "" : "Dinero's din form has no access sizes: each access counts as one byte";
  }
  const char* expected() const override { return "'0|1|2 hexaddress' or 'r|w|i hexaddress hexsize'"; }

 private:
  uint64_t pc_ = 0;  // of the instruction whose accesses follow
  bool sizes_ = false;
};

}  // namespace

std::unique_ptr<LineForm> make_lackey_form() { return std::make_unique<LackeyForm>(); }
std::unique_ptr<LineForm> make_execlog_form() { return std::make_unique<ExeclogForm>(); }
std::unique_ptr<LineForm> make_pinatrace_form() { return std::make_unique<PinatraceForm>(); }
std::unique_ptr<LineForm> make_dinero_form() { return std::make_unique<DineroForm>(); }

}  // namespace mmusim
