// SPDX-License-Identifier: MIT
#include "models/base/config.h"
#include "models/base/config_files.h"
#include "sim/library/platform_content.h"
#include "sim/scenario/settings.h"

namespace mmusim {
inline namespace v0 {

namespace {

std::shared_ptr<const Platform::Content> checked(nlohmann::json document, const std::string& file) {
  PlatformConfig config = read_platform_document(document, file);
  return std::make_shared<const Platform::Content>(Platform::Content{std::move(document), file, std::move(config)});
}

}  // namespace

Platform Platform::load(const std::string& name_or_path) {
  return Platform(checked(platform_document(name_or_path), find_config("platforms", name_or_path)));
}

Platform Platform::parse(const std::string& json, const std::string& name) {
  return Platform(checked(parse_json_text(json, name), name));
}

std::vector<std::string> Platform::names() { return config_names("platforms"); }

Platform& Platform::set(const std::string& pointer, const std::string& value) {
  ChosenPlatform chosen =
      choose_platform(content_->document, content_->file, "", {"/platform" + pointer + "=" + value});
  content_ =
      std::make_shared<const Content>(Content{std::move(chosen.document), content_->file, std::move(chosen.config)});
  return *this;
}

std::string Platform::json() const { return content_->document.dump(1); }
std::string Platform::name() const { return content_->config.name; }
unsigned Platform::cores() const { return content_->config.cores; }
double Platform::core_ghz() const { return 1000.0 / content_->config.period_ps; }

void add_config_folder(const std::string& folder) { mmusim::add_folder_of_configs(folder); }

}  // namespace v0
}  // namespace mmusim
