// SPDX-License-Identifier: MIT
// The building of the vmemmap's page tables, entry by entry: what each kernel function writes, with the tables drawn as they grow.
'use strict';

const play = (() => {
  const { make, button, choice, section, whole, number } = page;
  const kEntries = 512,
    kColumns = 32,
    kCell = 6;
  const told = report.runs.filter((r) => r.story);

  // Steps as objects; those of a run are read once.
  const stories = new Map();
  function storyOf(run) {
    if (!stories.has(run)) {
      const { columns, steps, ...rest } = run.story;
      stories.set(run, {
        ...rest,
        steps: steps.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))),
      });
    }
    return stories.get(run);
  }

  // Tables after the first `count` steps: table -> {level, cells: what each entry is}.
  function tablesAfter(steps, count) {
    const tables = new Map();
    for (const step of steps.slice(0, count)) {
      if (!tables.has(step.table))
        tables.set(step.table, { level: step.level, cells: new Array(kEntries).fill(''), used: 0 });
      const table = tables.get(step.table);
      const entry = entries.decode(step.new, step.level);
      const kind = !entry.present ? '' : entry.table ? 'table' : entry.writable ? 'leaf' : 'read-only';
      for (let i = step.index; i < Math.min(kEntries, step.index + step.count); ++i) {
        table.used += (kind !== '') - (table.cells[i] !== '');
        table.cells[i] = kind;
      }
    }
    return tables;
  }

  // ---- the drawing of one table: 512 cells ----
  const svg = (tag, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const square = (i) => `M${(i % kColumns) * kCell} ${Math.floor(i / kColumns) * kCell}h${kCell}v${kCell}h-${kCell}z`;
  const outline = [...Array(kEntries).keys()].map(square).join('');
  function drawing(table, now, label) {
    const node = svg('svg', {
      viewBox: `-1 -1 ${kColumns * kCell + 2} ${(kEntries / kColumns) * kCell + 2}`,
      role: 'img',
      'aria-label': label,
    });
    for (const kind of ['table', 'leaf', 'read-only']) {
      node.append(
        svg('path', {
          class: `cell-${kind}`,
          d: (table?.cells ?? []).map((c, i) => (c === kind ? square(i) : '')).join(''),
        }),
      );
    }
    node.append(svg('path', { class: 'cell-grid', d: outline }));
    if (now !== null) node.append(svg('path', { class: 'cell-now', d: square(now) }));
    return node;
  }

  // Index into the table of a level that an address uses.
  const indexOf = (va, level) => Number((BigInt(va) >> BigInt(12 + 9 * (level - 1))) & 511n);

  function player() {
    const state = { run: told[0], at: 1, timer: null, pause: 400 };
    const story = () => storyOf(state.run);
    const said = make('p', { class: 'said', role: 'status' });
    const place = make('p', { class: 'note' });
    const levels = make('ol', { class: 'levels', 'aria-label': 'tables on the path of the entry' });
    const slider = make('input', { type: 'range', min: '1', 'aria-label': 'step' });
    const choices = make('div', { class: 'bar' });

    function sentence(step) {
      const { functions } = story();
      const entry = entries.decode(step.new, step.level);
      const name = functions[step.function];
      const does = entries.does(name);
      const where = `${entries.levels[step.level]}[${step.index}]`;
      const rest = step.count > 1 ? ` and the ${whole.format(step.count - 1)} entries after it` : '';
      const to = !entry.present
        ? 'is cleared'
        : entry.table
          ? `points to the table at ${entry.frame}`
          : `maps ${entry.size} at ${entry.frame}`;
      const parts = [
        make('code', { text: name }),
        does ? ` ${does}: ` : ': ',
        `${where}${rest} ${to}`,
        entry.present ? ` (${entry.flags}).` : '.',
      ];
      if (step.frame_source !== null)
        parts.push(
          ' The frame came from ',
          make('code', { text: functions[step.frame_source] }),
          step.frame_zeroed ? ', zeroed.' : '.',
        );
      if (BigInt(step.old) !== 0n) parts.push(` Before: ${step.old}.`);
      return parts;
    }

    // The functions that write entries of each level in this phase.
    function writers(step) {
      const { steps, functions } = story();
      const names = {};
      for (const s of steps) if (s.phase === step.phase) (names[s.level] ??= new Set()).add(functions[s.function]);
      return names;
    }

    function show() {
      const { steps, phases, omitted } = story();
      const step = steps[state.at - 1];
      const tables = tablesAfter(steps, state.at);
      const names = writers(step);
      const top = Math.max(...steps.map((s) => s.level));
      levels.replaceChildren();
      let table = null;
      for (let level = top; level >= 1; --level) {
        const index = indexOf(step.va, level);
        if (level === step.level) table = step.table;
        else if (level > step.level || table === null) {
          const first = steps
            .slice(0, state.at)
            .findLast(
              (s) =>
                s.level === level &&
                BigInt(s.va) >> BigInt(12 + 9 * level) === BigInt(step.va) >> BigInt(12 + 9 * level),
            );
          table = first?.table ?? null;
        } else table = null;
        const known = level >= step.level ? tables.get(table) : null;
        const active = level === step.level;
        levels.append(
          make(
            'li',
            { class: `level${active ? ' active' : ''}` },
            make('h3', { text: `${entries.levels[level]} table` }),
            make('div', {
              class: 'function',
              text: [...(names[level] ?? [])].join(', ') || 'not written in this phase',
            }),
            drawing(
              known,
              level >= step.level ? index : null,
              known ? `${known.used} of 512 entries used` : 'no table yet',
            ),
            make('div', {
              class: 'to',
              text:
                level < step.level
                  ? entries.decode(step.new, step.level).table
                    ? 'the new table below, still empty'
                    : 'not needed: mapped above'
                  : known
                    ? `at ${table}: ${known.used} of 512 entries used`
                    : 'written before this log begins',
            }),
          ),
        );
      }
      said.replaceChildren(...sentence(step));
      const written = steps.slice(0, state.at).reduce((sum, s) => sum + s.count, 0);
      place.textContent =
        `Step ${whole.format(state.at)} of ${whole.format(steps.length)}, ${phases[step.phase]}, cycle ${whole.format(step.cycle)}${step.last_cycle > step.cycle ? ` to ${whole.format(step.last_cycle)}` : ''}, ` +
        `address ${step.va}; ${page.count(written, 'write')} so far, in ${page.count(tables.size, 'table')}${omitted ? `; ${number(omitted)} later writes are not kept in this report` : ''}. ` +
        `Record ${whole.format(step.record)} of the event log.`;
      slider.value = String(state.at);
    }
    const go = (to) => {
      state.at = Math.max(1, Math.min(story().steps.length, to));
      show();
    };
    // The next step that does other than the one before: another level, table or function.
    const nextTable = () => {
      const { steps } = story();
      const now = steps[state.at - 1];
      const next = steps.findIndex((s, i) => i >= state.at && (s.table !== now.table || s.function !== now.function));
      go(next < 0 ? steps.length : next + 1);
    };
    const stop = () => {
      clearInterval(state.timer);
      state.timer = null;
      running.textContent = 'play';
      said.setAttribute('role', 'status');
    };
    const running = button('play', () => {
      if (state.timer !== null) return stop();
      if (state.at === story().steps.length) go(1);
      running.textContent = 'pause';
      said.removeAttribute('role'); // nobody wants every step of a film read aloud
      state.timer = setInterval(() => (state.at < story().steps.length ? go(state.at + 1) : stop()), state.pause);
    });
    const controls = () => {
      const { steps, phases } = story();
      slider.max = String(steps.length);
      const begins = [...new Set(steps.map((s) => s.phase))].map((p) => [
        steps.findIndex((s) => s.phase === p) + 1,
        phases[p],
      ]);
      choices.replaceChildren(
        ...(told.length > 1
          ? [
              choice(
                'run',
                told.map((r, i) => [i, r.label]),
                told.indexOf(state.run),
                (i) => choose(told[i], 1),
              ),
            ]
          : []),
        ...(begins.length > 1 ? [choice('phase', begins, begins[0][0], (at) => go(Number(at)))] : []),
        choice(
          'speed',
          [
            [1000, 'slow'],
            [400, 'normal'],
            [60, 'fast'],
          ],
          state.pause,
          (v) => {
            state.pause = Number(v);
            if (state.timer !== null) {
              stop();
              running.click();
            }
          },
        ),
      );
    };
    const choose = (run, at) => {
      stop();
      state.run = run;
      controls();
      go(at);
    };
    slider.addEventListener('input', () => {
      stop();
      go(Number(slider.value));
    });
    controls();
    show();
    const bar = make(
      'div',
      { class: 'bar' },
      button('\u00ab first', () => go(1)),
      button('\u2039 back', () => go(state.at - 1)),
      running,
      button('next entry \u203a', () => go(state.at + 1)),
      button('next table \u00bb', nextTable),
      slider,
    );
    return { nodes: [choices, bar, place, said, levels], choose };
  }

  let shownPlayer = null;
  function build() {
    if (!told.length) return;
    shownPlayer = player();
    const key = [
      ['run1', 'points to a table'],
      ['run0', 'maps memory'],
      ['run2', 'maps memory read-only'],
    ];
    section(
      'play',
      'How the tables were built',
      make('p', {
        class: 'note',
        text: 'Every write of an entry in the order of the simulated kernel. Each square is one of the 512 entries of a table; the outlined one is written now. Of a long row of entries the first 16 are shown one by one.',
      }),
      make(
        'p',
        { class: 'legend' },
        ...key.map(([color, text]) => make('span', {}, page.swatch(`var(--${color})`), text)),
      ),
      make('div', { class: 'play' }, ...shownPlayer.nodes),
    );
  }
  // A button that plays the write of an entry: record number `record` of the run's event log; null where it is not kept.
  function link(run, record) {
    if (!run.story) return null;
    const { steps } = storyOf(run);
    const at = steps.findLastIndex((s) => s.record <= record);
    if (at < 0 || (record > steps[at].record && (steps[at].count === 1 || at + 1 === steps.length))) return null;
    return button(
      'play',
      () => {
        shownPlayer.choose(run, at + 1);
        document.getElementById('play').scrollIntoView();
      },
      { title: `record ${whole.format(record)} of events.jsonl.zst` },
    );
  }

  return { build, link };
})();
