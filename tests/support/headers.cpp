// SPDX-License-Identifier: MIT
// Precompiled headers have to belong to something.
