// SPDX-License-Identifier: MIT
// Misses of TLBs of other sizes, as `replay --what-if` counts them.
'use strict';

const whatIf = (() => {
  const { make, section, whole, four } = page;
  const { comparison, runs, visible } = report;
  const { figure } = figures;

  const nameOf = (curve) => `${curve.page_size} pages, ${curve.ways ? `${curve.ways}-way` : 'fully associative'}`;

  // Runs of one trace have the same curves: of those only the first is drawn.
  function distinct(curve) {
    const seen = new Set();
    return runs.filter((run) => {
      const misses = JSON.stringify(curve.runs[run.label]);
      return misses && !seen.has(misses) && seen.add(misses);
    });
  }

  function curves() {
    const all = comparison.what_if ?? [];
    if (!all.length) return;
    const several = all.some((curve) => distinct(curve).length > 1);
    const points = all.flatMap((curve, index) =>
      distinct(curve).flatMap((run) =>
        curve.entries.map((entries, i) => ({ curve, index, run, entries, misses: curve.runs[run.label][i] })),
      ),
    );
    const sizes = all[0].entries;
    section(
      'what-if',
      'What other TLBs would miss',
      make('p', {
        class: 'note',
        text: 'Misses of one TLB alone, by its entries, with everything in pages of one size and true LRU. Instruction fetches are left out.',
      }),
      figure({
        label: 'misses of one TLB by its entries',
        legend: all.map((curve, i) => ({ key: nameOf(curve), name: nameOf(curve), color: `var(--run${i})` })),
        spec: (width, theme, { hidden }) =>
          charts.lines(
            points
              .filter(({ curve, run }) => !hidden.has(nameOf(curve)) && (!several || visible().includes(run)))
              .map(({ curve, index, run, entries, misses }) => ({
                series: `${run.label}, ${nameOf(curve)}`,
                x: entries,
                y: misses,
                color: theme.get(`run${index}`),
                dash: charts.dashes[several ? run.index % charts.dashes.length : 0],
                tip: `${several ? `${run.label}, ` : ''}${nameOf(curve)}\n${whole.format(entries)} entries: ${four.format(misses)} misses per 1000 lookups`,
              })),
            width,
            theme,
            {
              x: {
                title: 'entries, logarithmic scale',
                type: 'log',
                domain: [sizes[0], sizes.at(-1)],
                format: ',d',
                values: sizes,
              },
              y: { title: 'misses per 1000 lookups', format: '~r' },
            },
          ),
        head: [...(several ? ['run'] : []), 'TLB', 'entries', 'misses per 1000 lookups'],
        rows: points.map(({ curve, run, entries, misses }) => [
          ...(several ? [run.label] : []),
          nameOf(curve),
          whole.format(entries),
          four.format(misses),
        ]),
      }),
    );
  }

  return { curves };
})();
