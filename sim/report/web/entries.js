// SPDX-License-Identifier: MIT
// Page-table entries in words: levels, flags, frames, and what the kernel's functions do.
'use strict';

const entries = (() => {
  const kLevels = { 1: 'PTE', 2: 'PMD', 3: 'PUD', 4: 'PGD/P4D', 5: 'PGD' };
  const kSizes = { 1: '4 KiB', 2: '2 MiB', 3: '1 GiB' };
  const kFlags = [
    [0, 'present'],
    [1, 'writable'],
    [2, 'user'],
    [3, 'write-through'],
    [4, 'uncached'],
    [5, 'accessed'],
    [6, 'dirty'],
    [8, 'global'],
    [63, 'no-execute'],
  ];
  const bit = (value, n) => (value >> BigInt(n)) & 1n;

  const decode = (text, level) => {
    const value = BigInt(text);
    const present = bit(value, 0) === 1n;
    const table = present && level > 1 && bit(value, 7) === 0n;
    return {
      present,
      table,
      writable: bit(value, 1) === 1n,
      frame: `0x${(value & 0x000ffffffffff000n).toString(16)}`,
      flags: kFlags
        .filter(([n]) => bit(value, n))
        .map(([, name]) => name)
        .join(' '),
      size: kSizes[level] ?? '',
    };
  };

  // Of the functions of mm/sparse-vmemmap.c, mm/sparse.c, mm/hugetlb_vmemmap.c and arch/x86/mm/init_64.c.
  const kDoes = {
    vmemmap_pgd_populate: 'makes sure the top table has an entry',
    vmemmap_p4d_populate: 'makes sure there is a table of PUDs',
    vmemmap_pud_populate: 'makes sure there is a table of PMDs',
    vmemmap_pmd_populate: 'makes sure there is a table of PTEs',
    vmemmap_pte_populate: 'maps one 4 KiB page of struct pages',
    vmemmap_set_pmd: 'maps 2 MiB of struct pages with one entry',
    vmemmap_populate_hugepages: 'maps 2 MiB of struct pages with one entry',
    vmemmap_split_pmd: 'splits a 2 MiB mapping into 512 entries, so that single pages can be given back',
    vmemmap_remap_pte: 'makes a tail page point to the one page that is kept',
    vmemmap_restore_pte: 'gives a tail page memory of its own again',
    vmemmap_alloc_block_zero: 'takes a zeroed page for a table',
    vmemmap_alloc_block_buf: 'takes memory for struct pages',
    sparse_buffer_alloc: 'takes memory for struct pages from the section buffer',
  };

  return { levels: kLevels, decode, does: (name) => kDoes[name] ?? '' };
})();
