// SPDX-License-Identifier: MIT
// Exceptions under the address sanitizer. It marks the memory around the variables of a function and takes the marks
// away when the function returns; an exception skips that, so before each throw it clears the whole stack instead. It
// has to know where the stack ends, and neither SystemC 2.3.4 tells it when it returns from its threads to the host's
// stack, nor do fibers: from then on the marks stay, and the next function that is called there is accused of an
// overflow. The linker puts this in place of the sanitizer's own (cmake/warnings.cmake): the unwinder knows where any
// stack ends.
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MMUSIM_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MMUSIM_ASAN
#endif

#ifdef MMUSIM_ASAN
#include <sanitizer/asan_interface.h>
#include <unwind.h>

extern "C" [[gnu::no_sanitize_address]] void __wrap___asan_handle_no_return() {
  const auto outer = [](_Unwind_Context* frame, void* top) {
    *static_cast<uintptr_t*>(top) = _Unwind_GetCFA(frame);
    return _URC_NO_REASON;
  };
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  uintptr_t top = here;
  _Unwind_Backtrace(outer, &top);
  if (top > here) __asan_unpoison_memory_region(reinterpret_cast<void*>(here), top - here);
}
#endif
