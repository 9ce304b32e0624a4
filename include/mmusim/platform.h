// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace mmusim {
inline namespace v0 {

/// A processor and its memory: TLBs, paging-structure caches, page walkers, caches, DRAM. configs/README.md lists every
/// key, `mmusim keys` prints them.
///
/// All functions throw std::runtime_error for wrong input; what() names the file, the JSON pointer, what is wrong and
/// what was expected.
class Platform {
 public:
  /// Reads a shipped platform by name ("milan") or a file. MMUSIM_CONFIGS and add_config_folder() add folders in which
  /// names are looked for.
  static Platform load(const std::string& name_or_path);
  /// Reads the JSON text of a platform; `name` stands for it in messages.
  static Platform parse(const std::string& json, const std::string& name = "platform");
  /// Returns the names of the platforms that load() finds.
  static std::vector<std::string> names();

  /// Sets one value, "/tlbs/stlb/arrays/0/entries" to "2048" say; `value` is JSON, or a bare word. The platform is
  /// checked as a whole again and stays as it was if that fails.
  Platform& set(const std::string& pointer, const std::string& value);

  /// Returns the platform as JSON text.
  std::string json() const;
  std::string name() const;
  /// Returns the number of cores of a machine of this platform.
  unsigned cores() const;
  double core_ghz() const;

  struct Content;
  const Content& content() const { return *content_; }

 private:
  explicit Platform(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

/// Adds a folder with the subfolders "platforms", "dram" and "scenarios" to those in which names are looked for. The
/// folder added last is asked first.
void add_config_folder(const std::string& folder);

#ifdef MMUSIM_CONFIG_FOLDER
namespace detail {
/// The installed package names its own folder to programs that link it.
inline const bool kConfigFolderAdded = (add_config_folder(MMUSIM_CONFIG_FOLDER), true);
}  // namespace detail
#endif

}  // namespace v0
}  // namespace mmusim
