// SPDX-License-Identifier: MIT
#include "sim/bootlog/tar_library.h"

#include <dlfcn.h>

#include "models/base/errors.h"
#include "models/base/format.h"

namespace mmusim {

namespace {

constexpr const char* kName = "libarchive.so.13";

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) throw EnvironmentError(fmt::format("{}: has no function {}", kName, name));
}

TarLibrary load() {
  void* const library = ::dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) throw EnvironmentError(fmt::format("cannot load the library of archives: {}", ::dlerror()));
  TarLibrary tar{};
  find(library, "archive_read_new", tar.read_new);
  find(library, "archive_read_free", tar.read_free);
  find(library, "archive_read_support_format_tar", tar.support_tar);
  find(library, "archive_read_open", tar.open);
  find(library, "archive_read_next_header", tar.next_header);
  find(library, "archive_read_data", tar.data);
  find(library, "archive_error_string", tar.error_string);
  find(library, "archive_entry_pathname", tar.pathname);
  find(library, "archive_entry_filetype", tar.filetype);
  return tar;
}

}  // namespace

const TarLibrary& tar_library() {
  static const TarLibrary library = load();
  return library;
}

}  // namespace mmusim
