// SPDX-License-Identifier: MIT
#include "sim/bootlog/processors.h"

#include <array>
#include <span>

namespace mmusim {

namespace {

constexpr const char* kOwn = "its own platform";
constexpr const char* kSameCore = "the same core";
constexpr const char* kSuccessor = "the oldest platform of its vendor, whose core is a successor of this one";
constexpr const char* kNewest = "the newest platform of its vendor, whose core comes before this one";
constexpr const char* kSmallCore = "of its vendor and years; it has another, smaller core";
constexpr const char* kNearestCore = "the nearest core";

/// A range of model numbers of one family. The first row that fits wins.
struct ModelRow {
  unsigned family;
  unsigned first_model;
  unsigned last_model;
  unsigned first_stepping;
  unsigned last_stepping;
  const char* core;
  const char* platform;
  const char* reason;
};
constexpr unsigned kAny = 0xf;  // the highest stepping

/// Intel: arch/x86/include/asm/intel-family.h of Linux; steppings of model 0x55: arch/x86/events/intel/core.c.
constexpr ModelRow kIntel[] = {
    {6, 0x55, 0x55, 0, 4, "Skylake-SP", "skylake-sp", kOwn},
    {6, 0x55, 0x55, 5, 9, "Cascade Lake", "cascade-lake", kOwn},
    {6, 0x55, 0x55, 10, kAny, "Cooper Lake", "cascade-lake", kSameCore},
    {6, 0x6a, 0x6a, 0, kAny, "Ice Lake-SP", "icelake-sp", kOwn},
    {6, 0x6c, 0x6c, 0, kAny, "Ice Lake-D", "icelake-sp", kSameCore},
    {6, 0x8f, 0x8f, 0, kAny, "Sapphire Rapids", "sapphire-rapids", kOwn},
    {6, 0xcf, 0xcf, 0, kAny, "Emerald Rapids", "sapphire-rapids", kNearestCore},
    {6, 0xad, 0xae, 0, kAny, "Granite Rapids", "sapphire-rapids", kNearestCore},
    {6, 0xaf, 0xaf, 0, kAny, "Sierra Forest", "sapphire-rapids", kSmallCore},
    {6, 0xdd, 0xdd, 0, kAny, "Clearwater Forest", "sapphire-rapids", kSmallCore},
    {6, 0xb6, 0xb6, 0, kAny, "Grand Ridge", "sapphire-rapids", kSmallCore},
    {6, 0x86, 0x86, 0, kAny, "Snow Ridge", "icelake-sp", kSmallCore},
    {6, 0x57, 0x57, 0, kAny, "Knights Landing", "skylake-sp", kSmallCore},
    {6, 0x85, 0x85, 0, kAny, "Knights Mill", "skylake-sp", kSmallCore},
    // Clients.
    {6, 0x4e, 0x4e, 0, kAny, "Skylake", "skylake-sp", kSameCore},
    {6, 0x5e, 0x5e, 0, kAny, "Skylake", "skylake-sp", kSameCore},
    {6, 0x8e, 0x8e, 0, kAny, "Kaby Lake and its successors", "skylake-sp", kSameCore},
    {6, 0x9e, 0x9e, 0, kAny, "Kaby Lake and its successors", "skylake-sp", kSameCore},
    {6, 0xa5, 0xa6, 0, kAny, "Comet Lake", "skylake-sp", kSameCore},
    {6, 0x66, 0x66, 0, kAny, "Cannon Lake", "skylake-sp", kNearestCore},
    {6, 0x7d, 0x7e, 0, kAny, "Ice Lake", "icelake-sp", kSameCore},
    {6, 0x9d, 0x9d, 0, kAny, "Ice Lake", "icelake-sp", kSameCore},
    {6, 0xa7, 0xa7, 0, kAny, "Rocket Lake", "icelake-sp", kSameCore},
    {6, 0x8a, 0x8a, 0, kAny, "Lakefield", "icelake-sp", kSameCore},
    {6, 0x8c, 0x8d, 0, kAny, "Tiger Lake", "icelake-sp", kNearestCore},
    {6, 0x97, 0x97, 0, kAny, "Alder Lake", "sapphire-rapids", kSameCore},
    {6, 0x9a, 0x9a, 0, kAny, "Alder Lake", "sapphire-rapids", kSameCore},
    {6, 0xb7, 0xb7, 0, kAny, "Raptor Lake", "sapphire-rapids", kNearestCore},
    {6, 0xba, 0xba, 0, kAny, "Raptor Lake", "sapphire-rapids", kNearestCore},
    {6, 0xbf, 0xbf, 0, kAny, "Raptor Lake", "sapphire-rapids", kNearestCore},
    {6, 0xd7, 0xd7, 0, kAny, "Bartlett Lake", "sapphire-rapids", kNearestCore},
    {6, 0xaa, 0xac, 0, kAny, "Meteor Lake", "sapphire-rapids", kNearestCore},
    {6, 0xb5, 0xb5, 0, kAny, "Arrow Lake", "sapphire-rapids", kNearestCore},
    {6, 0xc5, 0xc6, 0, kAny, "Arrow Lake", "sapphire-rapids", kNewest},
    {6, 0xbd, 0xbd, 0, kAny, "Lunar Lake", "sapphire-rapids", kNewest},
    {6, 0xcc, 0xcc, 0, kAny, "Panther Lake", "sapphire-rapids", kNewest},
    {6, 0xd5, 0xd5, 0, kAny, "Wildcat Lake", "sapphire-rapids", kNewest},
    // Before Skylake.
    {6, 0x3d, 0x3d, 0, kAny, "Broadwell", "skylake-sp", kSuccessor},
    {6, 0x47, 0x47, 0, kAny, "Broadwell", "skylake-sp", kSuccessor},
    {6, 0x4f, 0x4f, 0, kAny, "Broadwell-EP", "skylake-sp", kSuccessor},
    {6, 0x56, 0x56, 0, kAny, "Broadwell-D", "skylake-sp", kSuccessor},
    {6, 0x3c, 0x3c, 0, kAny, "Haswell", "skylake-sp", kSuccessor},
    {6, 0x45, 0x46, 0, kAny, "Haswell", "skylake-sp", kSuccessor},
    {6, 0x3f, 0x3f, 0, kAny, "Haswell-EP", "skylake-sp", kSuccessor},
    {6, 0x3a, 0x3a, 0, kAny, "Ivy Bridge", "skylake-sp", kSuccessor},
    {6, 0x3e, 0x3e, 0, kAny, "Ivy Bridge-EP", "skylake-sp", kSuccessor},
    {6, 0x2a, 0x2a, 0, kAny, "Sandy Bridge", "skylake-sp", kSuccessor},
    {6, 0x2d, 0x2d, 0, kAny, "Sandy Bridge-EP", "skylake-sp", kSuccessor},
    {6, 0x25, 0x25, 0, kAny, "Westmere", "skylake-sp", kSuccessor},
    {6, 0x2c, 0x2c, 0, kAny, "Westmere-EP", "skylake-sp", kSuccessor},
    {6, 0x2f, 0x2f, 0, kAny, "Westmere-EX", "skylake-sp", kSuccessor},
    {6, 0x1a, 0x1a, 0, kAny, "Nehalem-EP", "skylake-sp", kSuccessor},
    {6, 0x1e, 0x1f, 0, kAny, "Nehalem", "skylake-sp", kSuccessor},
    {6, 0x2e, 0x2e, 0, kAny, "Nehalem-EX", "skylake-sp", kSuccessor},
    {6, 0x0f, 0x0f, 0, kAny, "Core 2", "skylake-sp", kSuccessor},
    {6, 0x16, 0x17, 0, kAny, "Core 2", "skylake-sp", kSuccessor},
    {6, 0x1d, 0x1d, 0, kAny, "Core 2", "skylake-sp", kSuccessor},
    // Small cores.
    {6, 0x1c, 0x1c, 0, kAny, "Atom", "skylake-sp", kSmallCore},
    {6, 0x26, 0x27, 0, kAny, "Atom", "skylake-sp", kSmallCore},
    {6, 0x35, 0x37, 0, kAny, "Atom", "skylake-sp", kSmallCore},
    {6, 0x4a, 0x4a, 0, kAny, "Silvermont", "skylake-sp", kSmallCore},
    {6, 0x4c, 0x4d, 0, kAny, "Silvermont", "skylake-sp", kSmallCore},
    {6, 0x5a, 0x5a, 0, kAny, "Silvermont", "skylake-sp", kSmallCore},
    {6, 0x5d, 0x5d, 0, kAny, "Silvermont", "skylake-sp", kSmallCore},
    {6, 0x75, 0x75, 0, kAny, "Airmont", "skylake-sp", kSmallCore},
    {6, 0x5c, 0x5c, 0, kAny, "Goldmont", "skylake-sp", kSmallCore},
    {6, 0x5f, 0x5f, 0, kAny, "Denverton", "skylake-sp", kSmallCore},
    {6, 0x7a, 0x7a, 0, kAny, "Goldmont Plus", "icelake-sp", kSmallCore},
    {6, 0x96, 0x96, 0, kAny, "Tremont", "icelake-sp", kSmallCore},
    {6, 0x9c, 0x9c, 0, kAny, "Tremont", "icelake-sp", kSmallCore},
    {6, 0xbe, 0xbe, 0, kAny, "Gracemont", "sapphire-rapids", kSmallCore},
    {0xf, 0x00, 0xff, 0, kAny, "NetBurst", "skylake-sp", kSuccessor},
    {0x12, 0x00, 0xff, 0, kAny, "Nova Lake", "sapphire-rapids", kNewest},
    {0x13, 0x01, 0x01, 0, kAny, "Diamond Rapids", "sapphire-rapids", kNewest},
};

/// AMD and Hygon: bsp_init_amd and init_amd in arch/x86/kernel/cpu/amd.c, arch/x86/include/asm/amd/fam*.h of Linux.
constexpr ModelRow kAmd[] = {
    {0x17, 0x30, 0x3f, 0, kAny, "Zen 2 (Rome)", "rome", kOwn},
    {0x19, 0x00, 0x07, 0, kAny, "Zen 3 (Milan)", "milan", kOwn},
    {0x19, 0x10, 0x17, 0, kAny, "Zen 4 (Genoa)", "genoa", kOwn},
    {0x1a, 0x00, 0x0f, 0, kAny, "Zen 5 (Turin)", "turin", kOwn},
    {0x17, 0x00, 0x2f, 0, kAny, "Zen", "rome", "the oldest platform of its vendor; Zen 2 is its successor"},
    {0x17, 0x40, 0xff, 0, kAny, "Zen 2", "rome", kSameCore},
    {0x18, 0x00, 0xff, 0, kAny, "Dhyana (Zen)", "rome", "the oldest platform with its core's successor, Zen 2"},
    {0x19, 0x08, 0x0f, 0, kAny, "Zen 3", "milan", kSameCore},
    {0x19, 0x18, 0x1f, 0, kAny, "Zen 4", "genoa", kSameCore},
    {0x19, 0x20, 0x5f, 0, kAny, "Zen 3", "milan", kSameCore},
    {0x19, 0x60, 0x9f, 0, kAny, "Zen 4", "genoa", kSameCore},
    {0x19, 0xa0, 0xaf, 0, kAny, "Zen 4c (Bergamo, Siena)", "genoa", kSameCore},
    {0x1a, 0x10, 0x1f, 0, kAny, "Zen 5c (Turin)", "turin", kSameCore},
    {0x1a, 0x50, 0x5f, 0, kAny, "Zen 6", "turin", kNewest},
    {0x1a, 0x90, 0xff, 0, kAny, "Zen 6", "turin", kNewest},
    {0x1a, 0x20, 0x8f, 0, kAny, "Zen 5", "turin", kSameCore},
    {0x0f, 0x00, 0xff, 0, kAny, "K8", "rome", kSuccessor},
    {0x10, 0x00, 0xff, 0, kAny, "K10", "rome", kSuccessor},
    {0x11, 0x00, 0xff, 0, kAny, "K8", "rome", kSuccessor},
    {0x12, 0x00, 0xff, 0, kAny, "Llano (K10)", "rome", kSuccessor},
    {0x14, 0x00, 0xff, 0, kAny, "Bobcat", "rome", kSmallCore},
    {0x15, 0x00, 0xff, 0, kAny, "Bulldozer and its successors", "rome", kSuccessor},
    {0x16, 0x00, 0xff, 0, kAny, "Jaguar", "rome", kSmallCore},
};

/// Words of a name, or of the name of its performance events, for logs without numbers. The first row that fits wins;
/// a '?' stands for any one character.
struct NameRow {
  const char* word;
  const char* core;
  const char* platform;
  const char* reason;
};
constexpr NameRow kNames[] = {
    {"EPYC 7??2", "Zen 2 (Rome)", "rome", kOwn},
    {"EPYC-Rome", "Zen 2 (Rome)", "rome", kOwn},
    {"EPYC 7??3", "Zen 3 (Milan)", "milan", kOwn},
    {"EPYC-Milan", "Zen 3 (Milan)", "milan", kOwn},
    {"EPYC 9??4", "Zen 4 (Genoa)", "genoa", kOwn},
    {"EPYC-Genoa", "Zen 4 (Genoa)", "genoa", kOwn},
    {"EPYC 8??4", "Zen 4c (Siena)", "genoa", kSameCore},
    {"EPYC 4??4", "Zen 4", "genoa", kSameCore},
    {"EPYC 9??5", "Zen 5 (Turin)", "turin", kOwn},
    {"EPYC-Turin", "Zen 5 (Turin)", "turin", kOwn},
    {"EPYC 4??5", "Zen 5", "turin", kSameCore},
    {"EPYC 7??1", "Zen (Naples)", "rome", "the oldest platform of its vendor; Zen 2 is its successor"},
    {"EPYC", "an EPYC", "rome", "QEMU's EPYC is a Zen; Zen 2 is its successor"},
    {"Hygon", "Dhyana (Zen)", "rome", "the oldest platform with its core's successor, Zen 2"},
    {"Xeon(R) 6?", "Xeon 6", "sapphire-rapids", kNearestCore},
    {"Platinum 81", "Skylake-SP", "skylake-sp", kOwn},
    {"Gold 51", "Skylake-SP", "skylake-sp", kOwn},
    {"Gold 61", "Skylake-SP", "skylake-sp", kOwn},
    {"Silver 41", "Skylake-SP", "skylake-sp", kOwn},
    {"Bronze 31", "Skylake-SP", "skylake-sp", kOwn},
    {"Platinum 82", "Cascade Lake", "cascade-lake", kOwn},
    {"Platinum 92", "Cascade Lake", "cascade-lake", kOwn},
    {"Gold 52", "Cascade Lake", "cascade-lake", kOwn},
    {"Gold 62", "Cascade Lake", "cascade-lake", kOwn},
    {"Silver 42", "Cascade Lake", "cascade-lake", kOwn},
    {"Bronze 32", "Cascade Lake", "cascade-lake", kOwn},
    {"Cascadelake", "Cascade Lake", "cascade-lake", kOwn},
    {"Cooperlake", "Cooper Lake", "cascade-lake", kSameCore},
    {"Platinum 83", "Ice Lake-SP", "icelake-sp", kOwn},
    {"Gold 53", "Ice Lake-SP", "icelake-sp", kOwn},
    {"Gold 63", "Ice Lake-SP", "icelake-sp", kOwn},
    {"Silver 43", "Ice Lake-SP", "icelake-sp", kOwn},
    {"Processor (Icelake", "Ice Lake-SP", "icelake-sp", kOwn},
    {"Icelake", "Ice Lake", "icelake-sp", kSameCore},
    {"Platinum 84", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Gold 54", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Gold 64", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Silver 44", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Bronze 34", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Max 94", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"SapphireRapids", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Sapphire Rapids", "Sapphire Rapids", "sapphire-rapids", kOwn},
    {"Platinum 85", "Emerald Rapids", "sapphire-rapids", kNearestCore},
    {"Gold 55", "Emerald Rapids", "sapphire-rapids", kNearestCore},
    {"Gold 65", "Emerald Rapids", "sapphire-rapids", kNearestCore},
    {"Silver 45", "Emerald Rapids", "sapphire-rapids", kNearestCore},
    {"GraniteRapids", "Granite Rapids", "sapphire-rapids", kNearestCore},
    {"Granite Rapids", "Granite Rapids", "sapphire-rapids", kNearestCore},
    {"SierraForest", "Sierra Forest", "sapphire-rapids", kSmallCore},
    {"Alderlake", "Alder Lake", "sapphire-rapids", kSameCore},
    {"Core(TM) Ultra", "a Core Ultra", "sapphire-rapids", kNearestCore},
    {"Processor (Skylake", "Skylake-SP", "skylake-sp", kOwn},
    {"Skylake", "Skylake", "skylake-sp", kSameCore},
    {"Xeon(R)", "a Xeon", "skylake-sp", "the oldest platform of its vendor; the name does not tell the core"},
    {"Threadripper 7", "Zen 4", "genoa", kSameCore},
    {"Threadripper PRO 7", "Zen 4", "genoa", kSameCore},
    {"Ryzen AI", "Zen 5", "turin", kSameCore},
    {"Ryzen ? 9", "Zen 5", "turin", kSameCore},
    {"Ryzen ? 7", "Zen 4", "genoa", kSameCore},
    {"Ryzen ? 5", "Zen 3", "milan", kSameCore},
    {"Ryzen", "a Ryzen", "rome", "the oldest platform of its vendor; the name does not tell the core"},
    {"Opteron", "an Opteron", "rome", kSuccessor},
};

bool is_amd(const ProcessorFact& p) {
  const auto& n = p.name;
  if (p.family && (*p.family == 0x18 || (*p.family >= 0x14 && *p.family <= 0x1a))) return true;
  return n.find("AMD") != std::string::npos || n.find("EPYC") != std::string::npos ||
         n.find("Hygon") != std::string::npos || (p.family && *p.family >= 0x10 && *p.family <= 0x11);
}

bool is_intel(const ProcessorFact& p) {
  const auto& n = p.name;
  return n.find("Intel") != std::string::npos || n.find("INTEL") != std::string::npos ||
         n.find("Xeon") != std::string::npos || n.find("XEON") != std::string::npos || (p.family && *p.family == 6);
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool contains_word(const std::string& text, std::string_view word) {
  for (size_t at = 0; at + word.size() <= text.size(); ++at) {
    size_t same = 0;
    while (same < word.size() && (word[same] == '?' || upper(text[at + same]) == upper(word[same]))) ++same;
    if (same == word.size()) return true;
  }
  return false;
}

const ModelRow* find_model(std::span<const ModelRow> rows, const ProcessorFact& p) {
  const unsigned model = p.model.value_or(0);
  const unsigned stepping = p.stepping.value_or(0);
  for (const ModelRow& row : rows) {
    if (row.family == *p.family && row.first_model <= model && model <= row.last_model &&
        row.first_stepping <= stepping && stepping <= row.last_stepping) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace

PlatformChoice choose_platform(const ProcessorFact& processor) {
  const bool amd = is_amd(processor);
  const bool intel = !amd && is_intel(processor);
  const auto own = [](std::string_view reason) { return reason == kOwn; };
  if (processor.family && processor.model && (amd || intel)) {
    const ModelRow* row = amd ? find_model(kAmd, processor) : find_model(kIntel, processor);
    if (row != nullptr) return {row->platform, row->core, own(row->reason), row->reason};
  } else {
    for (const NameRow& row : kNames) {
      if (contains_word(processor.name, row.word) || contains_word(processor.events, row.word)) {
        return {row.platform, row.core, own(row.reason), row.reason};
      }
    }
  }
  const char* reason = "the newest platform of its vendor; the model is not known";
  if (amd) return {"turin", "", false, reason};
  if (intel) return {"sapphire-rapids", "", false, reason};
  return {"milan", "", false, "nothing is known of its core"};
}

}  // namespace mmusim
