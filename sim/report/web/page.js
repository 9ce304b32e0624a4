// SPDX-License-Identifier: MIT
// Elements, numbers with units, sections and colours: the parts of every page.
'use strict';

const page = (() => {
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'text') node.textContent = value;
      else if (value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const button = (text, act, attributes = {}) => {
    const node = make('button', { type: 'button', text, ...attributes });
    node.addEventListener('click', act);
    return node;
  };
  const choice = (text, options, value, act) => {
    const select = make('select', {}, ...options.map(([v, name]) => make('option', { value: v, text: name })));
    select.value = value;
    select.addEventListener('change', () => act(select.value));
    return make('label', { class: 'choice' }, `${text} `, select);
  };

  // ---- numbers ----
  const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  const digits = (n) => new Intl.NumberFormat('en-US', { maximumSignificantDigits: n });
  const [three, four] = [digits(3), digits(4)];
  const number = (v) => (Number.isInteger(v) || Math.abs(v) >= 10000 ? whole : four).format(v);
  const scaled = (v, steps, format) => {
    const [by, unit] = steps.find(([least]) => Math.abs(v) >= least) ?? steps[steps.length - 1];
    return `${format.format(v / by)} ${unit}`;
  };
  const bytes = (v) =>
    scaled(
      v,
      ['PiB', 'TiB', 'GiB', 'MiB', 'KiB', 'B'].map((unit, i) => [2 ** (10 * (5 - i)), unit]),
      four,
    );
  const duration = (ns) =>
    scaled(
      ns,
      [
        [1e9, 's'],
        [1e6, 'ms'],
        [1e3, '\u00b5s'],
        [1, 'ns'],
      ],
      three,
    );
  const percent = (part, all) =>
    !all ? '-' : part > 0 && part / all < 0.0001 ? '<0.01 %' : `${three.format((100 * part) / all)} %`;
  const ratio = (r) =>
    r === null || r === undefined
      ? ''
      : r > 0 && r < 0.01
        ? `1/${whole.format(1 / r)}`
        : `${r >= 1000 ? whole.format(r) : three.format(r)}\u00d7`;
  const shown = (unit, v) =>
    unit === 'bytes' ? bytes(v) : unit === 'ns' ? duration(v) : unit === '%' ? `${three.format(v)} %` : number(v);

  const count = (n, what) => `${number(n)} ${what}${n === 1 ? '' : 's'}`;
  // A metric's name, with its unit where neither the name nor the values say it.
  const titleOf = ({ label, unit }) =>
    ['bytes', 'ns', '%'].includes(unit) || label.includes(unit) ? label : `${label} (${unit})`;

  // ---- tables ----
  const cell = (tag, content, attributes) => {
    const node = make(tag, attributes);
    node.append(...(Array.isArray(content) ? content : [content]));
    return node;
  };
  const scroller = (label, table, tall = false) =>
    make(
      'div',
      { class: `scroll${tall ? ' tall' : ''}`, tabindex: '0', role: 'region', 'aria-label': `table: ${label}` },
      table,
    );
  // The first column names the row; `text` lists further columns of words.
  const table = (label, head, rows, { text = [], tall = rows.length > 14 } = {}) => {
    const kind = (i) => (i === 0 || text.includes(i) ? 'text' : undefined);
    return scroller(
      label,
      make(
        'table',
        {},
        make('thead', {}, make('tr', {}, ...head.map((h, i) => cell('th', h, { scope: 'col', class: kind(i) })))),
        make(
          'tbody',
          {},
          ...rows.map((row) =>
            make(
              'tr',
              {},
              ...row.map((v, i) =>
                cell(i === 0 ? 'th' : 'td', v, { scope: i === 0 ? 'row' : undefined, class: kind(i) }),
              ),
            ),
          ),
        ),
      ),
      tall,
    );
  };

  // ---- sections, each with its line in the contents ----
  const contents = document.getElementById('contents');
  const enter = (id, title, ...children) => {
    contents.append(make('li', {}, make('a', { href: `#${id}`, text: title })));
    const node = make('section', { id, 'aria-labelledby': `${id}-title` }, ...children);
    document.getElementById('main').append(node);
    return node;
  };
  const heading = (id, title) => make('h2', { id: `${id}-title`, text: title });
  const section = (id, title, ...children) => enter(id, title, heading(id, title), ...children);
  // A section that is closed until somebody wants it; fill() makes its contents then.
  const folded = (id, title, note, fill) => {
    const details = make(
      'details',
      { class: 'folded' },
      make('summary', {}, heading(id, title), make('span', { class: 'note', text: note })),
    );
    details.addEventListener('toggle', () => {
      if (details.open && details.children.length === 1) details.append(...fill());
    });
    return enter(id, title, details);
  };
  const open = (id) => {
    const details = document.getElementById(id)?.querySelector(':scope > details.folded');
    if (details) details.open = true;
  };
  contents.addEventListener('click', (event) => {
    const link = event.target.closest('a');
    if (link) open(link.hash.slice(1));
  });

  // ---- colours ----
  const kRuns = 12;
  const kHits = 5;
  const runColor = (i) => `var(--run${i % kRuns})`;
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    const list = (name, n) => [...Array(n).keys()].map((i) => get(name + i));
    return {
      get,
      page: get('page'),
      ink: get('ink'),
      faint: get('faint'),
      line: get('line'),
      accent: get('accent'),
      font: getComputedStyle(document.body).fontFamily,
      runs: list('run', kRuns),
      hits: list('hit', kHits),
    };
  };
  const swatch = (color) => make('i', { class: 'swatch', style: `background: ${color}`, 'aria-hidden': 'true' });

  return {
    make,
    button,
    choice,
    whole,
    three,
    four,
    number,
    bytes,
    duration,
    percent,
    ratio,
    shown,
    count,
    titleOf,
    table,
    scroller,
    section,
    folded,
    open,
    theme,
    runColor,
    swatch,
  };
})();
