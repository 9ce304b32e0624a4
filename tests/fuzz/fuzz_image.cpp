// SPDX-License-Identifier: MIT
// Arbitrary bytes as the two files of a page-table image, up to a zero byte the description and behind it the records:
// tables that can be walked, or a message.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "models/base/errors.h"
#include "models/base/phys_mem.h"
#include "sim/recorded/image_check.h"
#include "sim/recorded/page_table_image.h"

namespace {

/// Returns the folder of this process's files, made once.
const std::string& folder() {
  static const std::string path = [] {
    std::string name =
        std::filesystem::is_directory("/dev/shm") ? "/dev/shm/fuzz-image-XXXXXX" : "/tmp/fuzz-image-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    static const std::string made = name;
    std::atexit([] { std::filesystem::remove_all(made); });
    return name;
  }();
  return path;
}

void put(const std::string& path, const uint8_t* begin, const uint8_t* end) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(begin), end - begin);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mmusim;
  const uint8_t* const end = data + size;
  const uint8_t* const middle = std::find(data, end, 0);
  put(folder() + "/i.json", data, middle);
  put(folder() + "/i.ptimg.xz", middle == end ? end : middle + 1, end);
  try {
    PhysMem memory;
    const PageTableImage image = load_page_table_image(folder() + "/i.json", memory);
    (void)check_image(image, memory, pure_translation(image, memory));
  } catch (const InputError&) {
  }
  return 0;
}

/// The libraries may ask for it; nothing is simulated here.
int sc_main(int, char**) { return 0; }
