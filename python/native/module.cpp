// SPDX-License-Identifier: MIT
// The functional machine and trace readers as mmusim._native. What users see is in python/mmusim.
#include <pybind11/pybind11.h>

#include "models/base/errors.h"
#include "python/native/functional_machine.h"
#include "python/native/trace.h"

/// SystemC's library wants this function from every program.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**) { return 0; }

namespace py = pybind11;
using namespace mmusim;

namespace {

/// Raises mmusim.InputError, or mmusim.Error with the exit code that the program would have.
void raise(const char* type, const char* message, ExitCode code) {
  const py::object error = py::module_::import("mmusim").attr(type);
  PyErr_SetObject(error.ptr(), error(message, static_cast<int>(code)).ptr());
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const InputError& e) {
    raise("InputError", e.what(), ExitCode::kBadInput);
  } catch (const EnvironmentError& e) {
    raise("Error", e.what(), ExitCode::kEnvironment);
  } catch (const JobError& e) {
    raise("Error", e.what(), ExitCode::kJobFailed);
  }
}

}  // namespace

PYBIND11_MODULE(_native, m) {
  py::register_exception_translator(translate);
  m.attr("DTYPE") = access_dtype();
  py::class_<PythonMachine>(m, "FunctionalMachine")
      .def(py::init<const std::string&, const std::string&, const std::string&, unsigned, uint64_t>())
      .def("access", &PythonMachine::access)
      .def("play", &PythonMachine::play)
      .def("totals", &PythonMachine::totals)
      .def("faults", &PythonMachine::faults);
  py::class_<PythonTrace>(m, "Trace")
      .def(py::init<const std::string&, const std::string&, size_t, bool>())
      .def("next", &PythonTrace::next)
      .def("info", &PythonTrace::info);
}
